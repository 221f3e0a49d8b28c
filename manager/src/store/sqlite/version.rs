//! Versions, and publishing one.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use steading_protocol::api::{App, Rollout, RolloutState, Version};
use steading_protocol::{
    AppName, Digest, FunctionSpec, Grants, PlacementRules, VersionNumber, WorkerId,
};

use super::{app, module, rollout, row};
use crate::schedule::PlannedVersion;
use crate::store::{NewGrants, NewVersion, Publishing};

const SELECT: &str =
    "SELECT app, version, package, size_bytes, published_at, functions, grants FROM version";

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

/// The host names of a version.
pub(super) fn hosts(
    store: &Connection,
    app: &AppName,
    version: VersionNumber,
) -> rusqlite::Result<Vec<String>> {
    let mut statement =
        store.prepare_cached("SELECT hosts FROM version WHERE app = ?1 AND version = ?2")?;
    statement.query_row(params![app.as_str(), version.0], |found| row::json(found, 0))
}

/// What the newest version of an app may reach; nothing where there is no version.
fn newest_grants(store: &Connection, app: &AppName) -> rusqlite::Result<Grants> {
    let mut statement = store.prepare_cached(
        "SELECT grants FROM version WHERE app = ?1 ORDER BY version DESC LIMIT 1",
    )?;
    let found = statement.query_row([app.as_str()], |found| row::json(found, 0)).optional()?;
    Ok(found.unwrap_or_default())
}

/// What a version that is placed on a worker may reach.
pub(super) fn placed_grants(
    store: &Connection,
    worker: &WorkerId,
    app: &AppName,
    version: VersionNumber,
) -> rusqlite::Result<Option<Grants>> {
    let mut statement = store.prepare_cached(
        "SELECT grants FROM version JOIN placement USING (app, version)
         WHERE worker = ?1 AND app = ?2 AND version = ?3",
    )?;
    let of = params![worker.as_str(), app.as_str(), version.0];
    statement.query_row(of, |found| row::json(found, 0)).optional()
}

/// What a version needs of its workers.
pub(super) fn planned(
    store: &Connection,
    app: &AppName,
    version: VersionNumber,
) -> rusqlite::Result<PlannedVersion> {
    let mut statement = store.prepare_cached(
        "SELECT functions, placement FROM version WHERE app = ?1 AND version = ?2",
    )?;
    let (functions, rules): (Vec<FunctionSpec>, PlacementRules) = statement
        .query_row(params![app.as_str(), version.0], |found| {
            Ok((row::json(found, 0)?, row::json(found, 1)?))
        })?;
    Ok(PlannedVersion::new(version, rules, &functions))
}

pub(super) fn publish(
    store: &Connection,
    new: &NewVersion,
    now: Timestamp,
) -> rusqlite::Result<Publishing> {
    let app = app::get(store, &new.app)?;
    if let Some(app) = &app
        && let Some(version) = same(store, app, &new.package)?
    {
        if new.default && !app.default {
            app::default_set(store, &app.app)?;
        }
        return Ok(Publishing::Same(version));
    }
    for host in &new.hosts {
        if let Some(app) = app::host_owner(store, host, &new.app)? {
            return Ok(Publishing::HostTaken { host: host.clone(), app });
        }
    }
    if new.new_grants == NewGrants::Refused {
        let beyond = new.grants.to_allow(&newest_grants(store, &new.app)?);
        if !beyond.is_empty() {
            return Ok(Publishing::GrantsNew(beyond));
        }
    }
    let version = next_number(store, &new.app)?;
    let current = app.as_ref().map_or(version, |app| app.version);
    if app.is_none() {
        app::insert(store, &new.app, version, now)?;
    }
    insert(store, new, version, now)?;
    let (percent, state) = (new.percent, RolloutState::Rolling);
    let rollout = app.map(|_| Rollout { version, percent, state, detail: None });
    rollout::set(store, &new.app, current, rollout.as_ref())?;
    if new.default || !app::has_default(store)? {
        app::default_set(store, &new.app)?;
    }
    Ok(Publishing::Created(version))
}

/// The version in service or on its way that holds the same package. One that was stopped sets out
/// anew.
fn same(
    store: &Connection,
    app: &App,
    package: &Digest,
) -> rusqlite::Result<Option<VersionNumber>> {
    let holds = |version| -> rusqlite::Result<bool> {
        Ok(get(store, &app.app, version)?.is_some_and(|found| found.package == *package))
    };
    if let Some(rollout) = &app.rollout
        && holds(rollout.version)?
    {
        if rollout.state == RolloutState::Stopped {
            let rollout = Rollout { state: RolloutState::Rolling, detail: None, ..rollout.clone() };
            rollout::set(store, &app.app, app.version, Some(&rollout))?;
        }
        return Ok(Some(rollout.version));
    }
    Ok(holds(app.version)?.then_some(app.version))
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
        "INSERT INTO version (app, version, package, size_bytes, published_at, hosts, functions,
           limits, placement, grants)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        params![
            new.app.as_str(),
            version.0,
            new.package.as_str(),
            new.size_bytes,
            row::to_time(now),
            row::to_json(&new.hosts)?,
            row::to_json(&new.functions)?,
            row::to_json(&new.limits)?,
            row::to_json(&new.placement)?,
            row::to_json(&new.grants)?,
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
        grants: row::json(found, 6)?,
    })
}
