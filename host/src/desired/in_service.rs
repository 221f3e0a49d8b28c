//! What the heartbeat tells of apps that have more than one version in service: the calls of each.

use std::sync::Arc;

use arc_swap::ArcSwap;
use steading_protocol::desired::VersionLoad;
use steading_protocol::{AppName, VersionNumber};

use super::app::Version;
use super::loader::Loaded;
use crate::metrics::VersionCounts;

/// The versions beside others that are called; swapped whole with the route table.
#[derive(Clone, Default)]
pub(crate) struct InService(Arc<ArcSwap<Vec<Counted>>>);

/// The most versions that a heartbeat tells of. With the longest names, and with the apps that it tells
/// of as well, they stay below the 64 KiB that a manager reads of it, and nobody tries out more apps than
/// that on one worker at once.
const TOLD_MAX: usize = 300;

/// One of them.
pub(super) struct Counted {
    app: AppName,
    version: VersionNumber,
    counts: Arc<VersionCounts>,
}

impl Counted {
    pub(super) fn of(version: &Version<Loaded>) -> Self {
        let (app, counts) = (version.desired.app.clone(), Arc::clone(&version.loaded.counts));
        Self { app, version: version.desired.version, counts }
    }
}

impl InService {
    pub(super) fn set(&self, versions: Vec<Counted>) {
        self.0.store(Arc::new(versions));
    }

    /// Their calls by now, of so many as a manager reads in a heartbeat.
    pub(crate) fn loads(&self) -> Vec<VersionLoad> {
        let load = |Counted { app, version, counts }: &Counted| {
            let (invocations, failures) = counts.totals();
            VersionLoad { app: app.clone(), version: *version, invocations, failures }
        };
        self.0.load().iter().take(TOLD_MAX).map(load).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_heartbeat_is_one_that_a_manager_reads() {
        let app: AppName = "a".repeat(40).parse().unwrap();
        let (version, counts) = (VersionNumber(u32::MAX), Arc::default());
        let counted = || Counted { app: app.clone(), version, counts: Arc::clone(&counts) };
        let in_service = InService::default();
        in_service.set((0..TOLD_MAX + 7).map(|_| counted()).collect());
        let mut loads = in_service.loads();
        assert_eq!(loads.len(), TOLD_MAX);
        for load in &mut loads {
            (load.invocations, load.failures) = (u64::MAX, u64::MAX);
        }
        assert!(serde_json::to_vec(&loads).unwrap().len() < 44 << 10);
    }
}
