//! What the manager wants of a worker, and what a worker says of itself.
//!
//! A worker pulls its whole desired state with a generation; there are no increments. That makes a
//! late, lost or repeated message harmless: a worker applies a state when its generation is newer
//! than what it has, and otherwise does nothing. Reports are whole as well.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    AppLimits, AppName, Availability, Capacity, Digest, FunctionSpec, Generation, Grants, Labels,
    Secret, SettingName, SettingValue, VersionNumber, WorkerId,
};

/// Everything one worker should serve.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DesiredState {
    /// Grows with every change.
    pub generation: Generation,
    /// The apps, in the order in which a request to `/api/…` without a telling host tries them:
    /// the default app first, then the others by age. Of an app there may be two versions, side by
    /// side: one that is called, and one that is rolled out or takes a share.
    pub apps: Vec<DesiredApp>,
    /// Modules of earlier versions, whose code the worker keeps so that going back to them takes no
    /// time. Fetched and compiled when nothing else is to be done; everything else may be forgotten.
    #[serde(default)]
    pub hold: Vec<ModuleRef>,
}

/// One app version that a worker should serve.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DesiredApp {
    /// The app.
    pub app: AppName,
    /// The version.
    pub version: VersionNumber,
    /// The share of the app's calls that this version answers, percent; 0 is loaded and `ready`, but
    /// not called. The shares of an app's versions make 100 together. A worker goes over to new
    /// shares of an app at once, when every version that has one is loaded, and keeps the old ones
    /// until then.
    #[serde(default = "whole")]
    pub percent: u8,
    /// Host names that lead to this app alone.
    pub hosts: Vec<String>,
    /// The modules to fetch.
    pub modules: Vec<ModuleRef>,
    /// The functions to serve from them.
    pub functions: Vec<FunctionSpec>,
    /// What all of them together may use.
    #[serde(default)]
    pub limits: AppLimits,
    /// What they may reach.
    #[serde(default)]
    pub grants: Grants,
    /// The settings that they may read, as far as they are set, each as the manifest spells it.
    #[serde(default)]
    pub settings: BTreeMap<SettingName, SettingValue>,
}

fn whole() -> u8 {
    100
}

/// A module to fetch by its digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ModuleRef {
    /// SHA-256 of the bytes.
    pub digest: Digest,
    /// Length, bytes.
    pub size_bytes: u64,
}

/// The state of a placement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum PlacementState {
    /// Wanted, and not yet taken up by the worker.
    Pending,
    /// The worker fetches or compiles it; the detail says what keeps it from that, as long as
    /// something does.
    Loading,
    /// The worker has it loaded, and calls it as its share says.
    Ready,
    /// The worker serves what is in flight and takes nothing new.
    Draining,
    /// The worker could not load it; the detail says why.
    Failed,
    /// The worker has not been heard of for too long.
    Lost,
}

impl PlacementState {
    /// The state as it stands in JSON and in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Loading => "loading",
            Self::Ready => "ready",
            Self::Draining => "draining",
            Self::Failed => "failed",
            Self::Lost => "lost",
        }
    }
}

impl std::fmt::Display for PlacementState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// `POST /api/v1/workers/join`, with the join token as bearer.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct JoinRequest {
    /// The identity from an earlier join, when the worker has one.
    pub worker: Option<WorkerId>,
    /// The name shown to people.
    pub name: String,
    /// Where the worker answers function calls, such as `http://10.0.0.7:7071`.
    pub url: String,
    /// The worker's release.
    pub release: String,
    /// Operating system and processor, such as `linux/x86_64`.
    pub platform: String,
    /// What apps may ask for: `zone = "plant-2"`.
    #[serde(default)]
    pub labels: Labels,
    /// What it can carry.
    #[serde(default)]
    pub capacity: Capacity,
    /// Whether it takes work now.
    #[serde(default)]
    pub availability: Availability,
    /// The modules whose code it has, as far as it wants to say.
    #[serde(default)]
    pub modules: Vec<Digest>,
}

/// The answer to a join.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct JoinReply {
    /// The identity to keep.
    pub worker: WorkerId,
    /// The bearer token of every further call of this worker.
    pub token: Secret,
    /// How often to send a heartbeat, milliseconds.
    pub heartbeat_ms: u64,
}

/// `POST /api/v1/workers/{worker}/heartbeat`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Heartbeat {
    /// What the worker is doing now.
    pub load: WorkerLoad,
    /// Whether it takes work now.
    #[serde(default)]
    pub availability: Availability,
    /// Calls of the apps that have more than one version in service, by version.
    #[serde(default)]
    pub versions: Vec<VersionLoad>,
}

/// Calls of one version since its worker took it up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VersionLoad {
    /// The app.
    pub app: AppName,
    /// The version.
    pub version: VersionNumber,
    /// Invocations ended.
    pub invocations: u64,
    /// Of these, the ones a guest failed.
    pub failures: u64,
}

/// The load of a worker at one moment. What a worker of an earlier release does not tell stands at its
/// default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WorkerLoad {
    /// Invocations running now.
    pub in_flight: u64,
    /// Invocations that can run at once.
    pub in_flight_max: u64,
    /// Invocations ended since the worker started.
    pub invocations: u64,
    /// Of these, the ones a guest failed.
    pub failures: u64,
    /// Resident memory of the process, bytes; 0 where it cannot be read.
    pub resident_bytes: u64,
    /// Invocations running now, by app, of those that have any; the busiest ones, when they are more
    /// than fit.
    #[serde(default)]
    pub apps: BTreeMap<AppName, u32>,
    /// How many invocations of an app can run at once whose manifest does not say it; absent, as many
    /// as of all together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_in_flight_max: Option<u32>,
}

/// The answer to a heartbeat.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HeartbeatReply {
    /// The newest generation of the worker's desired state.
    pub generation: Generation,
}

/// `POST /api/v1/workers/{worker}/placements`: everything the worker holds, each time.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PlacementsReport {
    /// The generation that the worker has applied or is applying.
    pub generation: Generation,
    /// The newest generation that it has applied: calls are answered by it. 0 before the first.
    #[serde(default)]
    pub applied: Generation,
    /// Its placements.
    pub placements: Vec<PlacementReport>,
}

/// One placement as its worker sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PlacementReport {
    /// The app.
    pub app: AppName,
    /// The version.
    pub version: VersionNumber,
    /// Its state on this worker.
    pub state: PlacementState,
    /// Why it failed or does not get on, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}
