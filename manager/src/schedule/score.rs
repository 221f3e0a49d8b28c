//! How good a worker is for a version. The order of the fields is the policy: the first in which two
//! workers differ decides.

use steading_protocol::WorkerId;

use super::{LiveWorker, PlannedVersion};

/// What a worker that does not say how many instances it can have is taken to have.
const INSTANCES_UNSAID: u64 = 1000;

/// Smaller is better.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Score<'w> {
    /// Not beside another version of the app: a split needs both, and a move is spared.
    pub(super) apart: bool,
    /// How full it is.
    pub(super) fullness: u64,
    /// It would have to fetch and compile a module.
    pub(super) lacks_module: bool,
    /// So that the choice never depends on the order of the input.
    pub(super) worker: &'w WorkerId,
}

/// Apps on a worker against what it can carry, in millionths of an instance.
pub(super) fn fullness(worker: &LiveWorker, apps: usize) -> u64 {
    let instances = match worker.capacity.instances {
        0 => INSTANCES_UNSAID,
        instances => u64::from(instances),
    };
    apps as u64 * 1_000_000_000 / instances
}

/// Whether a worker would have to fetch and compile something.
pub(super) fn lacks_module(worker: &LiveWorker, version: &PlannedVersion) -> bool {
    !version.modules.iter().all(|module| worker.modules.contains(module))
}
