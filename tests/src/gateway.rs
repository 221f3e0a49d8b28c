//! A gateway as a process of the real binary, in front of a cluster's workers, or of workers that the
//! test plays itself, byte by byte.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::time::{Duration, timeout};

use crate::role::Role;
use crate::{Process, Raw, eventually, http, own_address, scratch};

/// Starting, and hearing from a manager, come within this on a busy machine.
const READY_WITHIN: Duration = Duration::from_secs(30);

/// A running gateway; killed when dropped.
#[derive(Debug)]
pub struct Gateway {
    steading: PathBuf,
    folder: TempDir,
    role: Role,
    /// What its configuration has beside addresses and folders.
    rest: String,
}

/// A worker's port in the hands of the test.
#[derive(Debug)]
pub struct FakeWorker(TcpListener);

impl Gateway {
    /// Starts one that follows this manager, with more lines of configuration, and waits until it knows
    /// routes.
    pub async fn start(steading: &Path, manager: &str, more: &str) -> Self {
        Self::in_folder(steading, scratch(), format!("manager = \"{manager}\"\n{more}")).await
    }

    /// Starts one without a manager, that was told of these workers in an earlier run: each has the function
    /// `f` of the app `app` ready.
    pub async fn before(steading: &Path, workers: &[&FakeWorker], more: &str) -> Self {
        let folder = scratch();
        let state = folder.path().join("state");
        std::fs::create_dir(&state).expect("the temporary folder takes a folder");
        let routes = serde_json::to_vec(&routes(workers)).expect("JSON can be written");
        std::fs::write(state.join("routes.json"), routes).expect("a folder takes a file");
        Self::in_folder(steading, folder, format!("manager = \"http://127.0.0.1:9\"\n{more}")).await
    }

    async fn in_folder(steading: &Path, folder: TempDir, rest: String) -> Self {
        let config = config(folder.path(), &own_address().to_string(), &rest);
        let role = Role::start(steading, "gateway", &config).await;
        let gateway = Self { steading: steading.to_owned(), folder, role, rest };
        gateway.ready().await;
        gateway
    }

    /// Kills it and starts it again, with its old folder at its old address.
    pub async fn start_again(&mut self) {
        self.role.process.sigkill().await;
        let address = self.role.url.trim_start_matches("http://").to_owned();
        let config = config(self.folder.path(), &address, &self.rest);
        self.role = Role::start(&self.steading, "gateway", &config).await;
        self.ready().await;
    }

    /// Where callers are answered.
    pub fn url(&self) -> &str {
        &self.role.url
    }

    /// The process.
    pub fn process(&self) -> &Process {
        &self.role.process
    }

    /// The value of one metric, by the beginning of its line, all that match added up.
    pub async fn metric(&self, name: &str) -> f64 {
        http::metric(self.control(), name).await
    }

    fn control(&self) -> &str {
        self.role.control.as_deref().expect("a gateway has a control port")
    }

    async fn ready(&self) {
        let url = format!("{}/ready", self.control());
        eventually("the gateway to know routes", READY_WITHIN, || async {
            let reply = http::get(&url).await;
            if reply.status == 200 { Ok(()) } else { Err(reply.text()) }
        })
        .await;
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.role.process.tail());
        }
    }
}

impl FakeWorker {
    /// Opens a port.
    pub async fn open() -> Self {
        Self(TcpListener::bind(own_address()).await.expect("loopback has a free port"))
    }

    /// Opens the port of one that was dropped.
    pub async fn open_at(url: &str) -> Self {
        let address = url.trim_start_matches("http://");
        Self(TcpListener::bind(address).await.expect("its port is still free"))
    }

    /// The URL of the port.
    pub fn url(&self) -> String {
        format!("http://{}", self.0.local_addr().expect("a bound port has an address"))
    }

    /// The next connection.
    pub async fn accept(&self) -> Raw {
        let accepted = timeout(READY_WITHIN, self.0.accept()).await;
        Raw::over(accepted.expect("somebody connects").expect("a connection can be taken").0)
    }

    /// Whether nobody connects for a while.
    pub async fn is_left_alone(&self) -> bool {
        timeout(Duration::from_millis(300), self.0.accept()).await.is_err()
    }
}

fn routes(workers: &[&FakeWorker]) -> Value {
    let url = |(index, worker): (usize, &&FakeWorker)| json!({"worker": format!("fake-{index}"), "url": worker.url()});
    let all: Vec<usize> = (0..workers.len()).collect();
    let http = json!([{"route": "f/{*rest}", "methods": [], "auth": "anonymous"}]);
    let version = json!({"version": 1, "percent": 100, "functions": http, "workers": all});
    let apps = json!([{"app": "app", "hosts": ["app.example.org"], "versions": [version]}]);
    let workers: Vec<Value> = workers.iter().enumerate().map(url).collect();
    json!({"revision": "kept", "workers": workers, "apps": apps})
}

fn config(folder: &Path, listen: &str, rest: &str) -> PathBuf {
    let path = folder.join("gateway.toml");
    let state_dir = folder.join("state");
    let text = format!(
        "listen = \"{listen}\"\ncontrol = \"127.0.0.1:0\"\nstate_dir = {state_dir:?}\n{rest}"
    );
    std::fs::write(&path, text).expect("the temporary folder takes a file");
    path
}
