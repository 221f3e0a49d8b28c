//! A manager's desk: answers the calls that a worker makes to its manager from a state that the
//! benchmark sets whole, so that what is measured is the worker and not how fast 1,000 apps can be
//! published one by one. It decides nothing and checks no token.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use steading_protocol::Generation;
use steading_protocol::desired::{DesiredState, PlacementState, PlacementsReport};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::App;

/// An open desk; closes when dropped.
pub struct Desk {
    address: SocketAddr,
    state: Arc<State>,
    task: JoinHandle<()>,
}

struct State {
    desired: watch::Sender<DesiredState>,
    modules: Mutex<HashMap<String, Bytes>>,
    report: watch::Sender<PlacementsReport>,
}

/// How long a worker's pull waits for news here.
const PULL_WAIT: Duration = Duration::from_secs(20);

/// Compiling 1,000 modules on a busy machine ends within this.
const READY_WITHIN: Duration = Duration::from_secs(240);

impl Desk {
    /// Opens it on a free port of loopback, wanting nothing of a worker yet.
    pub async fn open() -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let nothing = PlacementsReport {
            generation: Generation(0),
            applied: Generation(0),
            placements: vec![],
        };
        let state = Arc::new(State {
            desired: watch::Sender::new(DesiredState::default()),
            modules: Mutex::default(),
            report: watch::Sender::new(nothing),
        });
        let address = listener.local_addr()?;
        let task = tokio::spawn(accept(listener, Arc::clone(&state)));
        Ok(Self { address, state, task })
    }

    /// Where a worker finds it.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Wants these apps, and no others, of the worker.
    pub fn place(&self, apps: &[App]) {
        let mut modules = self.state.modules.lock().unwrap_or_else(PoisonError::into_inner);
        for app in apps {
            let digest = app.desired.modules[0].digest.to_string();
            modules.entry(digest).or_insert_with(|| app.wasm.clone());
        }
        drop(modules);
        self.state.desired.send_modify(|desired| {
            desired.generation = Generation(desired.generation.0 + 1);
            desired.apps = apps.iter().map(|app| app.desired.clone()).collect();
        });
    }

    /// Waits until the worker has reported everything that is wanted as ready.
    pub async fn all_ready(&self) -> anyhow::Result<()> {
        let (generation, wanted) = {
            let desired = self.state.desired.borrow();
            (desired.generation, desired.apps.len())
        };
        let ready = |report: &PlacementsReport| {
            let ready = report.placements.iter().filter(|p| p.state == PlacementState::Ready);
            report.generation == generation && ready.count() == wanted
        };
        let mut reports = self.state.report.subscribe();
        let all = tokio::time::timeout(READY_WITHIN, reports.wait_for(ready)).await;
        all.with_context(|| format!("{wanted} placements were not ready in time"))??;
        Ok(())
    }

    /// Forgets what the worker has reported, before it is started again.
    pub fn forget_reports(&self) {
        self.state.report.send_modify(|report| report.placements.clear());
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    while let Ok((stream, _peer)) = listener.accept().await {
        let state = Arc::clone(&state);
        let answer = service_fn(move |request| {
            let state = Arc::clone(&state);
            async move { Ok::<_, Infallible>(answer(&state, request).await) }
        });
        let http = hyper::server::conn::http1::Builder::new();
        // a worker that is stopped breaks its connections off
        tokio::spawn(http.serve_connection(TokioIo::new(stream), answer));
    }
}

async fn answer(state: &State, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let path = request.uri().path().to_owned();
    let after = request.uri().query().and_then(|query| {
        query.split('&').find_map(|pair| pair.strip_prefix("after=")?.parse::<u64>().ok())
    });
    let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let call = path.rsplit('/').next().unwrap_or_default();
    match call {
        "join" => json(&serde_json::json!({"worker": "w1", "token": "t", "heartbeat_ms": 2000})),
        "heartbeat" => json(&serde_json::json!({"generation": state.desired.borrow().generation})),
        "placements" => {
            if let Ok(report) = serde_json::from_slice(&body) {
                state.report.send_replace(report);
            }
            json(&serde_json::json!({}))
        }
        "desired" => desired(state, Generation(after.unwrap_or(0))).await,
        "leave" => json(&serde_json::json!({})),
        digest => {
            let modules = state.modules.lock().unwrap_or_else(PoisonError::into_inner);
            modules.get(digest).map_or_else(
                || empty(StatusCode::NOT_FOUND),
                |wasm| Response::new(Full::new(wasm.clone())),
            )
        }
    }
}

async fn desired(state: &State, after: Generation) -> Response<Full<Bytes>> {
    let mut desired = state.desired.subscribe();
    let newer = desired.wait_for(|desired| desired.generation > after);
    match tokio::time::timeout(PULL_WAIT, newer).await {
        Ok(Ok(desired)) => json(&*desired),
        _ => empty(StatusCode::NO_CONTENT),
    }
}

fn json(value: &impl serde::Serialize) -> Response<Full<Bytes>> {
    let text = serde_json::to_vec(value).expect("protocol types are JSON");
    Response::new(Full::new(text.into()))
}

fn empty(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}
