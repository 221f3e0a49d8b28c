//! Placements: what workers say of them. What is wanted where is written in `wanted`.
//!
//! What is there is read first and compared here, so that a transaction sends only what changes:
//! each statement is a journey to the server while others wait for the writer lane.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use steading_protocol::api::Placement;
use steading_protocol::desired::{PlacementReport, PlacementState, PlacementsReport};
use steading_protocol::{AppName, VersionNumber, WorkerId};
use tiberius::Row;

use super::fault::Fault;
use super::row::{self, Moment};
use super::tx::Tx;
use super::wanted::wanted;
use super::{change, version, worker};
use crate::schedule::Wanted;

pub(super) type Key = (AppName, VersionNumber);

pub(super) async fn list(tx: &mut Tx, app: Option<&AppName>) -> Result<Vec<Placement>, Fault> {
    const SELECT: &str = "SELECT p.app, p.version, p.worker, w.name, p.state, p.detail,
           p.created_at, p.changed_at, CASE WHEN p.position IS NULL THEN NULL ELSE p.[percent] END
         FROM placement p JOIN worker w ON w.worker = p.worker";
    let found = match app {
        Some(app) => tx.rows(&format!("{SELECT} WHERE p.app = @P1"), &[&app.as_str()]).await?,
        None => tx.rows(SELECT, &[]).await?,
    };
    let mut placements = found.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    placements.sort_by(|a, b| {
        let key = |p: &Placement| (p.app.clone(), p.version);
        key(a)
            .cmp(&key(b))
            .then_with(|| (&a.worker_name, &a.worker).cmp(&(&b.worker_name, &b.worker)))
    });
    Ok(placements)
}

/// What is recorded of one placement.
pub(super) struct Known {
    pub(super) position: Option<i64>,
    pub(super) wanted: Option<Wanted>,
    state: PlacementState,
    detail: Option<String>,
}

pub(super) async fn of_worker(
    tx: &mut Tx,
    worker: &WorkerId,
) -> Result<HashMap<Key, Known>, Fault> {
    let sql = "SELECT app, version, position, [percent], leaving, state, detail FROM placement
        WHERE worker = @P1";
    let found = tx.rows(sql, &[&worker.as_str()]).await?;
    let read = |found: &Row| {
        let known = Known {
            position: found.try_get(2)?,
            wanted: wanted(found)?,
            state: row::placement_state(found, 5)?,
            detail: row::optional_text(found, 6)?,
        };
        Ok(((row::parsed(found, 0)?, row::version(found, 1)?), known))
    };
    found.iter().map(read).collect()
}

pub(super) async fn report(
    tx: &mut Tx,
    worker: &WorkerId,
    report: &PlacementsReport,
    now: Timestamp,
) -> Result<Vec<PlacementReport>, Fault> {
    worker::seen(tx, worker, now).await?;
    let sql = "UPDATE worker SET applied = @P2 WHERE worker = @P1";
    tx.execute(sql, &[&worker.as_str(), &row::to_number(report.applied.0)?]).await?;
    let known = of_worker(tx, worker).await?;
    let (mut listed, mut unknown, mut changed) = (HashSet::new(), vec![], false);
    for placement in &report.placements {
        let key = (placement.app.clone(), placement.version);
        let old = known.get(&key);
        if old.is_none() && !version::exists(tx, &key.0, key.1).await? {
            unknown.push(placement.clone());
            continue;
        }
        if old.is_none_or(|old| old.state != placement.state || old.detail != placement.detail) {
            take(tx, worker, placement, old.is_some(), now).await?;
            changed = true;
        }
        listed.insert(key);
    }
    // What the worker does not hold: pending while it is wanted there, gone when it is not.
    for (key, old) in known.iter().filter(|(key, _)| !listed.contains(*key)) {
        if old.position.is_none() {
            delete(tx, worker, key).await?;
        } else if old.state != PlacementState::Pending {
            set(tx, worker, key, PlacementState::Pending, None, now).await?;
        } else {
            continue;
        }
        changed = true;
    }
    if changed {
        change::note(tx).await?;
    }
    Ok(unknown)
}

