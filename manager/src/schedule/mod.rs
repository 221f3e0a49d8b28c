//! Who serves what, as a pure function of apps, workers and what they hold. No clock, no store, no I/O.
//!
//! [`choose`] picks the workers of every version that is in service or on its way, by the [`score`] and
//! with as few moves as it takes; [`rollout`] says whether a version takes the next step; this file puts
//! both together into what each worker is told. A placement that has to go stays, marked as leaving,
//! until those that take over from it are ready. Invariant: planning again after a plan was applied
//! changes nothing until somebody reports something new.

mod choose;
mod rollout;
mod score;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::Timestamp;
use steading_protocol::api::Rollout;
use steading_protocol::desired::PlacementState;
use steading_protocol::{
    AppName, AvailabilityState, Capacity, Digest, FunctionSpec, Labels, PlacementRules,
    VersionNumber, WorkerId,
};

use self::choose::Chosen;

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

/// A placement with the place of its worker in the snapshot.
type Holding<'s> = (usize, &'s WorkerPlacement);

/// What has to change so that everything stands as it should.
pub(crate) fn plan(snapshot: &Snapshot) -> Plan {
    let mut apps: Vec<&PlannedApp> = snapshot.apps.iter().collect();
    apps.sort_by_key(|app| (!app.default, app.created_at, &app.app));
    let workers: Vec<&LiveWorker> = snapshot.workers.iter().collect();
    let holdings = holdings(&apps, &workers);
    let chosen = choose::workers(&apps, &workers, &holdings);
    let mut plan = Plan::default();
    let mut wanted: Vec<Vec<Wanted>> = vec![vec![]; workers.len()];
    for ((app, holdings), chosen) in apps.iter().zip(&holdings).zip(&chosen) {
        let step = rollout::step(app, chosen, &workers, holdings);
        let (version, rollout) = match &step {
            rollout::Step::Stay => (app.current.version, app.rollout.as_ref().map(|r| r.0.clone())),
            rollout::Step::Become(rollout) => (app.current.version, Some(rollout.clone())),
            rollout::Step::Switch(version) => (*version, None),
        };
        let switched = matches!(step, rollout::Step::Switch(_));
        let serving = if switched { &chosen.rollout } else { &chosen.current };
        let beside = rollout.as_ref().map(|rollout| (rollout, &*chosen.rollout));
        let takes = |worker: usize| workers[worker].availability != AvailabilityState::Away;
        let held: Vec<_> = holdings.iter().filter(|(worker, _)| takes(*worker)).copied().collect();
        assign(app, version, (serving, beside), &held, &mut wanted);
        if step != rollout::Step::Stay {
            plan.apps.push(AppChange { app: app.app.clone(), version, rollout });
        }
    }
    for (worker, wanted) in workers.iter().zip(wanted) {
        if !worker.placements.iter().filter_map(|p| p.wanted.as_ref()).eq(&wanted) {
            plan.assignments.push(Assignment { worker: worker.worker.clone(), wanted });
        }
    }
    plan
}

/// What is held of each app, on whichever worker.
fn holdings<'s>(apps: &[&PlannedApp], workers: &[&'s LiveWorker]) -> Vec<Vec<Holding<'s>>> {
    let places: HashMap<&AppName, usize> = apps.iter().map(|app| &app.app).zip(0..).collect();
    let mut holdings = vec![vec![]; apps.len()];
    for (index, worker) in workers.iter().enumerate() {
        for placement in &worker.placements {
            if let Some(place) = places.get(&placement.app) {
                holdings[*place].push((index, placement));
            }
        }
    }
    holdings
}

/// Adds what the workers are told of one app.
fn assign(
    app: &PlannedApp,
    version: VersionNumber,
    (serving, beside): (&[usize], Option<(&Rollout, &[usize])>),
    holdings: &[Holding<'_>],
    wanted: &mut [Vec<Wanted>],
) {
    let of = |version, percent, leaving| Wanted { app: app.app.clone(), version, percent, leaving };
    let share = |worker| {
        let split =
            beside.filter(|(rollout, on)| rollout::is_split(rollout) && on.contains(&worker));
        split.map_or(0, |(rollout, _)| rollout.percent)
    };
    for &worker in serving {
        wanted[worker].push(of(version, 100 - share(worker), false));
    }
    let leaving = leaving(version, serving, holdings);
    for (&worker, held) in &leaving {
        wanted[worker].push(of(held.version, 100, true));
    }
    if let Some((rollout, on)) = beside.filter(|(rollout, _)| !rollout::is_stopped(rollout)) {
        let stays =
            |worker| leaving.get(worker).is_some_and(|held| held.version == rollout.version);
        for worker in on.iter().filter(|worker| !stays(worker)) {
            let percent = if serving.contains(worker) { share(*worker) } else { 0 };
            wanted[*worker].push(of(rollout.version, percent, false));
        }
    }
}

/// What is called most on workers that are no longer chosen, for as long as those that are do not all
/// have the version ready.
fn leaving<'h>(
    version: VersionNumber,
    serving: &[usize],
    holdings: &'h [Holding<'h>],
) -> BTreeMap<usize, &'h WorkerPlacement> {
    let is_ready = |held: &WorkerPlacement| held.state == PlacementState::Ready;
    let ready = |worker: &usize| {
        let mut on = holdings.iter().filter(|(on, _)| on == worker);
        on.any(|(_, held)| held.version == version && is_ready(held))
    };
    let mut leaving = BTreeMap::new();
    if !serving.is_empty() && serving.iter().all(ready) {
        return leaving;
    }
    let share = |held: &WorkerPlacement| held.wanted.as_ref().map_or(0, |wanted| wanted.percent);
    for (worker, held) in holdings.iter().filter(|(worker, _)| !serving.contains(worker)) {
        let less = |other: &&WorkerPlacement| share(other) < share(held);
        if is_ready(held) && share(held) > 0 && leaving.get(worker).is_none_or(less) {
            leaving.insert(*worker, *held);
        }
    }
    leaving
}
