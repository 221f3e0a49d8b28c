//! Versions: listing and publishing.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::Deserialize;
use steading_protocol::AppName;
use steading_protocol::api::{List, PublishReply, Version};
use steading_protocol::problem::ErrorBody;

use super::app_of;
use super::extract::{PackageBody, Path, Query};
use crate::error::{ApiError, Code};
use crate::publish::{Package, publish};
use crate::state::Shared;
use crate::store::NewGrants;

/// The query of a publish.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct PublishQuery {
    /// Whether the app becomes the default one. The first app does anyway.
    #[serde(default)]
    default: bool,
    /// The share of calls that the version is rolled out to, percent, 1 to 100; absent, all.
    #[serde(default = "all")]
    percent: u8,
    /// Whether it may reach more than the newest version of the app; without that, such a version is
    /// refused with `grants_new`, which lists the difference.
    #[serde(default)]
    allow_new_grants: bool,
}

fn all() -> u8 {
    100
}

/// The versions of an app, newest first.
#[utoipa::path(get, path = "/apps/{app}/versions", tag = "apps", security(("token" = [])),
    params(("app" = String, Path)),
    responses((status = 200, body = List<Version>), (status = "default", body = ErrorBody)))]
pub(super) async fn version_list(
    State(shared): State<Arc<Shared>>,
    Path(app): Path<AppName>,
) -> Result<Json<List<Version>>, ApiError> {
    app_of(&shared, &app).await?;
    Ok(Json(List { items: shared.store.version_list(&app).await? }))
}

/// Publishes a `.wasm` module or a `.zip` package; the app is made when it does not exist. The same
/// bytes again are answered with 200 and the version that has them.
#[utoipa::path(post, path = "/apps/{app}/versions", tag = "apps", security(("token" = [])),
    params(("app" = String, Path), PublishQuery),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 201, body = PublishReply), (status = 200, body = PublishReply),
        (status = "default", body = ErrorBody)))]
pub(super) async fn version_publish(
    State(shared): State<Arc<Shared>>,
    Path(app): Path<AppName>,
    Query(query): Query<PublishQuery>,
    PackageBody(bytes): PackageBody,
) -> Result<(StatusCode, Json<PublishReply>), ApiError> {
    if !(1..=100).contains(&query.percent) {
        return Err(ApiError::new(
            Code::BodyInvalid,
            format!("`percent` = {} is not within 1 to 100", query.percent),
        ));
    }
    let new_grants = if query.allow_new_grants { NewGrants::Allowed } else { NewGrants::Refused };
    let PublishQuery { default, percent, .. } = query;
    let package = Package { app, bytes, default, percent, new_grants };
    let reply = publish(&shared, package).await?;
    let status = if reply.created { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(reply)))
}