/// Writes what a worker says that differs from what is recorded.
async fn take(
    tx: &mut Tx,
    worker: &WorkerId,
    placement: &PlacementReport,
    known: bool,
    now: Timestamp,
) -> Result<(), Fault> {
    let PlacementReport { app, version, state, detail } = placement;
    if known {
        let key = (app.clone(), *version);
        set(tx, worker, &key, *state, detail.as_deref(), now).await?;
    } else {
        insert_reported(tx, worker, placement, now).await?;
    }
    if *state == PlacementState::Ready {
        worker::has_modules(tx, worker, app, *version).await?;
    }
    Ok(())
}

async fn set(
    tx: &mut Tx,
    worker: &WorkerId,
    (app, version): &Key,
    state: PlacementState,
    detail: Option<&str>,
    now: Timestamp,
) -> Result<(), Fault> {
    let (value, detail) = row::nullable("@P6", detail);
    let sql = format!(
        "UPDATE placement SET state = @P4, changed_at = @P5, detail = {value}
         WHERE worker = @P1 AND app = @P2 AND version = @P3"
    );
    let (worker, app, version) = (worker.as_str(), app.as_str(), i64::from(version.0));
    tx.execute(&sql, &[&worker, &app, &version, &state.as_str(), &Moment(now), &detail]).await?;
    Ok(())
}

async fn insert_reported(
    tx: &mut Tx,
    worker: &WorkerId,
    placement: &PlacementReport,
    now: Timestamp,
) -> Result<(), Fault> {
    let (value, detail) = row::nullable("@P6", placement.detail.as_deref());
    let sql = format!(
        "INSERT INTO placement (worker, app, version, [percent], leaving, state, created_at,
           changed_at, detail)
         VALUES (@P1, @P2, @P3, 100, 0, @P4, @P5, @P5, {value})"
    );
    let version = i64::from(placement.version.0);
    let (worker, app) = (worker.as_str(), placement.app.as_str());
    let state = placement.state.as_str();
    tx.execute(&sql, &[&worker, &app, &version, &state, &Moment(now), &detail]).await?;
    Ok(())
}

async fn delete(tx: &mut Tx, worker: &WorkerId, (app, version): &Key) -> Result<(), Fault> {
    let sql = "DELETE FROM placement WHERE worker = @P1 AND app = @P2 AND version = @P3";
    tx.execute(sql, &[&worker.as_str(), &app.as_str(), &i64::from(version.0)]).await?;
    Ok(())
}

/// Marks all placements of a worker as lost.
pub(super) async fn lose(tx: &mut Tx, worker: &WorkerId, now: Timestamp) -> Result<(), Fault> {
    let sql = "UPDATE placement SET state = @P2, changed_at = @P3
        WHERE worker = @P1 AND state <> @P2";
    let lost = PlacementState::Lost.as_str();
    tx.execute(sql, &[&worker.as_str(), &lost, &Moment(now)]).await?;
    Ok(())
}

/// Makes the lost placements of a worker that is back pending, until it reports.
pub(super) async fn unlose(tx: &mut Tx, worker: &WorkerId, now: Timestamp) -> Result<(), Fault> {
    let sql = "UPDATE placement SET state = @P2, changed_at = @P4
        WHERE worker = @P1 AND state = @P3";
    let (pending, lost) = (PlacementState::Pending.as_str(), PlacementState::Lost.as_str());
    tx.execute(sql, &[&worker.as_str(), &pending, &lost, &Moment(now)]).await?;
    Ok(())
}

fn read(found: &Row) -> Result<Placement, Fault> {
    Ok(Placement {
        app: row::parsed(found, 0)?,
        version: row::version(found, 1)?,
        worker: row::parsed(found, 2)?,
        worker_name: row::text(found, 3)?,
        state: row::placement_state(found, 4)?,
        percent: found.try_get::<i64, _>(8)?.map(u8::try_from).transpose().map_err(row::unfit)?,
        detail: row::optional_text(found, 5)?,
        created_at: row::time(found, 6)?,
        changed_at: row::time(found, 7)?,
    })
}
