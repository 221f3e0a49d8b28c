//! Desired states: applying a plan, generations, and the whole document that a worker pulls.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};
use steading_protocol::api::WorkerState;
use steading_protocol::desired::{DesiredApp, DesiredState, ModuleRef};
use steading_protocol::{AppName, Generation, VersionNumber, WorkerId};

use super::{app, change, placement, row};
use crate::schedule::{CurrentApp, LiveWorker, PlanFn, Snapshot};

/// Applies a plan to what is there now; returns the workers whose generation grew.
pub(super) fn apply(
    store: &Connection,
    plan: PlanFn,
    now: Timestamp,
) -> rusqlite::Result<Vec<WorkerId>> {
    let mut changed = vec![];
    for assignment in plan(&snapshot(store)?) {
        placement::want(store, &assignment.worker, &assignment.wanted, now)?;
        store.execute(
            "UPDATE worker SET generation = generation + 1 WHERE worker = ?1",
            [assignment.worker.as_str()],
        )?;
        changed.push(assignment.worker);
    }
    if !changed.is_empty() {
        change::note(store)?;
    }
    Ok(changed)
}

fn snapshot(store: &Connection) -> rusqlite::Result<Snapshot> {
    let apps = app::list(store)?.into_iter().map(|app| CurrentApp {
        app: app.app,
        version: app.version,
        default: app.default,
        created_at: app.created_at,
    });
    let mut statement = store.prepare_cached("SELECT worker FROM worker WHERE state = ?1")?;
    let live = statement
        .query_map([WorkerState::Live.as_str()], |found| row::parsed(found, 0))?
        .collect::<rusqlite::Result<Vec<WorkerId>>>()?;
    let workers = live.into_iter().map(|worker| {
        let wanted = wanted(store, &worker)?;
        Ok(LiveWorker { worker, wanted })
    });
    Ok(Snapshot { apps: apps.collect(), workers: workers.collect::<rusqlite::Result<_>>()? })
}

fn wanted(
    store: &Connection,
    worker: &WorkerId,
) -> rusqlite::Result<Vec<(AppName, VersionNumber)>> {
    let mut statement = store.prepare_cached(
        "SELECT app, version FROM placement WHERE worker = ?1 AND position IS NOT NULL
         ORDER BY position",
    )?;
    statement
        .query_map([worker.as_str()], |found| {
            Ok((row::parsed(found, 0)?, VersionNumber(found.get(1)?)))
        })?
        .collect()
}

pub(super) fn generation(
    store: &Connection,
    worker: &WorkerId,
) -> rusqlite::Result<Option<Generation>> {
    let mut statement = store.prepare_cached("SELECT generation FROM worker WHERE worker = ?1")?;
    statement.query_row([worker.as_str()], |found| found.get(0).map(Generation)).optional()
}

pub(super) fn raise(
    store: &Connection,
    worker: &WorkerId,
    above: Generation,
) -> rusqlite::Result<()> {
    let raised = store.execute(
        "UPDATE worker SET generation = ?2 + 1 WHERE worker = ?1 AND generation <= ?2",
        params![worker.as_str(), above.0],
    )?;
    if raised > 0 { change::note(store) } else { Ok(()) }
}

pub(super) fn get(store: &Connection, worker: &WorkerId) -> rusqlite::Result<Option<DesiredState>> {
    let Some(generation) = generation(store, worker)? else { return Ok(None) };
    let apps = wanted(store, worker)?
        .iter()
        .map(|(app, version)| desired_app(store, app, *version))
        .collect::<rusqlite::Result<_>>()?;
    Ok(Some(DesiredState { generation, apps, hold: vec![] }))
}

fn desired_app(
    store: &Connection,
    app: &AppName,
    version: VersionNumber,
) -> rusqlite::Result<DesiredApp> {
    let mut modules = store.prepare_cached(
        "SELECT digest, size_bytes FROM version_module JOIN module USING (digest)
         WHERE app = ?1 AND version = ?2 ORDER BY position",
    )?;
    let modules = modules
        .query_map(params![app.as_str(), version.0], |found| {
            Ok(ModuleRef { digest: row::parsed(found, 0)?, size_bytes: found.get(1)? })
        })?
        .collect::<rusqlite::Result<_>>()?;
    let mut statement = store.prepare_cached(
        "SELECT hosts, functions, limits FROM version WHERE app = ?1 AND version = ?2",
    )?;
    statement.query_row(params![app.as_str(), version.0], |found| {
        Ok(DesiredApp {
            app: app.clone(),
            version,
            percent: 100,
            hosts: row::json(found, 0)?,
            modules,
            functions: row::json(found, 1)?,
            limits: row::json(found, 2)?,
        })
    })
}
