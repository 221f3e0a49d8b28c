//! What the manager is told of the placements here: everything, each time.

use steading_protocol::desired::{PlacementReport, PlacementState, PlacementsReport};
use steading_protocol::{AppName, Generation, VersionNumber};
use tokio::sync::watch;

use super::app::App;

/// Where reports are left; whoever sends them sends the newest.
pub(super) struct Reports(watch::Sender<PlacementsReport>);

/// How things stand.
pub(super) struct Standing<A, D> {
    pub(super) generation: Generation,
    pub(super) applied: Generation,
    pub(super) apps: A,
    pub(super) draining: D,
}

impl Reports {
    pub(super) fn new() -> (Self, watch::Receiver<PlacementsReport>) {
        let (generation, applied) = (Generation(0), Generation(0));
        let (sender, receiver) =
            watch::channel(PlacementsReport { generation, applied, placements: vec![] });
        (Self(sender), receiver)
    }

    /// Leaves a report.
    pub(super) fn tell<'a, L: 'a>(
        &self,
        standing: Standing<
            impl Iterator<Item = (&'a AppName, &'a App<L>)>,
            impl Iterator<Item = (&'a AppName, VersionNumber)>,
        >,
    ) {
        let Standing { generation, applied, apps, draining } = standing;
        let of_app = |(app, versions): (&'a AppName, &'a App<L>)| {
            versions.states().map(move |(version, state, detail)| PlacementReport {
                app: app.clone(),
                version,
                state,
                detail: detail.map(str::to_owned),
            })
        };
        let mut placements: Vec<PlacementReport> = apps.flat_map(of_app).collect();
        for (app, version) in draining {
            // a version that came back is no longer draining
            if !placements.iter().any(|p| p.app == *app && p.version == version) {
                let (app, state) = (app.clone(), PlacementState::Draining);
                placements.push(PlacementReport { app, version, state, detail: None });
            }
        }
        self.0.send_replace(PlacementsReport { generation, applied, placements });
    }
}
