//! Placements: what is wanted where, and what workers say of it.

use std::collections::HashSet;

use jiff::Timestamp;
use rusqlite::{Connection, Row, params};
use steading_protocol::api::Placement;
use steading_protocol::desired::{PlacementReport, PlacementState, PlacementsReport};
use steading_protocol::{AppName, VersionNumber, WorkerId};

use super::{row, version, worker};

pub(super) fn list(store: &Connection, app: Option<&AppName>) -> rusqlite::Result<Vec<Placement>> {
    let mut statement = store.prepare_cached(
        "SELECT p.app, p.version, p.worker, w.name, p.state, p.detail, p.created_at, p.changed_at
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
    let (mut listed, mut unknown) = (HashSet::new(), vec![]);
    for placement in report.placements {
        if version::exists(store, &placement.app, placement.version)? {
            upsert(store, worker, &placement, now)?;
            listed.insert((placement.app, placement.version));
        } else {
            unknown.push(placement);
        }
    }
    for (app, version) in of_worker(store, worker)? {
        if !listed.contains(&(app.clone(), version)) {
            unlisted(store, worker, &app, version, now)?;
        }
    }
    Ok(unknown)
}

fn upsert(
    store: &Connection,
    worker: &WorkerId,
    placement: &PlacementReport,
    now: Timestamp,
) -> rusqlite::Result<()> {
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
    ])?;
    Ok(())
}

/// What the worker does not hold: pending while it is wanted there, gone when it is not.
fn unlisted(
    store: &Connection,
    worker: &WorkerId,
    app: &AppName,
    version: VersionNumber,
    now: Timestamp,
) -> rusqlite::Result<()> {
    store.execute(
        "DELETE FROM placement
         WHERE worker = ?1 AND app = ?2 AND version = ?3 AND position IS NULL",
        params![worker.as_str(), app.as_str(), version.0],
    )?;
    store.execute(
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
    Ok(())
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
    wanted: &[(AppName, VersionNumber)],
    now: Timestamp,
) -> rusqlite::Result<()> {
    store.execute("UPDATE placement SET position = NULL WHERE worker = ?1", [worker.as_str()])?;
    let mut statement = store.prepare_cached(
        "INSERT INTO placement (worker, app, version, position, state, created_at, changed_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)
         ON CONFLICT (worker, app, version) DO UPDATE SET position = excluded.position",
    )?;
    for (position, (app, version)) in wanted.iter().enumerate() {
        statement.execute(params![
            worker.as_str(),
            app.as_str(),
            version.0,
            position,
            PlacementState::Pending.as_str(),
            row::to_time(now),
        ])?;
    }
    Ok(())
}

fn read(found: &Row<'_>) -> rusqlite::Result<Placement> {
    Ok(Placement {
        app: row::parsed(found, 0)?,
        version: VersionNumber(found.get(1)?),
        worker: row::parsed(found, 2)?,
        worker_name: found.get(3)?,
        state: row::placement_state(found, 4)?,
        percent: None,
        detail: found.get(5)?,
        created_at: row::time(found, 6)?,
        changed_at: row::time(found, 7)?,
    })
}
