//! The handle of the role: starts everything, and takes it down in the order that loses nothing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use steading_protocol::desired::{Heartbeat, WorkerLoad};
use steading_server::{BindError, ControlServer, ServerConfig};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::admission::{Admission, Gates};
use crate::availability::{Keeper, Openness};
use crate::capability::{FolderCache, KvRemote, Providers};
use crate::ceilings::Ceilings;
use crate::control::ControlState;
use crate::desired::{Applier, Follower, Link, Loader, Offer, Pulse, Served, StateDir, compiling};
use crate::engine::{CodeCache, Engine};
use crate::guest::{IdleInstances, Linkers};
use crate::metrics::Metrics;
use crate::resident::resident_bytes;
use crate::service::Service;
use crate::start_error::StartError;
use crate::{Config, ConfigError, Memory};

/// A running worker.
pub struct Worker {
    address: SocketAddr,
    listener: TcpListener,
    server: ServerConfig,
    service: Arc<Service>,
    control: ControlServer,
    state: Arc<ControlState>,
    keeper: Keeper,
    follower: Follower,
}

impl Worker {
    /// Binds both ports and takes up the last desired state; the manager is joined once it runs.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let memory = config.memory();
        let config = fitted(config, memory)?;
        let listener = steading_server::bind(config.listen).await?;
        let address =
            listener.local_addr().map_err(|source| BindError { address: config.listen, source })?;
        let in_state = |source| StartError::State { path: config.state_dir.clone(), source };
        let state_dir =
            StateDir::open(&config.state_dir, config.state_key.as_ref()).map_err(in_state)?;
        let metrics = Metrics::new();
        let kv = KvRemote::new(Arc::clone(&metrics));
        let admission = Admission::new(config.engine.instances(), metrics.instances.clone());
        let loader = loader(&config, &metrics, &state_dir, (&kv, admission.idle()))?;
        let (code, gates) = (loader.code.clone(), Arc::clone(&loader.gates));
        let served = Served::default();
        let (applier, reports) = Applier::new(loader, served.clone());
        let openness = Arc::new(Openness::new());
        let mut keeper = Keeper::new(config.availability.clone(), Arc::clone(&openness));
        keeper.look();
        let state = Arc::new(ControlState {
            settled: Arc::clone(&served.settled),
            draining: AtomicBool::new(false),
            metrics: Arc::clone(&metrics),
            admission: Arc::clone(&admission),
            openness: Arc::clone(&openness),
        });
        let control = ControlServer::start(config.control, Arc::clone(&state))?;
        let (head, routes) = (config.server.head_limits(), Arc::clone(&served.routes));
        let service = Arc::new(Service { routes, admission, metrics, openness, head });
        let offer = offer(&config, memory, address, &service.openness);
        let mut follower = Follower {
            link: link(&config, offer, state_dir.clone(), code)?,
            applier,
            state: state_dir,
            reports,
            pulse: pulse(&service, served, gates, config.ceilings.app_in_flight_max),
            kv,
        };
        follower.resume().await;
        let server = config.server;
        Ok(Self { address, listener, server, service, control, state, keeper, follower })
    }

    /// Where function calls are answered.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where `/live`, `/ready` and `/metrics` are answered.
    pub fn control_address(&self) -> SocketAddr {
        self.control.address()
    }

    /// Serves until `shutdown`, then drains: the manager is told, new connections are refused, and
    /// invocations in flight end, for as long as `server.drain_ms_max` allows.
    pub async fn run_until(self, shutdown: impl Future<Output = ()>) {
        let (stop_server, stop_following) = (CancellationToken::new(), CancellationToken::new());
        let follower = tokio::spawn(self.follower.run(stop_following.clone()));
        let server =
            steading_server::serve(self.listener, self.service, self.server, stop_server.clone());
        let server = tokio::spawn(server);
        self.keeper.until(shutdown).await;
        tracing::info!("Draining");
        self.state.draining.store(true, Ordering::Release);
        self.state.admission.idle().close();
        stop_following.cancel();
        // the manager first: nobody should be sent here once the port is closed
        let _ = follower.await;
        stop_server.cancel();
        steading_server::drained(server).await;
        drop(self.control);
    }
}

