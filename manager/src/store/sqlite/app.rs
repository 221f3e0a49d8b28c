//! Apps.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use steading_protocol::api::App;
use steading_protocol::{AppName, VersionNumber};

use super::{change, desired, row};
use crate::schedule::PlanFn;

const SELECT: &str = "SELECT app, version, is_default, created_at FROM app";

pub(super) fn list(store: &Connection) -> rusqlite::Result<Vec<App>> {
    let mut statement = store.prepare_cached(&format!("{SELECT} ORDER BY app"))?;
    let apps = statement.query_map([], read)?.collect::<rusqlite::Result<Vec<_>>>()?;
    apps.into_iter().map(|app| with_hosts(store, app)).collect()
}

pub(super) fn get(store: &Connection, app: &AppName) -> rusqlite::Result<Option<App>> {
    let mut statement = store.prepare_cached(&format!("{SELECT} WHERE app = ?1"))?;
    let app = statement.query_row([app.as_str()], read).optional()?;
    app.map(|app| with_hosts(store, app)).transpose()
}

pub(super) fn default_set(
    store: &Connection,
    app: &AppName,
    plan: PlanFn,
    now: Timestamp,
) -> rusqlite::Result<bool> {
    if !mark_default(store, app)? {
        return Ok(false);
    }
    desired::apply(store, plan, now)?;
    Ok(true)
}

/// Makes an app the only default one; false, and nothing changed, when there is no such app.
pub(super) fn mark_default(store: &Connection, app: &AppName) -> rusqlite::Result<bool> {
    if get(store, app)?.is_none() {
        return Ok(false);
    }
    store.execute("UPDATE app SET is_default = 0 WHERE is_default = 1", [])?;
    store.execute("UPDATE app SET is_default = 1 WHERE app = ?1", [app.as_str()])?;
    change::note(store)?;
    Ok(true)
}

pub(super) fn delete(
    store: &Connection,
    app: &AppName,
    plan: PlanFn,
    now: Timestamp,
) -> rusqlite::Result<bool> {
    // The placements go with the app, so the plan alone would not see who had it.
    store.execute(
        "UPDATE worker SET generation = generation + 1 WHERE worker IN
           (SELECT worker FROM placement WHERE app = ?1 AND position IS NOT NULL)",
        [app.as_str()],
    )?;
    let deleted = store.execute("DELETE FROM app WHERE app = ?1", [app.as_str()])?;
    store.execute(
        "DELETE FROM module WHERE digest NOT IN (SELECT digest FROM version_module)",
        [],
    )?;
    if deleted > 0 {
        change::note(store)?;
    }
    desired::apply(store, plan, now)?;
    Ok(deleted > 0)
}

/// Writes the app's row at a version, making it when it is not there, and the hosts that lead to it.
pub(super) fn stand_at(
    store: &Connection,
    app: &AppName,
    version: VersionNumber,
    hosts: &[String],
    now: Timestamp,
) -> rusqlite::Result<()> {
    store.execute(
        "INSERT INTO app (app, version, created_at) VALUES (?1, ?2, ?3)
         ON CONFLICT (app) DO UPDATE SET version = excluded.version",
        params![app.as_str(), version.0, row::to_time(now)],
    )?;
    store.execute("DELETE FROM app_host WHERE app = ?1", [app.as_str()])?;
    for (position, host) in hosts.iter().enumerate() {
        store.execute(
            "INSERT INTO app_host (host, app, position) VALUES (?1, ?2, ?3)",
            params![host, app.as_str(), position],
        )?;
    }
    change::note(store)
}

/// The app other than `app` that a host name leads to.
pub(super) fn host_owner(
    store: &Connection,
    host: &str,
    app: &AppName,
) -> rusqlite::Result<Option<AppName>> {
    store
        .query_row(
            "SELECT app FROM app_host WHERE host = ?1 AND app <> ?2",
            [host, app.as_str()],
            |found| row::parsed(found, 0),
        )
        .optional()
}

/// Whether some app is the default one.
pub(super) fn has_default(store: &Connection) -> rusqlite::Result<bool> {
    store.query_row("SELECT EXISTS (SELECT 1 FROM app WHERE is_default = 1)", [], |r| r.get(0))
}

fn read(found: &Row<'_>) -> rusqlite::Result<App> {
    Ok(App {
        app: row::parsed(found, 0)?,
        version: VersionNumber(found.get(1)?),
        rollout: None,
        placement: Default::default(),
        default: found.get(2)?,
        hosts: vec![],
        created_at: row::time(found, 3)?,
    })
}

fn with_hosts(store: &Connection, mut app: App) -> rusqlite::Result<App> {
    let mut statement =
        store.prepare_cached("SELECT host FROM app_host WHERE app = ?1 ORDER BY position")?;
    app.hosts = statement
        .query_map([app.app.as_str()], |found| found.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    Ok(app)
}
