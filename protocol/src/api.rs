//! Bodies of the manager's API under `/api/v1` that people and the command line use.
//! Times are UTC in RFC 3339.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::desired::{PlacementState, WorkerLoad};
use crate::{AppName, Digest, FunctionSpec, Secret, VersionNumber, WorkerId};

/// One app.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct App {
    /// The name.
    pub app: AppName,
    /// The version that workers are told to serve.
    pub version: VersionNumber,
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

/// One worker.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Worker {
    /// Its identity.
    pub worker: WorkerId,
    /// Its name, for people.
    pub name: String,
    /// Where it answers function calls.
    pub url: String,
    /// Its release.
    pub release: String,
    /// Operating system and processor.
    pub platform: String,
    /// Whether it is there.
    pub state: WorkerState,
    /// Its load at the last heartbeat.
    pub load: WorkerLoad,
    /// When it first joined.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub joined_at: Timestamp,
    /// When it was last heard of.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub seen_at: Timestamp,
}

/// Whether a worker is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum WorkerState {
    /// It sends heartbeats.
    Live,
    /// It has said goodbye.
    Left,
    /// It has not been heard of for too long.
    Lost,
}

impl WorkerState {
    /// The state as it stands in JSON and in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Left => "left",
            Self::Lost => "lost",
        }
    }
}

/// One placement: an app version on a worker.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Placement {
    /// The app.
    pub app: AppName,
    /// The version.
    pub version: VersionNumber,
    /// The worker.
    pub worker: WorkerId,
    /// The worker's name, for people.
    pub worker_name: String,
    /// The state.
    pub state: PlacementState,
    /// Why it failed, when it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// When it was wanted.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub created_at: Timestamp,
    /// When the state last changed.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub changed_at: Timestamp,
}

/// A lease: the right of one manager to do what only one does at a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Lease {
    /// What it is for.
    pub name: String,
    /// Who holds it.
    pub owner: String,
    /// When it ends unless it is renewed, by the store's clock.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub until: Timestamp,
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
