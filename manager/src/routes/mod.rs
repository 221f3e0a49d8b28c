//! What gateways have to know, made once for each change and shared by all that ask.
//!
//! Nothing is made while nobody asks. Whoever asks first after a change makes it, the others wait for
//! that one; and after making one there is a pause, longer when it took long, so that a thousand reports
//! of a roll-out cost a few. Invariant: an answer is never older than [`AGE_MAX`] plus that pause.

mod assemble;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use steading_protocol::HttpTrigger;
use steading_protocol::Trigger;
use tokio::sync::Mutex;
use tokio::time::Instant;

use self::assemble::{Called, Functions};
use crate::error::{ApiError, Code};
use crate::state::Shared;
use crate::store::{Store, StoreError};

/// How long a change may go unnoticed of which this manager was not told: one that another manager on
/// the same store has made.
pub(crate) const AGE_MAX: Duration = Duration::from_secs(1);

/// The shortest pause between two. A gateway that hears of a worker later than this is no worse off: the
/// network is slower.
const PAUSE_MIN: Duration = Duration::from_millis(10);

/// The pause, in times of what the last one took: a fifth of one processor at most.
const PAUSE_PER_TIME: u32 = 4;

/// The newest, with what it was made from.
#[derive(Default)]
pub(crate) struct RoutesCache(Mutex<Cache>);

#[derive(Default)]
struct Cache {
    made: Option<Made>,
    functions: Functions,
}

struct Made {
    /// How many changes there had been.
    changes: u64,
    /// When reading began.
    began_at: Instant,
    ended_at: Instant,
    published: Published,
}

/// One answer, as it is sent.
#[derive(Clone, Debug)]
pub(crate) struct Published {
    /// The document's own revision.
    pub(crate) revision: Arc<str>,
    /// The document.
    pub(crate) json: Bytes,
}

impl RoutesCache {
    /// The newest; made now when there was a change.
    pub(crate) async fn newest(&self, shared: &Shared) -> Result<Published, ApiError> {
        let mut cache = self.0.lock().await;
        if let Some(made) = &cache.made {
            let fresh = made.changes == shared.signals.routes_changes();
            if fresh && made.began_at.elapsed() < AGE_MAX {
                return Ok(made.published.clone());
            }
            tokio::time::sleep_until(made.ended_at + made.pause()).await;
        }
        let (changes, began_at) = (shared.signals.routes_changes(), Instant::now());
        let published = make(&*shared.store, &mut cache.functions).await?;
        let ended_at = Instant::now();
        cache.made = Some(Made { changes, began_at, ended_at, published: published.clone() });
        Ok(published)
    }
}

impl Made {
    fn pause(&self) -> Duration {
        PAUSE_MIN.max((self.ended_at - self.began_at) * PAUSE_PER_TIME)
    }
}

async fn make(store: &dyn Store, functions: &mut Functions) -> Result<Published, ApiError> {
    // workers after placements: of one that is lost in between, the placements are not called
    let (apps, placements) = (store.app_list().await?, store.placement_list(None).await?);
    let workers = store.worker_list().await?;
    let grouped = blocking(move || Called::of(apps, workers, placements)).await?;
    learn(store, &grouped, functions).await?;
    let known = functions.clone();
    let published = blocking(move || {
        let mut routes = grouped.routes(&known);
        let content = serde_json::to_vec(&routes)?;
        routes.revision = hex::encode(&Sha256::digest(content)[..8]);
        let json = serde_json::to_vec(&routes)?.into();
        Ok(Published { revision: routes.revision.into(), json })
    });
    published.await?.map_err(|error: serde_json::Error| {
        ApiError::new(Code::Internal, "the routes cannot be written").caused_by(error)
    })
}

/// Gets the functions of versions not seen before, and forgets those that are no longer called.
async fn learn(
    store: &dyn Store,
    called: &Called,
    functions: &mut Functions,
) -> Result<(), StoreError> {
    let mut before = std::mem::take(functions);
    for key in called.versions() {
        let known = match before.remove(&key) {
            Some(known) => known,
            None => match store.version_get(&key.0, key.1).await? {
                Some(version) => version.functions.into_iter().map(http).collect(),
                // removed since; the next one will be without it
                None => continue,
            },
        };
        functions.insert(key, known);
    }
    Ok(())
}

fn http(function: steading_protocol::FunctionSpec) -> HttpTrigger {
    let Trigger::Http(http) = function.trigger;
    http
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ApiError> {
    let failed =
        |error| ApiError::new(Code::Internal, "the routes cannot be made").caused_by(error);
    tokio::task::spawn_blocking(work).await.map_err(failed)
}
