//! A manager's desk in this process, from which a real worker is told what to do: for what a worker does
//! with a desired state, whatever a manager would have wanted. It decides nothing and checks no token.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Json;
use axum::extract::{Path as InPath, Query, State as Held};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use steading_protocol::desired::{
    DesiredApp, DesiredState, Heartbeat, JoinRequest, ModuleRef, PlacementsReport,
};
use steading_protocol::{Digest, Generation, Limits, VersionNumber};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::eventually;

/// What a worker does to a state, as long as nothing is held back, comes within this.
const WITHIN: Duration = Duration::from_secs(60);

/// An open desk; closes when dropped.
#[derive(Debug)]
pub struct Desk {
    url: String,
    told: Arc<Told>,
    task: JoinHandle<()>,
}

/// What the worker is told, and what it has told.
#[derive(Debug, Default)]
struct Told {
    desired: watch::Sender<DesiredState>,
    modules: Mutex<HashMap<Digest, Module>>,
    join: Mutex<Option<JoinRequest>>,
    heartbeats: Mutex<Vec<Heartbeat>>,
    report: Mutex<Option<PlacementsReport>>,
}

#[derive(Debug)]
struct Module {
    wasm: Vec<u8>,
    fetches: usize,
    /// Whether it is given out; who asks before waits.
    open: watch::Sender<bool>,
}

impl Desk {
    /// Where workers find it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Opens it, wanting nothing of a worker yet.
    pub async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let told = Arc::new(Told::default());
        let own = "/api/v1/workers/{worker}";
        let router = axum::Router::new()
            .route("/api/v1/workers/join", post(join))
            .route(&format!("{own}/heartbeat"), post(heartbeat))
            .route(&format!("{own}/placements"), post(placements))
            .route(&format!("{own}/leave"), post(async || Json(json!({}))))
            .route(&format!("{own}/desired"), get(desired))
            .route("/api/v1/modules/{digest}", get(module))
            .with_state(Arc::clone(&told));
        let task = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("the desk stays open");
        });
        Self { url, told, task }
    }

    /// Puts a module on the desk.
    pub fn module(&self, wasm: Vec<u8>) -> ModuleRef {
        let digest = Digest::from_bytes(Sha256::digest(&wasm).into());
        let size_bytes = wasm.len() as u64;
        let module = Module { wasm, fetches: 0, open: watch::Sender::new(true) };
        held(&self.told.modules).insert(digest.clone(), module);
        ModuleRef { digest, size_bytes }
    }

    /// Takes a module off the desk, so that it cannot be fetched.
    pub fn lose(&self, module: &ModuleRef) {
        held(&self.told.modules).remove(&module.digest);
    }

    /// Lets whoever fetches a module wait, or lets it go on.
    pub fn give_out(&self, module: &ModuleRef, open: bool) {
        held(&self.told.modules)[&module.digest].open.send_replace(open);
    }

    /// How often a module was asked for.
    pub fn fetches(&self, module: &ModuleRef) -> usize {
        held(&self.told.modules)[&module.digest].fetches
    }

    /// Wants these versions, and that these modules are held.
    pub fn want(&self, apps: Vec<DesiredApp>, hold: Vec<ModuleRef>) -> Generation {
        self.told.desired.send_modify(|desired| {
            let generation = Generation(desired.generation.0 + 1);
            *desired = DesiredState { generation, apps, hold };
        });
        self.told.desired.borrow().generation
    }

    /// Waits until the worker reports something.
    pub async fn reported(
        &self,
        what: &str,
        wanted: impl Fn(&PlacementsReport) -> bool,
    ) -> PlacementsReport {
        eventually(what, WITHIN, || async {
            match &*held(&self.told.report) {
                Some(report) if wanted(report) => Ok(report.clone()),
                other => Err(format!("{other:?}")),
            }
        })
        .await
    }

    /// Waits until the worker has applied a generation.
    pub async fn applied(&self, generation: Generation) -> PlacementsReport {
        let what = format!("generation {generation} to be applied");
        self.reported(&what, |report| report.applied == generation).await
    }

    /// Waits until a heartbeat says something.
    pub async fn heartbeat(&self, what: &str, wanted: impl Fn(&Heartbeat) -> bool) -> Heartbeat {
        eventually(what, WITHIN, || async {
            match held(&self.told.heartbeats).last() {
                Some(heartbeat) if wanted(heartbeat) => Ok(heartbeat.clone()),
                other => Err(format!("{other:?}")),
            }
        })
        .await
    }

    /// Every heartbeat so far.
    pub fn heartbeats(&self) -> Vec<Heartbeat> {
        held(&self.told.heartbeats).clone()
    }

    /// What the worker said when it joined last.
    pub fn joined(&self) -> JoinRequest {
        held(&self.told.join).clone().expect("the worker has joined")
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A version of an app with the one function `hello` at `/hello`, in a module of
/// [`wasm`](crate::wasm), and a share in percent.
pub fn version(app: &str, version: u32, percent: u8, module: &ModuleRef) -> DesiredApp {
    let hello = app_of(app, "hello", module, Limits::default());
    DesiredApp { version: VersionNumber(version), percent, ..hello }
}

/// Version 1 of an app with one function of a module, at its own name, with limits.
pub fn app_of(app: &str, function: &str, module: &ModuleRef, limits: Limits) -> DesiredApp {
    let desired = json!({
        "app": app,
        "version": 1,
        "hosts": [],
        "modules": [module],
        "functions": [{
            "name": function,
            "module": module.digest,
            "export": format!("steading.http.{function}"),
            "trigger": { "type": "http", "route": function, "methods": [], "auth": "anonymous" },
            "limits": limits,
        }],
    });
    serde_json::from_value(desired).expect("this is a version of an app")
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn join(Held(told): Held<Arc<Told>>, Json(join): Json<JoinRequest>) -> Json<Value> {
    *held(&told.join) = Some(join);
    Json(json!({"worker": "w1", "token": "t", "heartbeat_ms": 2000}))
}

async fn heartbeat(Held(told): Held<Arc<Told>>, Json(heartbeat): Json<Heartbeat>) -> Json<Value> {
    held(&told.heartbeats).push(heartbeat);
    Json(json!({"generation": told.desired.borrow().generation}))
}

async fn placements(
    Held(told): Held<Arc<Told>>,
    Json(report): Json<PlacementsReport>,
) -> Json<Value> {
    *held(&told.report) = Some(report);
    Json(json!({}))
}

async fn desired(
    Held(told): Held<Arc<Told>>,
    Query(query): Query<HashMap<String, u64>>,
) -> Response {
    let mut desired = told.desired.subscribe();
    let newer = desired.wait_for(|desired| desired.generation.0 > query["after"]);
    let wait = Duration::from_millis(query["wait_ms"]);
    match tokio::time::timeout(wait, newer).await {
        Ok(Ok(desired)) => Json(desired.clone()).into_response(),
        _ => StatusCode::NO_CONTENT.into_response(),
    }
}

async fn module(Held(told): Held<Arc<Told>>, InPath(digest): InPath<Digest>) -> Response {
    let found = held(&told.modules).get_mut(&digest).map(|module| {
        module.fetches += 1;
        (module.wasm.clone(), module.open.subscribe())
    });
    let Some((wasm, mut open)) = found else { return StatusCode::NOT_FOUND.into_response() };
    match open.wait_for(|open| *open).await {
        Ok(_) => wasm.into_response(),
        Err(_) => StatusCode::NOT_FOUND.into_response(),
    }
}
