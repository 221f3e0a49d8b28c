//! The handle of the management role: start, run, and the ways in that `dev` uses.

mod check;

use std::future::Future;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use steading_protocol::Secret;
use steading_seal::{KeyError, Keys};
use steading_server::BindError;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use url::Url;

use crate::auth::{self, Auth};
use crate::clock::Clock;
use crate::data_dir::{self, DataDir, DataDirError};
use crate::health::Health;
use crate::routes::RoutesCache;
use crate::state::{Settings, Shared, Signals, UPLOADS_MAX};
use crate::store::{self, BoxError, Setting, Store, StoreLocation};
use crate::{Config, api, reconcile, router, server};

/// How long connecting to a worker may take; they are near.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(5);

/// What API tokens made for `dev` are called; each start replaces the last one's.
const LOCAL_TOKEN_NAME: &str = "dev on this machine";

/// A management role that listens; [`Manager::run_until`] makes it answer.
pub struct Manager {
    listener: TcpListener,
    address: SocketAddr,
    join_token: Secret,
    shared: Arc<Shared>,
    /// Keeps a second manager off the folder.
    data_dir: DataDir,
}

/// What lets the local user in without a password.
#[derive(Clone, Debug)]
pub struct LocalAccess {
    /// A link that signs one browser in, once.
    pub sign_in_url: Url,
    /// An API token; that of an earlier call is dead.
    pub token: Secret,
}