fn loader(
    config: &Config,
    metrics: &Arc<Metrics>,
    state: &StateDir,
    (kv, idle): (&Arc<KvRemote>, &Arc<IdleInstances>),
) -> Result<Loader, StartError> {
    let in_state = |source| StartError::State { path: config.state_dir.clone(), source };
    let engine = Engine::new(config.engine)?;
    let ceilings = Ceilings::new(config.ceilings, engine.config().memory_mib());
    Ok(Loader {
        linkers: Linkers::new(&engine, idle).map_err(StartError::Imports)?,
        code: CodeCache::open(engine, state.path()).map_err(in_state)?,
        folders: FolderCache::open(state.path()).map_err(in_state)?,
        metrics: Arc::clone(metrics),
        gates: Arc::default(),
        ceilings: ceilings.map_err(ConfigError::from)?,
        providers: Providers::new(
            &config.outbound,
            &config.directories,
            (kv, metrics),
            state.path(),
        )?,
        compiling: compiling(),
    })
}

fn link(
    config: &Config,
    offer: Offer,
    state: StateDir,
    code: CodeCache,
) -> Result<Link, StartError> {
    // a second role in this process may have installed it before; either is the same provider
    let _ = rustls::crypto::ring::default_provider().install_default();
    let http = reqwest::Client::builder().connect_timeout(std::time::Duration::from_secs(5));
    Ok(Link {
        http: http.build().map_err(StartError::Client)?,
        manager: config.manager.clone(),
        join_token: config.join_token.clone(),
        state,
        code,
        offer,
    })
}

fn offer(config: &Config, memory: Memory, address: SocketAddr, openness: &Arc<Openness>) -> Offer {
    Offer {
        name: config.name.clone(),
        url: config.url.clone().unwrap_or_else(|| advertised(address)),
        labels: config.labels.clone(),
        capacity: config.capacity.told(config.engine, memory),
        openness: Arc::clone(openness),
    }
}

/// The URL of an address as seen from the same machine; an address that means "every interface" is
/// reached over loopback.
fn advertised(address: SocketAddr) -> Url {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    let text = format!("http://{}", SocketAddr::new(ip, address.port()));
    Url::parse(&text).expect("an address with a port is a URL's authority")
}

fn pulse(
    service: &Arc<Service>,
    served: Served,
    gates: Arc<Gates>,
    app_in_flight_max: Option<u32>,
) -> Pulse {
    let (service, openness) = (Arc::clone(service), Arc::clone(&service.openness));
    let told = Arc::clone(&openness);
    let heartbeat = Arc::new(move || {
        let (invocations, failures) = service.metrics.totals();
        let load = WorkerLoad {
            in_flight: service.admission.running(),
            in_flight_max: service.admission.max(),
            invocations,
            failures,
            resident_bytes: resident_bytes(),
            apps: gates.running(),
            app_in_flight_max,
        };
        let versions = served.in_service.loads();
        Heartbeat { load, availability: told.availability(), versions }
    });
    Pulse { heartbeat, openness }
}

/// The same with a pool that fits the memory, and what it is in the log.
fn fitted(config: Config, memory: Memory) -> Result<Config, StartError> {
    let engine = config.fitted(memory)?;
    tracing::info!(
        memory_mib = memory.bytes >> 20,
        instances_max = engine.instances(),
        memory_mib_max = engine.memory_mib(),
        keep_resident_kib = engine.keep_resident_kib(),
        "Sandboxes fit the memory"
    );
    Ok(Config { engine, ..config })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_for_every_interface_is_advertised_as_loopback() {
        let url = |text: &str| advertised(text.parse().unwrap()).to_string();
        assert_eq!(url("0.0.0.0:7071"), "http://127.0.0.1:7071/");
        assert_eq!(url("[::]:7071"), "http://[::1]:7071/");
        assert_eq!(url("10.0.0.7:80"), "http://10.0.0.7/");
    }
}
