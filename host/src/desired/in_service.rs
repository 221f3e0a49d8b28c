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

    /// Their calls by now.
    pub(crate) fn loads(&self) -> Vec<VersionLoad> {
        let load = |Counted { app, version, counts }: &Counted| {
            let (invocations, failures) = counts.totals();
            VersionLoad { app: app.clone(), version: *version, invocations, failures }
        };
        self.0.load().iter().map(load).collect()
    }
}
