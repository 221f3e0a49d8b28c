//! Applying a plan: what a plan is made from, read whole, and what it decides, written.

use std::collections::HashSet;

use jiff::Timestamp;
use rusqlite::{Connection, params};
use steading_protocol::WorkerId;
use steading_protocol::api::WorkerState;

use super::{app, change, placement, rollout, row, version};
use crate::schedule::{LiveWorker, PlanFn, PlannedApp, Snapshot, WorkerPlacement};
use crate::store::Planned;

/// Applies a plan to what is there now.
pub(super) fn apply(store: &Connection, plan: PlanFn, now: Timestamp) -> rusqlite::Result<Planned> {
    let plan = plan(&snapshot(store)?);
    for app in &plan.apps {
        rollout::set(store, &app.app, app.version, app.rollout.as_ref())?;
    }
    let mut workers = vec![];
    for assignment in plan.assignments {
        placement::want(store, &assignment.worker, &assignment.wanted, now)?;
        store.execute(
            "UPDATE worker SET generation = generation + 1 WHERE worker = ?1",
            [assignment.worker.as_str()],
        )?;
        workers.push(assignment.worker);
    }
    if !workers.is_empty() {
        change::note(store)?;
    }
    Ok(Planned { workers, change: change::get(store)? })
}

fn snapshot(store: &Connection) -> rusqlite::Result<Snapshot> {
    let apps = app::list(store)?.into_iter().map(|app| {
        let rollout = app.rollout.map(|rollout| {
            let version = version::planned(store, &app.app, rollout.version)?;
            Ok::<_, rusqlite::Error>((rollout, version))
        });
        Ok(PlannedApp {
            current: version::planned(store, &app.app, app.version)?,
            rollout: rollout.transpose()?,
            app: app.app,
            default: app.default,
            created_at: app.created_at,
        })
    });
    let apps = apps.collect::<rusqlite::Result<Vec<_>>>()?;
    let mut statement = store.prepare_cached(
        "SELECT worker, name, labels, capacity, availability FROM worker WHERE state = ?1",
    )?;
    let live = statement.query_map([WorkerState::Live.as_str()], |found| {
        let worker: WorkerId = row::parsed(found, 0)?;
        let availability: steading_protocol::Availability = row::json(found, 4)?;
        Ok(LiveWorker {
            placements: placements(store, &worker)?,
            modules: modules(store, &worker)?,
            worker,
            name: found.get(1)?,
            labels: row::json(found, 2)?,
            capacity: row::json(found, 3)?,
            availability: availability.state,
        })
    })?;
    Ok(Snapshot { apps, workers: live.collect::<rusqlite::Result<_>>()? })
}

fn placements(store: &Connection, worker: &WorkerId) -> rusqlite::Result<Vec<WorkerPlacement>> {
    let mut statement = store.prepare_cached(
        "SELECT app, version, position, percent, leaving, state, detail FROM placement
         WHERE worker = ?1 ORDER BY position",
    )?;
    statement
        .query_map(params![worker.as_str()], |found| {
            Ok(WorkerPlacement {
                wanted: found
                    .get::<_, Option<u32>>(2)?
                    .map(|_| placement::wanted(found))
                    .transpose()?,
                app: row::parsed(found, 0)?,
                version: steading_protocol::VersionNumber(found.get(1)?),
                state: row::placement_state(found, 5)?,
                detail: found.get(6)?,
            })
        })?
        .collect()
}

fn modules(
    store: &Connection,
    worker: &WorkerId,
) -> rusqlite::Result<HashSet<steading_protocol::Digest>> {
    let mut statement =
        store.prepare_cached("SELECT digest FROM worker_module WHERE worker = ?1")?;
    statement.query_map([worker.as_str()], |found| row::parsed(found, 0))?.collect()
}
