//! A manager and a worker in this process, over loopback, as `steading dev` runs them.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use anyhow::ensure;
use steading_host::Worker;
use steading_manager::Manager;
use steading_protocol::Secret;
use tempfile::TempDir;
use tokio::task::JoinHandle;

/// A running installation; stops when dropped.
pub struct Installation {
    manager: url::Url,
    worker: SocketAddr,
    token: Secret,
    join_token: Secret,
    tasks: Vec<JoinHandle<()>>,
    _state: TempDir,
}

const READY_WITHIN: Duration = Duration::from_secs(30);

impl Installation {
    /// Starts both roles on free ports.
    pub async fn start() -> anyhow::Result<Self> {
        let state = tempfile::tempdir()?;
        let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let manager = Manager::start(steading_manager::Config {
            listen: loopback,
            data_dir: state.path().join("manager"),
            ..steading_manager::Config::default()
        })
        .await?;
        let token = manager.local_access().await?.token;
        let worker = Worker::start(steading_host::Config {
            listen: loopback,
            control: loopback,
            manager: manager.url(),
            state_dir: state.path().join("worker"),
            join_token: Some(manager.join_token().clone()),
            ..steading_host::Config::default()
        })
        .await?;
        let join_token = manager.join_token().clone();
        let (url, address) = (manager.url(), worker.address());
        let tasks = vec![
            tokio::spawn(async move { drop(manager.run_until(std::future::pending()).await) }),
            tokio::spawn(worker.run_until(std::future::pending())),
        ];
        Ok(Self { manager: url, worker: address, token, join_token, tasks, _state: state })
    }

    /// The manager's URL.
    pub fn manager(&self) -> &str {
        self.manager.as_str()
    }

    /// What machines join with.
    pub fn join_token(&self) -> &str {
        self.join_token.expose()
    }

    /// Publishes `wasm` and waits until `path` answers; returns its URL on the worker.
    pub async fn publish(&self, app: &str, wasm: &[u8], path: &str) -> anyhow::Result<String> {
        let http = reqwest::Client::new();
        let endpoint = self.manager.join(&format!("api/v1/apps/{app}/versions"))?;
        let published = http.post(endpoint).bearer_auth(self.token.expose()).body(wasm.to_vec());
        let published = published.send().await?;
        let status = published.status();
        ensure!(status.is_success(), "publish: {status} {}", published.text().await?);
        let url = format!("http://{}/functions/{app}/api/{path}", self.worker);
        let began = Instant::now();
        while !http.get(&url).send().await?.status().is_success() {
            ensure!(began.elapsed() < READY_WITHIN, "{url} does not answer");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        Ok(url)
    }
}

impl Drop for Installation {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}
