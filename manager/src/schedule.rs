//! Who serves what, as a pure function of apps and workers. No clock, no store, no I/O.
//!
//! For now every live worker serves the current version of every app. One invariant: planning again
//! after a plan was applied changes nothing.

use jiff::Timestamp;
use steading_protocol::{AppName, VersionNumber, WorkerId};

/// The function that a store runs inside its transactions.
pub(crate) type PlanFn = fn(&Snapshot) -> Vec<Assignment>;

/// What a plan is made from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Snapshot {
    /// The apps, in any order.
    pub(crate) apps: Vec<CurrentApp>,
    /// The live workers, in any order; whoever is away keeps what it had.
    pub(crate) workers: Vec<LiveWorker>,
}

/// One app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CurrentApp {
    /// The name.
    pub(crate) app: AppName,
    /// The version to serve.
    pub(crate) version: VersionNumber,
    /// Whether it comes first.
    pub(crate) default: bool,
    /// When it was first published.
    pub(crate) created_at: Timestamp,
}

/// One live worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LiveWorker {
    /// Its identity.
    pub(crate) worker: WorkerId,
    /// What it is told to serve, in order.
    pub(crate) wanted: Vec<(AppName, VersionNumber)>,
}

/// A worker whose desired state changes, and what it becomes: apps in the order in which requests
/// try them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Assignment {
    /// The worker.
    pub(crate) worker: WorkerId,
    /// What it should serve, in order.
    pub(crate) wanted: Vec<(AppName, VersionNumber)>,
}

/// The workers whose desired state differs from what it should be: the default app first, then the
/// others by age.
pub(crate) fn plan(snapshot: &Snapshot) -> Vec<Assignment> {
    let mut apps: Vec<&CurrentApp> = snapshot.apps.iter().collect();
    apps.sort_by_key(|app| (!app.default, app.created_at, app.app.clone()));
    let wanted: Vec<_> = apps.into_iter().map(|app| (app.app.clone(), app.version)).collect();
    snapshot
        .workers
        .iter()
        .filter(|worker| worker.wanted != wanted)
        .map(|worker| Assignment { worker: worker.worker.clone(), wanted: wanted.clone() })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn apps() -> impl Strategy<Value = Vec<CurrentApp>> {
        let app = ("[a-d]", 1..4_u32, any::<bool>(), 0..5_i64).prop_map(|(name, v, default, s)| {
            CurrentApp {
                app: name.parse().unwrap(),
                version: VersionNumber(v),
                default,
                created_at: Timestamp::from_second(s).unwrap(),
            }
        });
        prop::collection::vec(app, 0..6).prop_map(|mut apps| {
            apps.sort_by_key(|app| app.app.clone());
            apps.dedup_by_key(|app| app.app.clone());
            let first = apps.iter().position(|app| app.default);
            for (index, app) in apps.iter_mut().enumerate() {
                app.default = Some(index) == first;
            }
            apps
        })
    }

    fn workers() -> impl Strategy<Value = Vec<LiveWorker>> {
        let wanted = prop::collection::vec(("[a-d]", 1..4_u32), 0..4);
        prop::collection::vec(wanted, 0..5).prop_map(|workers| {
            let worker = |(index, wanted): (usize, Vec<(String, u32)>)| LiveWorker {
                worker: format!("w-{index}").parse().unwrap(),
                wanted: wanted
                    .into_iter()
                    .map(|(app, v)| (app.parse().unwrap(), VersionNumber(v)))
                    .collect(),
            };
            workers.into_iter().enumerate().map(worker).collect()
        })
    }

    fn applied(mut snapshot: Snapshot) -> Snapshot {
        for assignment in plan(&snapshot) {
            let worker = snapshot.workers.iter_mut().find(|w| w.worker == assignment.worker);
            worker.unwrap().wanted = assignment.wanted;
        }
        snapshot
    }

    proptest! {
        #[test]
        fn every_live_worker_gets_every_app_once_with_the_default_first(
            apps in apps(), workers in workers()
        ) {
            let after = applied(Snapshot { apps: apps.clone(), workers });
            for worker in &after.workers {
                let mut got = worker.wanted.clone();
                if let Some(default) = apps.iter().find(|app| app.default) {
                    prop_assert_eq!(&got[0].0, &default.app);
                }
                got.sort();
                let all: Vec<_> = apps.iter().map(|a| (a.app.clone(), a.version)).collect();
                prop_assert_eq!(got, all);
            }
        }

        #[test]
        fn planning_again_changes_nothing_and_ignores_the_order_of_its_input(
            apps in apps(), workers in workers()
        ) {
            let after = applied(Snapshot { apps: apps.clone(), workers });
            prop_assert_eq!(plan(&after), vec![]);
            let mut turned = after;
            turned.apps.reverse();
            turned.workers.reverse();
            prop_assert_eq!(plan(&turned), vec![]);
        }
    }
}
