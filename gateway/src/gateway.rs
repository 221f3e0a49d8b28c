//! The handle of the role: starts everything, and takes it down in the order that loses nothing.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use steading_server::{BindError, Control, ControlServer, ServerConfig};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::balance::Candidate as _;
use crate::metrics::Metrics;
use crate::routes::{Follower, Kept, Link, Routes, Table, TableMaker};
use crate::service::Service;
use crate::{Config, ConfigError};

/// How often connections that nobody uses are looked for.
const CLOSE_OLD_EVERY: Duration = Duration::from_secs(5);

/// How long connecting to the manager may take.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(5);

/// A running gateway.
pub struct Gateway {
    address: SocketAddr,
    listener: TcpListener,
    server: ServerConfig,
    service: Arc<Service>,
    control: ControlServer,
    state: Arc<ControlState>,
    follower: Follower,
}

/// A gateway could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A port could not be opened.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The configuration makes no sense.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The state folder cannot be used.
    #[error("cannot use the state folder {}", path.display())]
    State {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The HTTP client could not be set up.
    #[error("cannot set up the connection to the manager")]
    Client(#[source] reqwest::Error),
}

/// What the control port tells.
struct ControlState {
    routes: Routes,
    draining: AtomicBool,
    metrics: Arc<Metrics>,
}

impl Gateway {
    /// Binds both ports and takes up the last routes; the manager is asked once it runs.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        config.check()?;
        let listener = steading_server::bind(config.listen).await?;
        let address =
            listener.local_addr().map_err(|source| BindError { address: config.listen, source })?;
        let in_state = |source| StartError::State { path: config.state_dir.clone(), source };
        let kept = Kept::open(&config.state_dir).map_err(in_state)?;
        let metrics = Metrics::new();
        let routes: Routes = Arc::new(ArcSwap::from_pointee(Table::unknown()));
        let state = Arc::new(ControlState {
            routes: Arc::clone(&routes),
            draining: AtomicBool::new(false),
            metrics: Arc::clone(&metrics),
        });
        let control = ControlServer::start(config.control, Arc::clone(&state))?;
        let maker = TableMaker { config: config.upstream, metrics: Arc::clone(&metrics) };
        let link = link(&config)?;
        let follower = Follower { link, kept, maker, routes: Arc::clone(&routes) };
        follower.resume();
        let head = config.server.head_limits();
        let trust_forwarded_from = config.trust_forwarded_from;
        let service = Arc::new(Service { routes, metrics, head, trust_forwarded_from });
        Ok(Self { address, listener, server: config.server, service, control, state, follower })
    }

    /// Where callers are answered.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where `/live`, `/ready` and `/metrics` are answered.
    pub fn control_address(&self) -> SocketAddr {
        self.control.address()
    }

    /// Serves until `shutdown`, then drains: new connections are refused, and requests in flight end,
    /// for as long as `server.drain_ms_max` allows.
    pub async fn run_until(self, shutdown: impl Future<Output = ()>) {
        let stop = CancellationToken::new();
        let follower = tokio::spawn(self.follower.run());
        let closer = tokio::spawn(close_old(Arc::clone(&self.service.routes)));
        let server = steading_server::serve(self.listener, self.service, self.server, stop.clone());
        let server = tokio::spawn(server);
        shutdown.await;
        tracing::info!("Draining");
        self.state.draining.store(true, Ordering::Release);
        stop.cancel();
        steading_server::drained(server).await;
        follower.abort();
        closer.abort();
        drop(self.control);
    }
}

impl Control for ControlState {
    fn ready(&self) -> Result<(), String> {
        if self.draining.load(Ordering::Acquire) {
            return Err("stopping".into());
        }
        match self.routes.load().is_known() {
            true => Ok(()),
            false => Err("it has not heard of any routes yet".into()),
        }
    }

    fn metrics(&self) -> String {
        let in_flight = self.routes.load().upstreams().map(|it| i64::from(it.in_flight())).sum();
        self.metrics.in_flight.set(in_flight);
        self.metrics.encode()
    }
}

fn link(config: &Config) -> Result<Link, StartError> {
    // another role in this process may have installed it before; either is the same provider
    let _ = rustls::crypto::ring::default_provider().install_default();
    let http = reqwest::Client::builder().connect_timeout(CONNECT_TIME_MAX).build();
    let http = http.map_err(StartError::Client)?;
    Ok(Link { http, manager: config.manager.clone(), token: config.token.clone() })
}

async fn close_old(routes: Routes) {
    let mut every = tokio::time::interval(CLOSE_OLD_EVERY);
    loop {
        every.tick().await;
        routes.load().upstreams().for_each(|upstream| upstream.close_old());
    }
}
