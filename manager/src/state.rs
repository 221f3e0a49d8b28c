//! What every request handler and the reconciler share. Holds handles and settings; the truth is in
//! the store.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use steading_seal::Keys;
use tokio::sync::{Notify, Semaphore, watch};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::auth::Auth;
use crate::clock::Clock;
use crate::health::Health;
use crate::publish::PackageLimits;
use crate::routes::RoutesCache;
use crate::store::{KvLimits, Store};

/// Packages received and looked at once; each may be in memory whole, packed and unpacked.
pub(crate) const UPLOADS_MAX: usize = 4;

/// The state behind the routes: `State<Arc<Shared>>` in a handler.
pub(crate) struct Shared {
    /// Where everything is kept.
    pub(crate) store: Arc<dyn Store>,
    /// What seals and opens secrets.
    pub(crate) secrets: Option<Keys>,
    /// The clock that all managers of a store share.
    pub(crate) clock: Clock,
    /// Passwords, tokens, sessions.
    pub(crate) auth: Auth,
    /// What the configuration says.
    pub(crate) settings: Settings,
    /// Who must hear of a change.
    pub(crate) signals: Signals,
    /// What gateways are told.
    pub(crate) routes: RoutesCache,
    /// What probes are told.
    pub(crate) health: Health,
    /// Calls to workers.
    pub(crate) http: reqwest::Client,
    /// One permit for each package on its way from the first byte to the store.
    pub(crate) uploads: Semaphore,
}

impl Shared {
    /// The present moment by the store's clock, as far as this manager knows it.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// The part of the configuration that requests need.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Where people reach the portal.
    pub(crate) url: Url,
    /// How large a package may be.
    pub(crate) package: PackageLimits,
    /// The silence after which a worker is lost.
    pub(crate) lost_after: Duration,
    /// How often workers send heartbeats, milliseconds.
    pub(crate) heartbeat_ms: u64,
    /// Of how many versions of an app workers keep the code, so that going back takes no time.
    pub(crate) versions_held: u32,
    /// How much key-value stores may hold.
    pub(crate) kv: KvLimits,
    /// What names this manager among those that share a store.
    pub(crate) owner: String,
}

/// Wake-ups. Losing one costs a second, never a change: whoever waits also looks by itself.
#[derive(Debug, Default)]
pub(crate) struct Signals {
    /// Wakes the reconciler.
    pub(crate) nudge: Notify,
    /// Wakes the workers' long polls.
    generations: watch::Sender<()>,
    /// Counts changes of what gateways are told, and wakes their long polls.
    routes: watch::Sender<u64>,
    /// The number of changes up to which this manager has planned.
    pub(crate) planned: watch::Sender<u64>,
    /// Ends long polls and background work when the manager stops.
    pub(crate) stop: CancellationToken,
}

impl Signals {
    /// Some worker's desired state has a new generation.
    pub(crate) fn generations_changed(&self) {
        self.generations.send_replace(());
        // what workers are told is part of what gateways are told
        self.routes_changed();
    }

    /// Something may be ready that was not, or the other way round.
    pub(crate) fn routes_changed(&self) {
        self.routes.send_modify(|changes| *changes += 1);
    }

    /// How often there was a [`Self::routes_changed`].
    pub(crate) fn routes_changes(&self) -> u64 {
        *self.routes.borrow()
    }

    /// A receiver that hears of every later [`Self::routes_changed`].
    pub(crate) fn routes(&self) -> watch::Receiver<u64> {
        self.routes.subscribe()
    }

    /// A receiver that hears of every later [`Self::generations_changed`].
    pub(crate) fn generations(&self) -> watch::Receiver<()> {
        self.generations.subscribe()
    }
}
