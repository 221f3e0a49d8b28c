//! Functions of an app's current version, with the URLs at which they answer.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use steading_protocol::AppName;
use steading_protocol::api::{App, Function, List, Version, Worker};
use steading_protocol::problem::ErrorBody;

use super::extract::Path;
use super::{app_of, urls};
use crate::error::{ApiError, Code};
use crate::state::Shared;

/// The functions of an app's current version.
pub(crate) async fn functions_of(
    shared: &Shared,
    app: &AppName,
) -> Result<Vec<Function>, ApiError> {
    let app = app_of(shared, app).await?;
    let version = current_version(shared, &app).await?;
    with_urls(shared, &app, version).await
}

/// The functions of a version with the URLs of the workers that are told to have the app.
pub(crate) async fn with_urls(
    shared: &Shared,
    app: &App,
    version: Version,
) -> Result<Vec<Function>, ApiError> {
    let placements = shared.store.placement_list(Some(&app.app)).await?;
    let told = |worker: &Worker| {
        placements.iter().any(|p| p.worker == worker.worker && p.percent.is_some())
    };
    let mut workers = shared.store.worker_list().await?;
    workers.retain(told);
    let with_urls = |spec| Function { urls: urls::of(app, &workers, &spec), spec };
    Ok(version.functions.into_iter().map(with_urls).collect())
}

/// The version that an app stands at.
pub(super) async fn current_version(shared: &Shared, app: &App) -> Result<Version, ApiError> {
    shared.store.version_get(&app.app, app.version).await?.ok_or_else(|| {
        ApiError::new(
            Code::VersionUnknown,
            format!("app `{}` has no version {} any more", app.app, app.version),
        )
    })
}

/// The functions of an app's current version, in the order of the package.
#[utoipa::path(get, path = "/apps/{app}/functions", tag = "functions", security(("token" = [])),
    params(("app" = String, Path)),
    responses((status = 200, body = List<Function>), (status = "default", body = ErrorBody)))]
pub(super) async fn function_list(
    State(shared): State<Arc<Shared>>,
    Path(app): Path<AppName>,
) -> Result<Json<List<Function>>, ApiError> {
    Ok(Json(List { items: functions_of(&shared, &app).await? }))
}
