//! Everything at a glance, and whether the manager is there at all.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use steading_protocol::api::Status;
use steading_protocol::problem::ErrorBody;

use crate::error::ApiError;
use crate::state::Shared;

/// Answers while the manager accepts requests; says nothing about the store.
#[utoipa::path(get, path = "/live", tag = "status", security(()), responses((status = 200)))]
pub(super) async fn live() -> StatusCode {
    StatusCode::OK
}

/// Apps, workers and placements.
#[utoipa::path(get, path = "/status", tag = "status", security(("token" = [])),
    responses((status = 200, body = Status), (status = "default", body = ErrorBody)))]
pub(super) async fn status(State(shared): State<Arc<Shared>>) -> Result<Json<Status>, ApiError> {
    Ok(Json(Status {
        release: env!("CARGO_PKG_VERSION").to_owned(),
        apps: shared.store.app_list().await?,
        workers: shared.store.worker_list().await?,
        placements: shared.store.placement_list(None).await?,
        leases: shared.store.lease_list().await?,
    }))
}
