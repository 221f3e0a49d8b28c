//! Apps.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use steading_protocol::api::{App, Rollout};
use steading_protocol::{AppName, VersionNumber};

use super::{change, row};

const SELECT: &str = "SELECT app, version, is_default, created_at, hosts, placement,
      rollout_version, rollout_percent, rollout_state, rollout_detail, limits, grants
    FROM app JOIN version USING (app, version)";

pub(super) fn list(store: &Connection) -> rusqlite::Result<Vec<App>> {
    let mut statement = store.prepare_cached(&format!("{SELECT} ORDER BY app"))?;
    statement.query_map([], read)?.collect()
}

pub(super) fn get(store: &Connection, app: &AppName) -> rusqlite::Result<Option<App>> {
    let mut statement = store.prepare_cached(&format!("{SELECT} WHERE app = ?1"))?;
    statement.query_row([app.as_str()], read).optional()
}

/// Makes an app the only default one; false, and nothing changed, when there is no such app.
pub(super) fn default_set(store: &Connection, app: &AppName) -> rusqlite::Result<bool> {
    if get(store, app)?.is_none() {
        return Ok(false);
    }
    store.execute("UPDATE app SET is_default = 0 WHERE is_default = 1", [])?;
    store.execute("UPDATE app SET is_default = 1 WHERE app = ?1", [app.as_str()])?;
    change::note(store)?;
    Ok(true)
}

pub(super) fn delete(store: &Connection, app: &AppName) -> rusqlite::Result<bool> {
    // The placements go with the app, so the plan alone would not see who had it.
    raise_workers(store, app)?;
    let deleted = store.execute("DELETE FROM app WHERE app = ?1", [app.as_str()])?;
    store.execute(
        "DELETE FROM module WHERE digest NOT IN (SELECT digest FROM version_module)",
        [],
    )?;
    if deleted > 0 {
        change::note(store)?;
    }
    Ok(deleted > 0)
}

/// What workers are told of an app has changed.
pub(super) fn tell_workers(store: &Connection, app: &AppName) -> rusqlite::Result<()> {
    raise_workers(store, app)?;
    change::note(store)
}

fn raise_workers(store: &Connection, app: &AppName) -> rusqlite::Result<usize> {
    store.execute(
        "UPDATE worker SET generation = generation + 1 WHERE worker IN
           (SELECT worker FROM placement WHERE app = ?1 AND position IS NOT NULL)",
        [app.as_str()],
    )
}

/// Makes an app whose first version is in service.
pub(super) fn insert(
    store: &Connection,
    app: &AppName,
    version: VersionNumber,
    now: Timestamp,
) -> rusqlite::Result<()> {
    store.execute(
        "INSERT INTO app (app, version, created_at) VALUES (?1, ?2, ?3)",
        params![app.as_str(), version.0, row::to_time(now)],
    )?;
    Ok(())
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
    let rollout = match found.get::<_, Option<u32>>(6)? {
        None => None,
        Some(version) => Some(Rollout {
            version: VersionNumber(version),
            percent: found.get(7)?,
            state: row::rollout_state(found, 8)?,
            detail: found.get(9)?,
        }),
    };
    Ok(App {
        app: row::parsed(found, 0)?,
        version: VersionNumber(found.get(1)?),
        rollout,
        placement: row::json(found, 5)?,
        limits: row::json(found, 10)?,
        grants: row::json(found, 11)?,
        default: found.get(2)?,
        hosts: row::json(found, 4)?,
        created_at: row::time(found, 3)?,
    })
}
