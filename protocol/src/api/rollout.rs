//! Bringing versions into service, going back, and who may decide it. Shapes only; what happens when
//! is the manager's schedule.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::VersionNumber;

/// A version on its way into service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Rollout {
    /// The version.
    pub version: VersionNumber,
    /// The share of calls that it is meant to get, percent; at 100 it takes the other's place.
    pub percent: u8,
    /// How far it is.
    pub state: RolloutState,
    /// Why it was stopped: the first error of each worker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// How far a roll-out is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum RolloutState {
    /// Workers load it; the version in service answers every call.
    Rolling,
    /// It answers its share of the calls.
    Split,
    /// A worker could not load it; the version in service answers every call.
    Stopped,
}

impl RolloutState {
    /// The state as it stands in JSON and in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rolling => "rolling",
            Self::Split => "split",
            Self::Stopped => "stopped",
        }
    }
}

/// `PUT /api/v1/apps/{app}/rollout`: bring a version into service, wholly or for a share of calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RolloutRequest {
    /// The version.
    pub version: VersionNumber,
    /// Its share, percent, 1 to 100.
    pub percent: u8,
}

/// `POST /api/v1/apps/{app}/rollback`: go back at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RollbackRequest {
    /// The version to serve; absent, the one before the version in service.
    #[serde(default)]
    pub version: Option<VersionNumber>,
}

/// Who holds the right to do what only one manager may do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Lease {
    /// What it is for, such as `reconcile`.
    pub name: String,
    /// The manager that holds it.
    pub owner: String,
    /// Until when, by the store's clock.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub until: Timestamp,
}
