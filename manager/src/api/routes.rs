//! What gateways call: the long poll for what can be called where.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use serde::Deserialize;
use steading_protocol::problem::ErrorBody;
use steading_protocol::routes::Routes;
use tokio::time::Instant;

use super::extract::Query;
use super::worker_side::WAIT_MAX;
use crate::error::ApiError;
use crate::routes::AGE_MAX;
use crate::state::Shared;

/// The query of the long poll.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct RoutesQuery {
    /// The revision that the gateway has.
    #[serde(default)]
    after: String,
    /// How long to wait for another one, milliseconds; at most 55,000 are waited.
    #[serde(default)]
    wait_ms: u64,
}

/// The routes, as soon as their revision is another than the gateway's; 204 when the wait ends first.
/// With the join token or an API token as bearer.
#[utoipa::path(get, path = "/routes", tag = "gateway side", params(RoutesQuery),
    security(("join" = []), ("token" = [])),
    responses((status = 200, body = Routes), (status = 204),
        (status = "default", body = ErrorBody)))]
pub(super) async fn routes_get(
    State(shared): State<Arc<Shared>>,
    Query(query): Query<RoutesQuery>,
) -> Result<Response, ApiError> {
    let until = Instant::now() + Duration::from_millis(query.wait_ms).min(WAIT_MAX);
    let mut changes = shared.signals.routes();
    loop {
        // a change after this is one to wake up for, also while the routes are made
        changes.mark_unchanged();
        let newest = shared.routes.newest(&shared).await?;
        if *newest.revision != *query.after {
            let json = [(header::CONTENT_TYPE, "application/json")];
            return Ok((json, newest.json).into_response());
        }
        // changes that another manager has made wake nobody here
        let look_again = tokio::time::sleep(AGE_MAX);
        tokio::select! {
            _ = changes.changed() => {}
            () = look_again => {}
            () = tokio::time::sleep_until(until) => break,
            () = shared.signals.stop.cancelled() => break,
        }
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}
