//! Apps: listing, the default app, removal.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use steading_protocol::AppName;
use steading_protocol::api::{App, List};
use steading_protocol::problem::ErrorBody;

use super::extract::Path;
use crate::error::{ApiError, Code};
use crate::reconcile;
use crate::state::Shared;

/// An app, or `app_unknown`.
pub(crate) async fn app_of(shared: &Shared, app: &AppName) -> Result<App, ApiError> {
    shared.store.app_get(app).await?.ok_or_else(|| unknown(app))
}

pub(super) fn unknown(app: &AppName) -> ApiError {
    ApiError::new(Code::AppUnknown, format!("there is no app `{app}`"))
}

/// Makes an app the default one: requests to `/api/…` try it first.
pub(crate) async fn make_default(shared: &Shared, app: &AppName) -> Result<(), ApiError> {
    if !shared.store.app_default_set(app).await? {
        return Err(unknown(app));
    }
    reconcile::planned(shared).await;
    tracing::info!(%app, "default app changed");
    Ok(())
}

/// Removes an app with all its versions.
pub(crate) async fn remove(shared: &Shared, app: &AppName) -> Result<(), ApiError> {
    if !shared.store.app_delete(app).await? {
        return Err(unknown(app));
    }
    shared.signals.generations_changed();
    reconcile::planned(shared).await;
    tracing::info!(%app, "app removed");
    Ok(())
}

/// The apps by name.
#[utoipa::path(get, path = "/apps", tag = "apps", security(("token" = [])),
    responses((status = 200, body = List<App>), (status = "default", body = ErrorBody)))]
pub(super) async fn app_list(
    State(shared): State<Arc<Shared>>,
) -> Result<Json<List<App>>, ApiError> {
    Ok(Json(List { items: shared.store.app_list().await? }))
}

/// One app.
#[utoipa::path(get, path = "/apps/{app}", tag = "apps", security(("token" = [])),
    params(("app" = String, Path)),
    responses((status = 200, body = App), (status = "default", body = ErrorBody)))]
pub(super) async fn app_get(
    State(shared): State<Arc<Shared>>,
    Path(app): Path<AppName>,
) -> Result<Json<App>, ApiError> {
    app_of(&shared, &app).await.map(Json)
}

/// Makes an app the default one: requests to `/api/…` try it first.
#[utoipa::path(put, path = "/apps/{app}/default", tag = "apps", security(("token" = [])),
    params(("app" = String, Path)),
    responses((status = 204), (status = "default", body = ErrorBody)))]
pub(super) async fn app_default(
    State(shared): State<Arc<Shared>>,
    Path(app): Path<AppName>,
) -> Result<StatusCode, ApiError> {
    make_default(&shared, &app).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Removes an app with all its versions.
#[utoipa::path(delete, path = "/apps/{app}", tag = "apps", security(("token" = [])),
    params(("app" = String, Path)),
    responses((status = 204), (status = "default", body = ErrorBody)))]
pub(super) async fn app_delete(
    State(shared): State<Arc<Shared>>,
    Path(app): Path<AppName>,
) -> Result<StatusCode, ApiError> {
    remove(&shared, &app).await?;
    Ok(StatusCode::NO_CONTENT)
}
