//! Versions, and publishing one.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use steading_protocol::api::Version;
use steading_protocol::{AppName, Digest, VersionNumber};

use super::{app, desired, module, row};
use crate::schedule::PlanFn;
use crate::store::{NewVersion, Publishing};

const SELECT: &str =
    "SELECT app, version, package, size_bytes, published_at, functions FROM version";

pub(super) fn list(store: &Connection, app: &AppName) -> rusqlite::Result<Vec<Version>> {
    let sql = format!("{SELECT} WHERE app = ?1 ORDER BY version DESC");
    let mut statement = store.prepare_cached(&sql)?;
    statement.query_map([app.as_str()], read)?.collect()
}

pub(super) fn get(
    store: &Connection,
    app: &AppName,
    version: VersionNumber,
) -> rusqlite::Result<Option<Version>> {
    let mut statement =
        store.prepare_cached(&format!("{SELECT} WHERE app = ?1 AND version = ?2"))?;
    statement.query_row(params![app.as_str(), version.0], read).optional()
}

/// Whether there is such a version.
pub(super) fn exists(
    store: &Connection,
    app: &AppName,
    version: VersionNumber,
) -> rusqlite::Result<bool> {
    let mut statement = store
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM version WHERE app = ?1 AND version = ?2)")?;
    statement.query_row(params![app.as_str(), version.0], |found| found.get(0))
}

pub(super) fn publish(
    store: &Connection,
    new: &NewVersion,
    plan: PlanFn,
    now: Timestamp,
) -> rusqlite::Result<Publishing> {
    if let Some((version, package)) = current(store, &new.app)?
        && package == new.package
    {
        if new.default {
            app::default_set(store, &new.app, plan, now)?;
        }
        return Ok(Publishing::Same(version));
    }
    for host in &new.hosts {
        if let Some(app) = app::host_owner(store, host, &new.app)? {
            return Ok(Publishing::HostTaken { host: host.clone(), app });
        }
    }
    let version = next_number(store, &new.app)?;
    app::stand_at(store, &new.app, version, &new.hosts, now)?;
    insert(store, new, version, now)?;
    if new.default || !app::has_default(store)? {
        app::mark_default(store, &new.app)?;
    }
    desired::apply(store, plan, now)?;
    Ok(Publishing::Created(version))
}

fn current(store: &Connection, app: &AppName) -> rusqlite::Result<Option<(VersionNumber, Digest)>> {
    store
        .query_row(
            "SELECT version, package FROM app JOIN version USING (app, version) WHERE app = ?1",
            [app.as_str()],
            |found| Ok((VersionNumber(found.get(0)?), row::parsed(found, 1)?)),
        )
        .optional()
}

fn next_number(store: &Connection, app: &AppName) -> rusqlite::Result<VersionNumber> {
    store.query_row(
        "INSERT INTO app_number (app, last) VALUES (?1, 1)
         ON CONFLICT (app) DO UPDATE SET last = last + 1 RETURNING last",
        [app.as_str()],
        |found| found.get(0).map(VersionNumber),
    )
}

fn insert(
    store: &Connection,
    new: &NewVersion,
    version: VersionNumber,
    now: Timestamp,
) -> rusqlite::Result<()> {
    store.execute(
        "INSERT INTO version (app, version, package, size_bytes, published_at, hosts, functions, limits)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            new.app.as_str(),
            version.0,
            new.package.as_str(),
            new.size_bytes,
            row::to_time(now),
            row::to_json(&new.hosts)?,
            row::to_json(&new.functions)?,
            row::to_json(&new.limits)?,
        ],
    )?;
    for (position, new_module) in new.modules.iter().enumerate() {
        module::insert(store, new_module)?;
        store.execute(
            "INSERT INTO version_module (app, version, position, digest) VALUES (?1, ?2, ?3, ?4)",
            params![new.app.as_str(), version.0, position, new_module.digest.as_str()],
        )?;
    }
    Ok(())
}

fn read(found: &Row<'_>) -> rusqlite::Result<Version> {
    Ok(Version {
        app: row::parsed(found, 0)?,
        version: VersionNumber(found.get(1)?),
        package: row::parsed(found, 2)?,
        size_bytes: found.get(3)?,
        published_at: row::time(found, 4)?,
        functions: row::json(found, 5)?,
    })
}
