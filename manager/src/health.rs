//! `/live` and `/ready`, the same two questions that every role answers: whether the process turns, and
//! whether requests should be sent to it. Open to anyone and in plain text, for probes.
//!
//! Invariant: however many ask, the store is asked once a second.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use http::{Method, StatusCode};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use crate::gate::{Access, Rule};
use crate::state::Shared;
use crate::store::Store;

/// How long an answer of the store is good for.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A store that takes longer would let people wait; shorter than probes wait.
const STORE_TIME_MAX: Duration = Duration::from_secs(1);

/// What the gate lets through.
pub(crate) const RULES: &[Rule] = &[
    Rule::new(Method::GET, "/live").access(Access::Open),
    Rule::new(Method::GET, "/ready").access(Access::Open),
];

/// The last look at the store.
#[derive(Debug, Default)]
pub(crate) struct Health(Mutex<Option<(Instant, Result<(), NotReady>)>>);

/// Why requests should go elsewhere.
type NotReady = &'static str;

/// The two routes.
pub(crate) fn router() -> Router<Arc<Shared>> {
    Router::new().route("/live", get(async || "live")).route("/ready", get(ready))
}

async fn ready(State(shared): State<Arc<Shared>>) -> (StatusCode, &'static str) {
    let answer = match shared.signals.stop.is_cancelled() {
        true => Err("stopping"),
        false => shared.health.look(&*shared.store).await,
    };
    match answer {
        Ok(()) => (StatusCode::OK, "ready"),
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, why),
    }
}

impl Health {
    async fn look(&self, store: &dyn Store) -> Result<(), NotReady> {
        let mut last = self.0.lock().await;
        if let Some((at, answer)) = *last
            && at.elapsed() < LOOK_EVERY
        {
            return answer;
        }
        let answer = match timeout(STORE_TIME_MAX, store.lease_list()).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => {
                tracing::debug!(%error, "the store did not answer a probe");
                Err("the store cannot be read")
            }
            Err(_) => Err("the store does not answer"),
        };
        *last = Some((Instant::now(), answer));
        answer
    }
}
