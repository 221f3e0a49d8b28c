//! Workers and placements as the manager sees them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::desired::{PlacementState, VersionLoad, WorkerLoad};
use crate::{AppName, Availability, Capacity, Generation, Labels, VersionNumber, WorkerId};

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
    /// Calls by version, of the apps that had more than one in service at the last heartbeat.
    #[serde(default)]
    pub versions: Vec<VersionLoad>,
    /// What apps may ask for.
    #[serde(default)]
    pub labels: Labels,
    /// What it can carry.
    #[serde(default)]
    pub capacity: Capacity,
    /// Whether it takes work.
    #[serde(default)]
    pub availability: Availability,
    /// The newest generation of its desired state.
    #[serde(default)]
    pub generation: Generation,
    /// The newest generation that it has applied.
    #[serde(default)]
    pub applied: Generation,
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
    /// The share of the app's calls that it is told to answer, percent; absent when it is no longer
    /// wanted there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent: Option<u8>,
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
