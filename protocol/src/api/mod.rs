//! Bodies of the manager's API under `/api/v1` that people and the command line use.
//! Times are UTC in RFC 3339.

mod rollout;
mod scale;
mod setting;
mod worker;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    AppLimits, AppName, Digest, FunctionSpec, Grants, PlacementRules, Secret, VersionNumber,
    WorkerId,
};

pub use rollout::{Lease, RollbackRequest, Rollout, RolloutRequest, RolloutState};
pub use scale::Scale;
pub use setting::{AppSetting, SettingRequest};
pub use worker::{Placement, Worker, WorkerState};

/// One app.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct App {
    /// The name.
    pub app: AppName,
    /// The version that is in service.
    pub version: VersionNumber,
    /// Another version that is on its way into service, beside it, or was stopped on the way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<Rollout>,
    /// Where the version in service may run.
    #[serde(default)]
    pub placement: PlacementRules,
    /// What all functions of the version in service may use together.
    #[serde(default)]
    pub limits: AppLimits,
    /// What the functions of the version in service may reach, the reuse of their instances included.
    #[serde(default)]
    pub grants: Grants,
    /// Whether `/api/…` leads to this app first.
    pub default: bool,
    /// Host names that lead to this app alone.
    pub hosts: Vec<String>,
    /// When it was first published.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub created_at: Timestamp,
}

/// One version of an app.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Version {
    /// The app.
    pub app: AppName,
    /// The number.
    pub version: VersionNumber,
    /// SHA-256 of the published package.
    pub package: Digest,
    /// Its length, bytes.
    pub size_bytes: u64,
    /// When it was published.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub published_at: Timestamp,
    /// Its functions.
    pub functions: Vec<FunctionSpec>,
    /// What they may reach.
    #[serde(default)]
    pub grants: Grants,
}

/// One function of an app's current version, with where it answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Function {
    /// What it is.
    #[serde(flatten)]
    pub spec: FunctionSpec,
    /// Full URLs on live workers, shortest form first.
    pub urls: Vec<String>,
}

/// A list; every list of the API has this shape.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct List<T> {
    /// The items, in the order that the endpoint states.
    pub items: Vec<T>,
}

/// `GET /api/v1/status`: everything at a glance.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Status {
    /// The manager's release.
    pub release: String,
    /// The apps by name.
    pub apps: Vec<App>,
    /// The workers by name.
    pub workers: Vec<Worker>,
    /// The placements by app, version and worker.
    pub placements: Vec<Placement>,
    /// Who holds which lease; empty while one manager is alone.
    #[serde(default)]
    pub leases: Vec<Lease>,
}

/// The answer to a publish.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PublishReply {
    /// The app.
    pub app: AppName,
    /// The version that holds these bytes: a new one, or the current one when it already does.
    pub version: VersionNumber,
    /// Whether this publish made the version.
    pub created: bool,
    /// What it may reach.
    #[serde(default)]
    pub grants: Grants,
    /// Its functions.
    pub functions: Vec<Function>,
}

/// `POST /api/v1/apps/{app}/functions/{function}/invoke`: call a function through the manager, as
/// the portal's test pane does.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct InvokeRequest {
    /// The worker to call; absent, any that has it ready.
    #[serde(default)]
    pub worker: Option<WorkerId>,
    /// The method, such as `POST`.
    pub method: String,
    /// The path below `/api/` with route parameters filled in, and the query: `orders/7?full=1`.
    pub path: String,
    /// Headers to send.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    /// The body, base64 in the standard alphabet.
    #[serde(default)]
    pub body_base64: String,
}

/// What the function answered.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct InvokeReply {
    /// The worker that ran it.
    pub worker: WorkerId,
    /// The HTTP status.
    pub status: u16,
    /// The headers, in order; bytes that are not UTF-8 are replaced.
    pub headers: Vec<(String, String)>,
    /// The body, base64 in the standard alphabet.
    pub body_base64: String,
    /// From sending the request to the last byte of the reply, microseconds.
    pub duration_us: u64,
}

/// `POST /api/v1/tokens`: make an API token.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TokenRequest {
    /// What it is for, for people.
    pub name: String,
}

/// A new API token; the only time its text is shown.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TokenReply {
    /// What names it in lists and revokes it.
    pub id: String,
    /// What it is for.
    pub name: String,
    /// The bearer token.
    pub token: Secret,
}

/// An API token as lists show it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Token {
    /// What revokes it.
    pub id: String,
    /// What it is for.
    pub name: String,
    /// When it was made.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub created_at: Timestamp,
}
