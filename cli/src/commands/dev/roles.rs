//! The two roles inside the process of `dev`, on loopback alone. Owns their life and nothing of what
//! they do.
//!
//! Invariant: the worker goes before the manager, so that it can say goodbye.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::Args;
use steading_host::Worker;
use steading_manager::Manager;
use steading_protocol::Secret;
use steading_protocol::api::WorkerState;
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::client::Client;
use crate::dev_state::DevAccess;
use crate::exit::{Exit, Failure};
use crate::{private_file, secrets};

/// Joining is one request on loopback; a worker that has not by then never will.
const JOIN_MAX: Duration = Duration::from_secs(15);
/// How often to look whether it has.
const JOIN_POLL: Duration = Duration::from_millis(50);

/// Where the roles listen, all on 127.0.0.1; port 0 takes any free one.
#[derive(Debug, Args)]
pub(crate) struct Ports {
    /// The port of the portal and the API
    #[arg(long, value_name = "PORT", default_value_t = 7070)]
    manager_port: u16,
    /// The port that answers function calls
    #[arg(long, value_name = "PORT", default_value_t = 7071)]
    worker_port: u16,
    /// The port of /live, /ready and /metrics
    #[arg(long, value_name = "PORT", default_value_t = 7072)]
    control_port: u16,
}

/// The running roles.
#[derive(Debug)]
pub(super) struct Roles {
    /// How commands reach the manager.
    pub(super) access: DevAccess,
    /// The link that signs a browser in, once.
    pub(super) sign_in_url: Url,
    worker_url: Url,
    manager: Role,
    worker: Role,
}

/// One role as a task.
#[derive(Debug)]
struct Role {
    stop: CancellationToken,
    ended: CancellationToken,
    task: JoinHandle<anyhow::Result<()>>,
}

impl Roles {
    /// Starts both; a port that is taken ends the process before anything is served.
    pub(super) async fn start(ports: &Ports, state: &Path) -> Result<Self, Failure> {
        let manager = Manager::start(manager_config(ports, state)?)
            .await
            .context("cannot start the manager")?;
        let worker = Worker::start(worker_config(ports, state, &manager))
            .await
            .context("cannot start the worker")?;
        let local = manager.local_access().await.context("cannot sign in to the manager")?;
        let access = DevAccess { manager: manager.url(), token: local.token };
        let worker_url = format!("http://{}", worker.address());
        let worker_url = worker_url.parse().context("the worker has no address")?;
        let manager = Role::spawn(|stop| async move {
            manager.run_until(stop.cancelled_owned()).await.context("the manager has stopped")
        });
        let worker = Role::spawn(|stop| async move {
            worker.run_until(stop.cancelled_owned()).await;
            Ok(())
        });
        Ok(Self { access, sign_in_url: local.sign_in_url, worker_url, manager, worker })
    }

    /// Waits until the manager knows this worker, so that what is published goes there.
    pub(super) async fn joined(&self, client: &Client) -> Result<(), Failure> {
        let start = Instant::now();
        loop {
            let workers = client.status().await?.workers;
            let is_ours = |url: &str| url.parse::<Url>().is_ok_and(|url| url == self.worker_url);
            if workers.iter().any(|w| w.state == WorkerState::Live && is_ours(&w.url)) {
                return Ok(());
            }
            if start.elapsed() > JOIN_MAX {
                let message = format!(
                    "the worker has not joined the manager within {} s; see the log with --log info",
                    JOIN_MAX.as_secs()
                );
                return Err(Failure::new(Exit::Other, message));
            }
            sleep(JOIN_POLL).await;
        }
    }

    /// Waits until one of them has ended, which neither should by itself.
    pub(super) async fn ended(&self) {
        tokio::select! {
            () = self.manager.ended.cancelled() => {}
            () = self.worker.ended.cancelled() => {}
        }
    }

    /// Drains both.
    pub(super) async fn stop(self) -> Result<(), Failure> {
        let worker = self.worker.stop().await;
        let manager = self.manager.stop().await;
        Ok(worker.and(manager)?)
    }
}

impl Role {
    fn spawn<F>(run: impl FnOnce(CancellationToken) -> F) -> Self
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let (stop, ended) = (CancellationToken::new(), CancellationToken::new());
        let (role, guard) = (run(stop.clone()), ended.clone().drop_guard());
        let task = tokio::spawn(async move {
            let _guard = guard;
            role.await
        });
        Self { stop, ended, task }
    }

    async fn stop(self) -> anyhow::Result<()> {
        self.stop.cancel();
        self.task.await.context("a role has panicked")?
    }
}

fn manager_config(ports: &Ports, state: &Path) -> Result<steading_manager::Config, Failure> {
    Ok(steading_manager::Config {
        listen: loopback(ports.manager_port),
        data_dir: state.join("manager"),
        admin_password: secrets::read(secrets::ADMIN_PASSWORD)?,
        secrets_key: Some(secrets_key(state)?),
        ..Default::default()
    })
}

/// The key for secrets of this folder, where the environment has none; made at the first start.
fn secrets_key(state: &Path) -> Result<Secret, Failure> {
    if let Some(key) = secrets::read(secrets::SECRETS_KEY)? {
        return Ok(key);
    }
    let path = state.join("secrets-key");
    match std::fs::read_to_string(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let key = steading_seal::Keys::generate();
            private_file::write(&path, key.expose()).context("cannot keep a key for secrets")?;
            Ok(key)
        }
        read => Ok(Secret::new(read.with_context(|| format!("cannot read {}", path.display()))?)),
    }
}

fn worker_config(ports: &Ports, state: &Path, manager: &Manager) -> steading_host::Config {
    steading_host::Config {
        name: "dev".to_owned(),
        listen: loopback(ports.worker_port),
        control: loopback(ports.control_port),
        manager: manager.url(),
        state_dir: state.join("worker"),
        join_token: Some(manager.join_token().clone()),
        ..Default::default()
    }
}

fn loopback(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}
