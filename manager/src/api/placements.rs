//! Placements: which version stands where, and in which state.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use steading_protocol::AppName;
use steading_protocol::api::{List, Placement};
use steading_protocol::problem::ErrorBody;

use super::app_of;
use super::extract::Query;
use crate::error::ApiError;
use crate::state::Shared;

/// The query of the list.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct PlacementQuery {
    /// Only those of this app.
    #[param(value_type = Option<String>)]
    app: Option<AppName>,
}

/// The placements by app, version and worker.
#[utoipa::path(get, path = "/placements", tag = "workers", security(("token" = [])),
    params(PlacementQuery),
    responses((status = 200, body = List<Placement>), (status = "default", body = ErrorBody)))]
pub(super) async fn placement_list(
    State(shared): State<Arc<Shared>>,
    Query(query): Query<PlacementQuery>,
) -> Result<Json<List<Placement>>, ApiError> {
    if let Some(app) = &query.app {
        app_of(&shared, app).await?;
    }
    Ok(Json(List { items: shared.store.placement_list(query.app.as_ref()).await? }))
}
