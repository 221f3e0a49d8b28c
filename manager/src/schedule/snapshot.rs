//! What a plan is made from and what it says. Plain data: stores fill in the one and carry out the
//! other.

use std::collections::HashSet;

use jiff::Timestamp;
use steading_protocol::api::Rollout;
use steading_protocol::desired::PlacementState;
use steading_protocol::{
    AppName, AvailabilityState, Capacity, Digest, FunctionSpec, Labels, PlacementRules,
    VersionNumber, WorkerId,
};

/// The function that a store runs inside a transaction.
pub(crate) type PlanFn = fn(&Snapshot) -> Plan;

/// What a plan is made from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Snapshot {
    /// The apps, in any order.
    pub(crate) apps: Vec<PlannedApp>,
    /// The live workers, in any order; whoever is away keeps what it had.
    pub(crate) workers: Vec<LiveWorker>,
}

/// One app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PlannedApp {
    /// The name.
    pub(crate) app: AppName,
    /// The version in service.
    pub(crate) current: PlannedVersion,
    /// Another one, and what it needs.
    pub(crate) rollout: Option<(Rollout, PlannedVersion)>,
    /// Whether it comes first.
    pub(crate) default: bool,
    /// When it was first published.
    pub(crate) created_at: Timestamp,
}

/// What a version needs of its workers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PlannedVersion {
    /// Its number.
    pub(crate) version: VersionNumber,
    /// How many, and which.
    pub(crate) rules: PlacementRules,
    /// Memory of its largest instance, bytes.
    pub(crate) memory_bytes: u64,
    /// Its modules.
    pub(crate) modules: Vec<Digest>,
}

impl PlannedVersion {
    /// Of a version with these functions.
    pub(crate) fn new(
        version: VersionNumber,
        rules: PlacementRules,
        functions: &[FunctionSpec],
    ) -> Self {
        let memory_bytes = functions.iter().map(|f| f.limits.memory_bytes_max).max().unwrap_or(0);
        let mut modules: Vec<Digest> = functions.iter().map(|f| f.module.clone()).collect();
        modules.sort();
        modules.dedup();
        Self { version, rules, memory_bytes, modules }
    }
}

/// One live worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LiveWorker {
    /// Its identity.
    pub(crate) worker: WorkerId,
    /// Its name, for people.
    pub(crate) name: String,
    /// What apps may ask for.
    pub(crate) labels: Labels,
    /// What it can carry.
    pub(crate) capacity: Capacity,
    /// Whether it takes work.
    pub(crate) availability: AvailabilityState,
    /// The modules whose code it is known to have had.
    pub(crate) modules: HashSet<Digest>,
    /// What it is told to serve, in order, and what it still holds.
    pub(crate) placements: Vec<WorkerPlacement>,
}

/// A version on a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WorkerPlacement {
    /// The app.
    pub(crate) app: AppName,
    /// The version.
    pub(crate) version: VersionNumber,
    /// What the worker is told, when it is told to have it.
    pub(crate) wanted: Option<Wanted>,
    /// What the worker says.
    pub(crate) state: PlacementState,
    /// Why it failed.
    pub(crate) detail: Option<String>,
}

/// What a worker is told of a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// The app.
    pub(crate) app: AppName,
    /// The version.
    pub(crate) version: VersionNumber,
    /// Its share of the app's calls, percent.
    pub(crate) percent: u8,
    /// Whether it only stays until those that take over from it are ready. The worker is not told.
    pub(crate) leaving: bool,
}

/// What is to be changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Apps whose version in service or roll-out changes.
    pub(crate) apps: Vec<AppChange>,
    /// Workers whose desired state changes.
    pub(crate) assignments: Vec<Assignment>,
}

/// What becomes of an app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AppChange {
    /// The app.
    pub(crate) app: AppName,
    /// The version in service.
    pub(crate) version: VersionNumber,
    /// What is on its way.
    pub(crate) rollout: Option<Rollout>,
}

/// What a worker is told: apps in the order in which requests try them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Assignment {
    /// The worker.
    pub(crate) worker: WorkerId,
    /// All of it, in order.
    pub(crate) wanted: Vec<Wanted>,
}
