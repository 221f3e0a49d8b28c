//! Placements: what is wanted where, and what workers say of it.

use std::collections::HashSet;

use jiff::Timestamp;
use rusqlite::{Connection, Row, params};
use steading_protocol::api::Placement;
use steading_protocol::desired::{PlacementReport, PlacementState, PlacementsReport};
use steading_protocol::{AppName, VersionNumber, WorkerId};

use super::{change, row, version, worker};
use crate::schedule::Wanted;

pub(super) fn list(store: &Connection, app: Option<&AppName>) -> rusqlite::Result<Vec<Placement>> {
    let mut statement = store.prepare_cached(
        "SELECT p.app, p.version, p.worker, w.name, p.state, p.detail, p.created_at, p.changed_at,
           CASE WHEN p.position IS NULL THEN NULL ELSE p.percent END
         FROM placement p JOIN worker w USING (worker) WHERE ?1 IS NULL OR p.app = ?1
         ORDER BY p.app, p.version, w.name, p.worker",
    )?;
    statement.query_map([app.map(AppName::as_str)], read)?.collect()
}

pub(super) fn report(
    store: &Connection,
    worker: &WorkerId,
    report: PlacementsReport,
    now: Timestamp,
) -> rusqlite::Result<Vec<PlacementReport>> {
    worker::seen(store, worker, now)?;
    store.execute(
        "UPDATE worker SET applied = ?2 WHERE worker = ?1",
        params![worker.as_str(), report.applied.0],
    )?;
    let (mut listed, mut unknown, mut changed) = (HashSet::new(), vec![], 0);
    for placement in report.placements {
        if version::exists(store, &placement.app, placement.version)? {
            let new = upsert(store, worker, &placement, now)?;
            if new > 0 && placement.state == PlacementState::Ready {
                for module in version::planned(store, &placement.app, placement.version)?.modules {
                    worker::has_module(store, worker, &module)?;
                }
            }
            changed += new;
            listed.insert((placement.app, placement.version));
        } else {
            unknown.push(placement);
        }
    }
    for (app, version) in of_worker(store, worker)? {
        if !listed.contains(&(app.clone(), version)) {
            changed += unlisted(store, worker, &app, version, now)?;
        }
    }
    if changed > 0 {
        change::note(store)?;
    }
    Ok(unknown)
}

fn upsert(
    store: &Connection,
    worker: &WorkerId,
    placement: &PlacementReport,
    now: Timestamp,
) -> rusqlite::Result<usize> {
    let mut statement = store.prepare_cached(
        "INSERT INTO placement (worker, app, version, state, detail, created_at, changed_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)
         ON CONFLICT (worker, app, version) DO UPDATE SET state = excluded.state,
           detail = excluded.detail, changed_at = excluded.changed_at
         WHERE state <> excluded.state OR detail IS NOT excluded.detail",
    )?;
    statement.execute(params![
        worker.as_str(),
        placement.app.as_str(),
        placement.version.0,
        placement.state.as_str(),
        placement.detail,
        row::to_time(now),
    ])
}

/// What the worker does not hold: pending while it is wanted there, gone when it is not.
fn unlisted(
    store: &Connection,
    worker: &WorkerId,
    app: &AppName,
    version: VersionNumber,
    now: Timestamp,
) -> rusqlite::Result<usize> {
    let gone = store.execute(
        "DELETE FROM placement
         WHERE worker = ?1 AND app = ?2 AND version = ?3 AND position IS NULL",
        params![worker.as_str(), app.as_str(), version.0],
    )?;
    let pending = store.execute(
        "UPDATE placement SET state = ?4, detail = NULL, changed_at = ?5
         WHERE worker = ?1 AND app = ?2 AND version = ?3 AND state <> ?4",
        params![
            worker.as_str(),
            app.as_str(),
            version.0,
            PlacementState::Pending.as_str(),
            row::to_time(now),
        ],
    )?;
    Ok(gone + pending)
}

fn of_worker(
    store: &Connection,
    worker: &WorkerId,
) -> rusqlite::Result<Vec<(AppName, VersionNumber)>> {
    let mut statement =
        store.prepare_cached("SELECT app, version FROM placement WHERE worker = ?1")?;
    statement
        .query_map([worker.as_str()], |found| {
            Ok((row::parsed(found, 0)?, VersionNumber(found.get(1)?)))
        })?
        .collect()
}

/// Marks all placements of a worker as lost.
pub(super) fn lose(store: &Connection, worker: &WorkerId, now: Timestamp) -> rusqlite::Result<()> {
    store.execute(
        "UPDATE placement SET state = ?2, changed_at = ?3 WHERE worker = ?1 AND state <> ?2",
        params![worker.as_str(), PlacementState::Lost.as_str(), row::to_time(now)],
    )?;
    Ok(())
}

/// Makes the lost placements of a worker that is back pending, until it reports.
pub(super) fn unlose(
    store: &Connection,
    worker: &WorkerId,
    now: Timestamp,
) -> rusqlite::Result<()> {
    store.execute(
        "UPDATE placement SET state = ?2, changed_at = ?4 WHERE worker = ?1 AND state = ?3",
        params![
            worker.as_str(),
            PlacementState::Pending.as_str(),
            PlacementState::Lost.as_str(),
            row::to_time(now),
        ],
    )?;
    Ok(())
}

/// Makes exactly these versions the wanted ones of a worker, in this order.
pub(super) fn want(
    store: &Connection,
    worker: &WorkerId,
    wanted: &[Wanted],
    now: Timestamp,
) -> rusqlite::Result<()> {
    store.execute("UPDATE placement SET position = NULL WHERE worker = ?1", [worker.as_str()])?;
    let mut statement = store.prepare_cached(
        "INSERT INTO placement (worker, app, version, position, percent, leaving, state,
           created_at, changed_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8)
         ON CONFLICT (worker, app, version) DO UPDATE SET position = excluded.position,
           percent = excluded.percent, leaving = excluded.leaving",
    )?;
    for (position, wanted) in wanted.iter().enumerate() {
        statement.execute(params![
            worker.as_str(),
            wanted.app.as_str(),
            wanted.version.0,
            position,
            wanted.percent,
            wanted.leaving,
            PlacementState::Pending.as_str(),
            row::to_time(now),
        ])?;
    }
    Ok(())
}

/// A wanted placement of a row of app, version, position, percent, leaving.
pub(super) fn wanted(found: &Row<'_>) -> rusqlite::Result<Wanted> {
    Ok(Wanted {
        app: row::parsed(found, 0)?,
        version: VersionNumber(found.get(1)?),
        percent: found.get(3)?,
        leaving: found.get(4)?,
    })
}

fn read(found: &Row<'_>) -> rusqlite::Result<Placement> {
    Ok(Placement {
        app: row::parsed(found, 0)?,
        version: VersionNumber(found.get(1)?),
        worker: row::parsed(found, 2)?,
        worker_name: found.get(3)?,
        state: row::placement_state(found, 4)?,
        percent: found.get(8)?,
        detail: found.get(5)?,
        created_at: row::time(found, 6)?,
        changed_at: row::time(found, 7)?,
    })
}
