//! Workers that do what plans say, for tests: each step applies a plan whole and lets the workers
//! report. Knows nothing of how plans are made.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use steading_protocol::api::{Rollout, RolloutState};
use steading_protocol::desired::PlacementState;
use steading_protocol::{
    AppName, AvailabilityState, Capacity, Digest, Labels, PlacementRules, Replicas, VersionNumber,
};

use super::{
    LiveWorker, Plan, PlannedApp, PlannedVersion, Snapshot, Wanted, WorkerPlacement, plan,
};

/// Steps after which everything has come to rest, or never will.
const STEPS_MAX: usize = 50;

/// An installation.
#[derive(Clone, Debug)]
pub(super) struct Simulation {
    pub(super) now: Snapshot,
    /// What every version needs that was ever made.
    versions: HashMap<(AppName, VersionNumber), PlannedVersion>,
    /// Workers, by name, that cannot load some version.
    pub(super) broken: HashSet<(String, AppName, VersionNumber)>,
}

pub(super) fn name(text: &str) -> AppName {
    text.parse().unwrap()
}

pub(super) fn version(number: u32, replicas: Replicas, zone: Option<&str>) -> PlannedVersion {
    let workers = zone.map(|zone| ("zone".to_owned(), zone.to_owned())).into_iter().collect();
    PlannedVersion {
        version: VersionNumber(number),
        rules: PlacementRules { replicas, workers },
        memory_bytes: 1 << 20,
        modules: vec![],
    }
}

pub(super) fn worker(label: &str, zone: Option<&str>) -> LiveWorker {
    LiveWorker {
        worker: format!("w-{label}").parse().unwrap(),
        name: label.into(),
        labels: zone.map_or_else(Labels::new, |z| Labels::from([("zone".into(), z.into())])),
        capacity: Capacity { memory_bytes: 0, instances: 100 },
        availability: AvailabilityState::Available,
        modules: HashSet::new(),
        placements: vec![],
    }
}

impl Simulation {
    pub(super) fn new(workers: impl IntoIterator<Item = LiveWorker>) -> Self {
        let workers = workers.into_iter().collect();
        let now = Snapshot { apps: vec![], workers };
        Self { now, versions: HashMap::new(), broken: HashSet::new() }
    }

    /// Publishes: the first version is in service at once, a later one is rolled out.
    pub(super) fn publish(&mut self, app: &str, version: PlannedVersion, percent: u8) {
        let app = name(app);
        self.versions.insert((app.clone(), version.version), version.clone());
        let rollout = Rollout {
            version: version.version,
            percent,
            state: RolloutState::Rolling,
            detail: None,
        };
        match self.now.apps.iter_mut().find(|old| old.app == app) {
            Some(old) => old.rollout = Some((rollout, version)),
            None => self.now.apps.push(PlannedApp {
                created_at: Timestamp::from_second(self.now.apps.len() as i64).unwrap(),
                default: self.now.apps.is_empty(),
                app,
                current: version,
                rollout: None,
            }),
        }
    }

    pub(super) fn roll_back(&mut self, app: &str, number: u32) {
        let version = self.versions[&(name(app), VersionNumber(number))].clone();
        let app = self.app_mut(app);
        (app.current, app.rollout) = (version, None);
    }

    pub(super) fn app(&self, app: &str) -> &PlannedApp {
        self.now.apps.iter().find(|found| found.app.as_str() == app).unwrap()
    }

    fn app_mut(&mut self, app: &str) -> &mut PlannedApp {
        self.now.apps.iter_mut().find(|found| found.app.as_str() == app).unwrap()
    }

    pub(super) fn worker_mut(&mut self, label: &str) -> &mut LiveWorker {
        self.now.workers.iter_mut().find(|worker| worker.name == label).unwrap()
    }

    /// Applies a plan.
    pub(super) fn apply(&mut self) -> Plan {
        let plan = plan(&self.now);
        for change in &plan.apps {
            let current = self.versions[&(change.app.clone(), change.version)].clone();
            let rollout = change.rollout.clone().map(|rollout| {
                let needs = self.versions[&(change.app.clone(), rollout.version)].clone();
                (rollout, needs)
            });
            let app = self.app_mut(change.app.as_str());
            (app.current, app.rollout) = (current, rollout);
        }
        for assignment in &plan.assignments {
            let worker = self.now.workers.iter_mut().find(|w| w.worker == assignment.worker);
            tell(worker.unwrap(), &assignment.wanted);
        }
        plan
    }

    fn report(&mut self) {
        for worker in &mut self.now.workers {
            worker.placements.retain(|placement| placement.wanted.is_some());
            for placement in &mut worker.placements {
                let which = (worker.name.clone(), placement.app.clone(), placement.version);
                let broken = self.broken.contains(&which);
                placement.detail = broken.then(|| "out of tune".to_owned());
                placement.state =
                    if broken { PlacementState::Failed } else { PlacementState::Ready };
            }
        }
    }

    /// Steps until nothing changes any more; looks at every state on the way.
    pub(super) fn settle(&mut self, mut look: impl FnMut(&Self)) {
        for _ in 0..STEPS_MAX {
            let before = self.now.clone();
            let plan = self.apply();
            look(self);
            self.report();
            look(self);
            if plan == Plan::default() && self.now == before {
                return;
            }
        }
        panic!("does not come to rest: {:#?}", plan(&self.now));
    }

    /// The workers, by name, that a version is wanted on, with their shares.
    pub(super) fn on(&self, app: &str, number: u32) -> Vec<(&str, u8)> {
        let mut on = vec![];
        for worker in &self.now.workers {
            for wanted in worker.placements.iter().filter_map(|p| p.wanted.as_ref()) {
                if wanted.app.as_str() == app && wanted.version.0 == number {
                    on.push((&*worker.name, wanted.percent));
                }
            }
        }
        on.sort_unstable();
        on
    }

    /// Whether some worker that takes work answers calls of an app.
    pub(super) fn answers(&self, app: &str) -> bool {
        let called = |held: &WorkerPlacement| {
            held.app.as_str() == app
                && held.state == PlacementState::Ready
                && held.wanted.as_ref().is_some_and(|wanted| wanted.percent > 0)
        };
        let takes = |worker: &&LiveWorker| worker.availability != AvailabilityState::Away;
        self.now.workers.iter().filter(takes).any(|worker| worker.placements.iter().any(called))
    }
}

fn tell(worker: &mut LiveWorker, wanted: &[Wanted]) {
    let mut held = std::mem::take(&mut worker.placements);
    for wanted in wanted {
        let same = |p: &WorkerPlacement| (&p.app, p.version) == (&wanted.app, wanted.version);
        let old = held.iter().position(same).map(|index| held.remove(index));
        let mut placement = old.unwrap_or_else(|| WorkerPlacement {
            app: wanted.app.clone(),
            version: wanted.version,
            wanted: None,
            state: PlacementState::Pending,
            detail: None,
        });
        placement.wanted = Some(wanted.clone());
        worker.placements.push(placement);
    }
    for mut placement in held {
        placement.wanted = None;
        worker.placements.push(placement);
    }
}

/// A module's digest, one for each number.
pub(super) fn digest(number: u8) -> Digest {
    Digest::from_bytes([number; 32])
}
