//! Desired states: generations, and the whole document that a worker pulls.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, Row, params};
use steading_protocol::desired::{DesiredApp, DesiredState, ModuleRef};
use steading_protocol::{AppName, Generation, VersionNumber, WorkerId};

use super::{app_setting, change, row};
use crate::store::app_data::granted;

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

pub(super) fn get(
    store: &Connection,
    worker: &WorkerId,
    held: u32,
) -> rusqlite::Result<Option<DesiredState>> {
    let Some(generation) = generation(store, worker)? else { return Ok(None) };
    let mut modules = modules(store, worker)?;
    let settings = app_setting::of_worker(store, worker)?;
    let mut statement = store.prepare_cached(
        "SELECT app, version, percent, hosts, functions, limits, grants
         FROM placement JOIN version USING (app, version)
         WHERE worker = ?1 AND position IS NOT NULL ORDER BY position",
    )?;
    let apps = statement.query_map([worker.as_str()], |found| {
        let (app, version) = (row::parsed(found, 0)?, VersionNumber(found.get(1)?));
        let of = (app, version);
        let modules = modules.remove(&of).unwrap_or_default();
        let grants = row::json(found, 6)?;
        Ok(DesiredApp {
            settings: granted(&of.0, &grants, &settings),
            app: of.0,
            version,
            percent: found.get(2)?,
            hosts: row::json(found, 3)?,
            modules,
            functions: row::json(found, 4)?,
            limits: row::json(found, 5)?,
            grants,
        })
    })?;
    let apps = apps.collect::<rusqlite::Result<_>>()?;
    Ok(Some(DesiredState { generation, apps, hold: hold(store, worker, held)? }))
}

/// The modules of what is wanted of a worker, by app and version.
fn modules(
    store: &Connection,
    worker: &WorkerId,
) -> rusqlite::Result<HashMap<(AppName, VersionNumber), Vec<ModuleRef>>> {
    let mut statement = store.prepare_cached(
        "SELECT m.digest, m.size_bytes, p.app, p.version FROM placement p
         JOIN version_module v ON v.app = p.app AND v.version = p.version
         JOIN module m ON m.digest = v.digest
         WHERE p.worker = ?1 AND p.position IS NOT NULL ORDER BY p.app, p.version, v.position",
    )?;
    let mut modules = HashMap::<_, Vec<_>>::new();
    let mut rows = statement.query([worker.as_str()])?;
    while let Some(found) = rows.next()? {
        let of = (row::parsed(found, 2)?, VersionNumber(found.get(3)?));
        modules.entry(of).or_default().push(module(found)?);
    }
    Ok(modules)
}

/// The modules of the newest versions of what a worker serves, beyond those that it needs now.
fn hold(store: &Connection, worker: &WorkerId, held: u32) -> rusqlite::Result<Vec<ModuleRef>> {
    let mut statement = store.prepare_cached(
        "WITH wanted AS (SELECT app, version FROM placement
           WHERE worker = ?1 AND position IS NOT NULL),
         newest AS (SELECT app, version,
             ROW_NUMBER() OVER (PARTITION BY app ORDER BY version DESC) AS rank
           FROM version WHERE app IN (SELECT app FROM wanted))
         SELECT DISTINCT m.digest, m.size_bytes FROM newest n
         JOIN version_module v ON v.app = n.app AND v.version = n.version
         JOIN module m ON m.digest = v.digest
         WHERE n.rank <= ?2 AND NOT EXISTS (
           SELECT 1 FROM wanted w JOIN version_module u ON u.app = w.app AND u.version = w.version
           WHERE u.digest = v.digest)
         ORDER BY m.digest",
    )?;
    statement.query_map(params![worker.as_str(), held], module)?.collect()
}

/// A module of a row of digest, size.
fn module(found: &Row<'_>) -> rusqlite::Result<ModuleRef> {
    Ok(ModuleRef { digest: row::parsed(found, 0)?, size_bytes: found.get(1)? })
}
