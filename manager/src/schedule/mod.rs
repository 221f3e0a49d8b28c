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
mod snapshot;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};

use steading_protocol::api::Rollout;
use steading_protocol::desired::PlacementState;
use steading_protocol::{AppName, AvailabilityState, VersionNumber};

use self::choose::Chosen;
pub(crate) use self::snapshot::{
    AppChange, Assignment, LiveWorker, Plan, PlanFn, PlannedApp, PlannedVersion, Snapshot, Wanted,
    WorkerPlacement,
};

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
