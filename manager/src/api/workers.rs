//! Workers as people see them.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use steading_protocol::api::{List, Worker};
use steading_protocol::problem::ErrorBody;

use crate::error::ApiError;
use crate::state::Shared;

/// The workers by name.
#[utoipa::path(get, path = "/workers", tag = "workers", security(("token" = [])),
    responses((status = 200, body = List<Worker>), (status = "default", body = ErrorBody)))]
pub(super) async fn worker_list(
    State(shared): State<Arc<Shared>>,
) -> Result<Json<List<Worker>>, ApiError> {
    Ok(Json(List { items: shared.store.worker_list().await? }))
}
