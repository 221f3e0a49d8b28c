//! A running manager, a client that speaks to it, and a worker double. Everything in this process,
//! on port 0, in a folder of its own.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::Method;
use reqwest::{RequestBuilder, StatusCode};
use serde_json::{Value, json};
use steading_manager::{Config, Manager};
use steading_protocol::Secret;
use steading_protocol::desired::DesiredState;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub(crate) const PASSWORD: &str = "correct horse";

/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Steading {
    pub(crate) url: String,
    pub(crate) token: String,
    pub(crate) join_token: String,
    pub(crate) setup_code: Option<String>,
    pub(crate) sign_in_url: String,
    pub(crate) http: reqwest::Client,
    pub(crate) folder: Arc<TempDir>,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) bytes: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes)
            .unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// The error's code, after a look at the whole error body.
    pub(crate) fn code(&self) -> String {
        let body = self.json();
        assert!(!body["message"].as_str().unwrap().is_empty(), "{body}");
        assert_eq!(body["request_id"].as_str().unwrap(), self.headers["x-request-id"]);
        body["code"].as_str().unwrap().to_owned()
    }
}

impl Steading {
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// Starts with a changed configuration.
    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        Self::in_folder(Arc::new(tempfile::tempdir().unwrap()), change).await
    }

    /// Starts on a folder of an earlier one.
    pub(crate) async fn in_folder(folder: Arc<TempDir>, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config {
            listen: ([127, 0, 0, 1], 0).into(),
            data_dir: folder.path().join("manager"),
            admin_password: Some(Secret::new(PASSWORD)),
            ..Config::default()
        };
        change(&mut config);
        let manager = Manager::start(config).await.unwrap();
        let access = manager.local_access().await.unwrap();
        let (stop, stopped) = oneshot::channel();
        Self {
            url: manager.url().as_str().trim_end_matches('/').to_owned(),
            token: access.token.expose().to_owned(),
            join_token: manager.join_token().expose().to_owned(),
            setup_code: manager.setup_code().map(|code| code.expose().to_owned()),
            sign_in_url: access.sign_in_url.into(),
            http: reqwest::Client::builder()
                .no_proxy()
                .redirect(reqwest::redirect::Policy::none())
                .build()
                .unwrap(),
            folder,
            stop: Some(stop),
            task: tokio::spawn(async move {
                let until = async { drop(stopped.await) };
                manager.run_until(until).await.unwrap();
            }),
        }
    }

    /// Stops and waits for the end; the folder stays while someone holds it.
    pub(crate) async fn stop(mut self) -> Arc<TempDir> {
        drop(self.stop.take());
        tokio::time::timeout(PATIENCE, self.task).await.expect("the manager stops").unwrap();
        self.folder
    }

    /// A request without credentials.
    pub(crate) fn bare(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url))
    }

    /// A request with the API token, below `/api/v1`.
    pub(crate) fn api(&self, method: Method, path: &str) -> RequestBuilder {
        self.bare(method, &format!("/api/v1{path}")).bearer_auth(&self.token)
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let answer = send(self.api(Method::GET, path)).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.json()
    }

    pub(crate) async fn publish(&self, app: &str, package: Vec<u8>) -> Answer {
        send(self.api(Method::POST, &format!("/apps/{app}/versions")).body(package)).await
    }

    /// Publishes what has to be good.
    pub(crate) async fn published(&self, app: &str, package: Vec<u8>) -> Value {
        let answer = self.publish(app, package).await;
        assert!(answer.status.is_success(), "{}", answer.text());
        answer.json()
    }

    /// The `set-cookie` value of a signed-in browser, without its attributes.
    pub(crate) async fn cookie(&self) -> String {
        let answer = send(self.http.get(&self.sign_in_url)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let cookie = answer.headers["set-cookie"].to_str().unwrap();
        cookie.split(';').next().unwrap().to_owned()
    }
}

pub(crate) async fn send(request: RequestBuilder) -> Answer {
    let response = request.timeout(PATIENCE).send().await.unwrap();
    Answer {
        status: response.status(),
        headers: response.headers().clone(),
        bytes: response.bytes().await.unwrap().to_vec(),
    }
}

/// Asks until the answer is as wished; shows the last one when it never is.
pub(crate) async fn eventually(
    what: &str,
    mut ask: impl AsyncFnMut() -> Value,
    wished: impl Fn(&Value) -> bool,
) -> Value {
    let begun = Instant::now();
    loop {
        let last = ask().await;
        if wished(&last) {
            return last;
        }
        assert!(begun.elapsed() < PATIENCE, "never {what}; last seen: {last}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// What stands in for a worker.
pub(crate) struct Double<'a> {
    pub(crate) manager: &'a Steading,
    pub(crate) worker: String,
    pub(crate) token: String,
    pub(crate) heartbeat_ms: u64,
}

impl<'a> Double<'a> {
    pub(crate) async fn join(manager: &'a Steading, name: &str) -> Self {
        Self::join_as(manager, name, Value::Null, "http://127.0.0.1:9").await
    }

    pub(crate) async fn join_as(
        manager: &'a Steading,
        name: &str,
        earlier: Value,
        url: &str,
    ) -> Self {
        let request = json!({
            "worker": earlier, "name": name, "url": url, "release": "0", "platform": "linux/test",
        });
        let join = manager.bare(Method::POST, "/api/v1/workers/join");
        let answer = send(join.bearer_auth(&manager.join_token).json(&request)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let reply = answer.json();
        Self {
            manager,
            worker: reply["worker"].as_str().unwrap().to_owned(),
            token: reply["token"].as_str().unwrap().to_owned(),
            heartbeat_ms: reply["heartbeat_ms"].as_u64().unwrap(),
        }
    }

    pub(crate) fn call(&self, method: Method, path: &str) -> RequestBuilder {
        let path = format!("/api/v1/workers/{}/{path}", self.worker);
        self.manager.bare(method, &path).bearer_auth(&self.token)
    }

    pub(crate) async fn heartbeat(&self) -> Answer {
        let load = json!({"in_flight": 1, "in_flight_max": 8, "invocations": 5, "failures": 0,
            "resident_bytes": 1 << 20});
        send(self.call(Method::POST, "heartbeat").json(&json!({ "load": load }))).await
    }

    /// The desired state newer than a generation, or nothing when the wait ends first.
    pub(crate) async fn desired(&self, after: u64, wait_ms: u64) -> Option<DesiredState> {
        let path = format!("desired?after={after}&wait_ms={wait_ms}");
        let answer = send(self.call(Method::GET, &path)).await;
        match answer.status.as_u16() {
            200 => Some(serde_json::from_slice(&answer.bytes).unwrap()),
            204 => None,
            _ => panic!("{}", answer.text()),
        }
    }

    pub(crate) async fn report(&self, generation: u64, placements: &[(&str, u32, &str)]) {
        let placements: Vec<Value> = placements
            .iter()
            .map(|(app, version, state)| json!({"app": app, "version": version, "state": state}))
            .collect();
        let report = json!({"generation": generation, "placements": placements});
        let answer = send(self.call(Method::POST, "placements").json(&report)).await;
        assert_eq!(answer.status, 204, "{}", answer.text());
    }
}
