//! `/live` and `/ready`, as every other role has them at its control port: for orchestrators, and for
//! `steading health`. Open to everyone, and they tell nothing but yes or no.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{Method, StatusCode};

use crate::gate::{Access, Rule};
use crate::state::Shared;

/// How long the store may take before this manager counts as not ready: below the time that whoever
/// probes waits for an answer, which is seldom set to less than 3 s.
const STORE_TIME_MAX: Duration = Duration::from_secs(2);

/// The rules.
pub(crate) const RULES: &[Rule] = &[
    Rule::new(Method::GET, "/live").access(Access::Open),
    Rule::new(Method::GET, "/ready").access(Access::Open),
];

/// The routes.
pub(crate) fn router() -> Router<Arc<Shared>> {
    Router::new().route("/live", get(async || "live")).route("/ready", get(ready))
}

/// A manager without its store can answer nothing that matters; one of several is better asked then.
async fn ready(State(shared): State<Arc<Shared>>) -> Response {
    match tokio::time::timeout(STORE_TIME_MAX, shared.store.change_get()).await {
        Ok(Ok(_)) => "ready".into_response(),
        Ok(Err(_)) | Err(_) => {
            (StatusCode::SERVICE_UNAVAILABLE, "the store does not answer").into_response()
        }
    }
}