/// A manager that cannot start, and what is in the way.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The port is taken, or the address is not of this machine.
    #[error(transparent)]
    Listen(#[from] BindError),
    /// The data folder or a file in it.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The store.
    #[error("cannot open the store `{location}`")]
    Store {
        /// Where it is.
        location: StoreLocation,
        /// What the store said.
        source: BoxError,
    },
    /// The administrator's password of the configuration.
    #[error("the administrator's password cannot be used")]
    Password(#[source] BoxError),
    /// The join token of the configuration.
    #[error("the join token has fewer than {} characters", check::JOIN_TOKEN_CHARS_MIN)]
    JoinToken,
    /// The key for secrets of the configuration.
    #[error("STEADING_SECRETS_KEY cannot be used")]
    SecretsKey(#[source] KeyError),
    /// A number of the configuration.
    #[error("{key} = {value} is not within {min} to {max}")]
    OutOfRange {
        /// The key.
        key: &'static str,
        /// Its value.
        value: u64,
        /// The least that is taken.
        min: u64,
        /// The most that is taken.
        max: u64,
    },
    /// The client for calls to workers.
    #[error("cannot make an HTTP client")]
    HttpClient(#[source] BoxError),
}

/// A manager that had to stop by itself.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The reconciler ended, so nothing would notice lost workers any more.
    #[error("the reconciler failed")]
    Reconcile(#[source] tokio::task::JoinError),
}

/// Local access that cannot be given.
#[derive(Debug, thiserror::Error)]
#[error("cannot make a token for the local user")]
pub struct LocalAccessError(#[source] BoxError);

impl Manager {
    /// Takes the port, opens the data folder and brings its store up to date. Requests wait until
    /// [`Self::run_until`].
    pub async fn start(config: Config) -> Result<Self, StartError> {
        check::check(&config)?;
        let secrets = config.secrets_key.as_ref().map(Keys::parse).transpose();
        let secrets = secrets.map_err(StartError::SecretsKey)?;
        let listener = steading_server::bind(config.listen).await?;
        let address =
            listener.local_addr().map_err(|source| BindError { address: config.listen, source })?;
        let data_dir = data_dir::open(&config.data_dir)?;
        let (store, set_up) = open_store(&config).await?;
        let join_token = match &config.join_token {
            Some(token) => token.clone(),
            None => data_dir.join_token()?,
        };
        if let Some(keys) = &secrets {
            crate::secrets::reseal(&*store, keys).await;
        }
        let shared = Arc::new(Shared {
            store,
            secrets,
            clock: Clock::default(),
            auth: Auth::new(&join_token, set_up),
            settings: Settings {
                url: config.url.clone().unwrap_or_else(|| local_url(address)),
                package: config.package_limits(),
                lost_after: Duration::from_millis(config.lost_after_ms),
                heartbeat_ms: config.heartbeat_ms(),
                versions_held: config.versions_held,
                kv: config.kv_limits(),
                owner: config.name.clone().unwrap_or_else(owner),
            },
            signals: Signals::default(),
            routes: RoutesCache::default(),
            health: Health::default(),
            http: http_client()?,
            uploads: Semaphore::new(UPLOADS_MAX),
        });
        Ok(Self { listener, address, join_token, shared, data_dir })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where people and workers reach it.
    pub fn url(&self) -> Url {
        self.shared.settings.url.clone()
    }

    /// The token with which workers join.
    pub fn join_token(&self) -> &Secret {
        &self.join_token
    }

    /// What the portal's set-up page asks for; nothing once an administrator's password is set.
    pub fn setup_code(&self) -> Option<&Secret> {
        self.shared.auth.setup_code_if_open()
    }

    /// Lets the local user in: a one-time link for the browser and a token for the command line.
    pub async fn local_access(&self) -> Result<LocalAccess, LocalAccessError> {
        let store = &*self.shared.store;
        let failed = |error| LocalAccessError(Box::new(error));
        for token in store.token_list().await.map_err(failed)? {
            if token.name == LOCAL_TOKEN_NAME {
                store.token_delete(&token.id).await.map_err(failed)?;
            }
        }
        let (_, token) = api::issue_token(store, LOCAL_TOKEN_NAME).await.map_err(failed)?;
        let mut sign_in_url = self.url();
        sign_in_url.set_path(auth::TICKET_PATH);
        sign_in_url.query_pairs_mut().append_pair("ticket", self.shared.auth.new_ticket().expose());
        Ok(LocalAccess { sign_in_url, token })
    }

    /// Answers requests until `shutdown` is done, then ends the long polls, takes nothing new and
    /// lets what is under way end, for ten seconds at most.
    pub async fn run_until(self, shutdown: impl Future<Output = ()>) -> Result<(), RunError> {
        let stop = self.shared.signals.stop.clone();
        let mut reconciler = tokio::spawn(reconcile::run(Arc::clone(&self.shared)));
        let mut failed = None;
        let until = async {
            tokio::select! {
                () = shutdown => {}
                ended = &mut reconciler => failed = ended.err(),
            }
            stop.cancel();
        };
        server::serve(self.listener, router::router(Arc::clone(&self.shared)), until).await;
        if failed.is_none() && !reconciler.is_finished() {
            failed = reconciler.await.err();
        }
        drop(self.data_dir);
        failed.map_or(Ok(()), |error| Err(RunError::Reconcile(error)))
    }
}

/// The store, and whether an administrator's password is set in it.
async fn open_store(config: &Config) -> Result<(Arc<dyn Store>, bool), StartError> {
    let refused = |source| StartError::Store { location: config.store(), source };
    let failed = |error| refused(Box::new(error));
    let store = store::open(config).await.map_err(refused)?;
    if let Some(password) = &config.admin_password
        && auth::adopt_password(&*store, password).await.map_err(failed)?
    {
        tracing::info!("administrator's password set from the environment");
    }
    let set_up = store.setting_get(Setting::AdminPassword).await.map_err(failed)?.is_some();
    Ok((store, set_up))
}

/// A name that no other manager has.
fn owner() -> String {
    format!("manager-{}", hex::encode(rand::random::<[u8; 4]>()))
}

fn local_url(address: SocketAddr) -> Url {
    let mut near = address;
    if address.ip().is_unspecified() {
        near.set_ip(match address {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    Url::parse(&format!("http://{near}")).expect("a socket address makes a URL")
}

fn http_client() -> Result<reqwest::Client, StartError> {
    // The process may have chosen a provider before; any of them will do.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT_TIME_MAX)
        .build()
        .map_err(|error| StartError::HttpClient(Box::new(error)))
}
