//! Bringing versions of an app into service, for all calls or a share of them, and going back.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use steading_protocol::api::{App, RollbackRequest, RolloutRequest};
use steading_protocol::problem::ErrorBody;
use steading_protocol::{AppName, VersionNumber};

use super::apps::{app_of, unknown};
use super::extract::{JsonBody, Path};
use crate::error::{ApiError, Code};
use crate::reconcile;
use crate::state::Shared;
use crate::store::Activation;

/// Begins a roll-out; it goes into service when every worker that is to serve it has it ready.
pub(crate) async fn roll_out(
    shared: &Shared,
    app: &AppName,
    wish: RolloutRequest,
) -> Result<App, ApiError> {
    if !(1..=100).contains(&wish.percent) {
        return Err(ApiError::new(
            Code::BodyInvalid,
            format!("`percent` = {} is not within 1 to 100", wish.percent),
        ));
    }
    let made = shared.store.app_roll_out(app, wish).await?;
    let version = accepted(made, app, Some(wish.version))?;
    reconcile::planned(shared).await;
    tracing::info!(%app, %version, percent = wish.percent, "roll-out begun");
    app_of(shared, app).await
}

/// Brings an earlier version into service at once, on every worker as soon as it has it loaded.
pub(crate) async fn roll_back(
    shared: &Shared,
    app: &AppName,
    version: Option<VersionNumber>,
) -> Result<App, ApiError> {
    let made = shared.store.app_roll_back(app, version).await?;
    let version = accepted(made, app, version)?;
    reconcile::planned(shared).await;
    tracing::info!(%app, %version, "rolled back");
    app_of(shared, app).await
}

/// Ends a roll-out: the version in service gets all calls.
pub(crate) async fn end(shared: &Shared, app: &AppName) -> Result<(), ApiError> {
    if !shared.store.app_roll_out_end(app).await? {
        return Err(unknown(app));
    }
    reconcile::planned(shared).await;
    tracing::info!(%app, "roll-out ended");
    Ok(())
}

fn accepted(
    made: Activation,
    app: &AppName,
    wanted: Option<VersionNumber>,
) -> Result<VersionNumber, ApiError> {
    match (made, wanted) {
        (Activation::Set(version), _) => Ok(version),
        (Activation::AppUnknown, _) => Err(unknown(app)),
        (Activation::VersionUnknown, Some(version)) => Err(ApiError::new(
            Code::VersionUnknown,
            format!("app `{app}` has no version {version}"),
        )),
        (Activation::VersionUnknown, None) => Err(ApiError::new(
            Code::VersionUnknown,
            format!("app `{app}` has no version before the one in service"),
        )),
        (Activation::HostTaken { host, app: owner }, _) => Err(ApiError::new(
            Code::ManifestInvalid,
            format!("app.hosts: `{host}` of that version leads to app `{owner}` now"),
        )),
    }
}

/// Brings a version into service, wholly or for a share of the calls.
#[utoipa::path(put, path = "/apps/{app}/rollout", tag = "apps", security(("token" = [])),
    params(("app" = String, Path)), request_body = RolloutRequest,
    responses((status = 200, body = App), (status = "default", body = ErrorBody)))]
pub(super) async fn rollout_put(
    State(shared): State<Arc<Shared>>,
    Path(app): Path<AppName>,
    JsonBody(wish): JsonBody<RolloutRequest>,
) -> Result<Json<App>, ApiError> {
    Ok(Json(roll_out(&shared, &app, wish).await?))
}

/// Ends a roll-out where it is: the version in service gets all calls.
#[utoipa::path(delete, path = "/apps/{app}/rollout", tag = "apps", security(("token" = [])),
    params(("app" = String, Path)),
    responses((status = 204), (status = "default", body = ErrorBody)))]
pub(super) async fn rollout_delete(
    State(shared): State<Arc<Shared>>,
    Path(app): Path<AppName>,
) -> Result<StatusCode, ApiError> {
    end(&shared, &app).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Goes back to an earlier version at once; without one, to that before the version in service.
#[utoipa::path(post, path = "/apps/{app}/rollback", tag = "apps", security(("token" = [])),
    params(("app" = String, Path)), request_body = RollbackRequest,
    responses((status = 200, body = App), (status = "default", body = ErrorBody)))]
pub(super) async fn rollback(
    State(shared): State<Arc<Shared>>,
    Path(app): Path<AppName>,
    JsonBody(wish): JsonBody<RollbackRequest>,
) -> Result<Json<App>, ApiError> {
    Ok(Json(roll_back(&shared, &app, wish.version).await?))
}
