//! Versions, and publishing one.

use jiff::Timestamp;
use steading_protocol::api::{App, Rollout, RolloutState, Version};
use steading_protocol::{AppName, Digest, Grants, VersionNumber, WorkerId};
use tiberius::Row;

use super::fault::Fault;
use super::row::{self, Moment};
use super::tx::Tx;
use super::{app, module, rollout};
use crate::store::{NewGrants, NewVersion, Publishing};

const SELECT: &str =
    "SELECT app, version, package, size_bytes, published_at, functions, grants FROM version";

pub(super) async fn list(tx: &mut Tx, app: &AppName) -> Result<Vec<Version>, Fault> {
    let sql = format!("{SELECT} WHERE app = @P1 ORDER BY version DESC");
    tx.rows(&sql, &[&app.as_str()]).await?.iter().map(read).collect()
}

pub(super) async fn get(
    tx: &mut Tx,
    app: &AppName,
    version: VersionNumber,
) -> Result<Option<Version>, Fault> {
    let sql = format!("{SELECT} WHERE app = @P1 AND version = @P2");
    let found = tx.row(&sql, &[&app.as_str(), &i64::from(version.0)]).await?;
    found.as_ref().map(read).transpose()
}

/// Whether there is such a version.
pub(super) async fn exists(
    tx: &mut Tx,
    app: &AppName,
    version: VersionNumber,
) -> Result<bool, Fault> {
    let sql = "SELECT version FROM version WHERE app = @P1 AND version = @P2";
    Ok(tx.row(sql, &[&app.as_str(), &i64::from(version.0)]).await?.is_some())
}

/// The host names of a version.
pub(super) async fn hosts(
    tx: &mut Tx,
    app: &AppName,
    version: VersionNumber,
) -> Result<Vec<String>, Fault> {
    let sql = "SELECT hosts FROM version WHERE app = @P1 AND version = @P2";
    let found = tx.row(sql, &[&app.as_str(), &i64::from(version.0)]).await?;
    found.as_ref().map_or(Ok(vec![]), |found| row::json(found, 0))
}

/// What the newest version of an app may reach; nothing where there is no version.
async fn newest_grants(tx: &mut Tx, app: &AppName) -> Result<Grants, Fault> {
    let sql = "SELECT TOP (1) grants FROM version WHERE app = @P1 ORDER BY version DESC";
    let found = tx.row(sql, &[&app.as_str()]).await?;
    found.as_ref().map_or(Ok(Grants::default()), |found| row::json(found, 0))
}

/// What a version that is placed on a worker may reach.
pub(super) async fn placed_grants(
    tx: &mut Tx,
    worker: &WorkerId,
    app: &AppName,
    version: VersionNumber,
) -> Result<Option<Grants>, Fault> {
    let sql = "SELECT v.grants FROM version v
        JOIN placement p ON p.app = v.app AND p.version = v.version
        WHERE p.worker = @P1 AND p.app = @P2 AND p.version = @P3";
    let of = (worker.as_str(), app.as_str(), i64::from(version.0));
    let found = tx.row(sql, &[&of.0, &of.1, &of.2]).await?;
    found.as_ref().map(|found| row::json(found, 0)).transpose()
}

pub(super) async fn publish(
    tx: &mut Tx,
    new: &NewVersion,
    now: Timestamp,
) -> Result<Publishing, Fault> {
    let app = app::get(tx, &new.app).await?;
    if let Some(app) = &app
        && let Some(version) = same(tx, app, &new.package).await?
    {
        if new.default && !app.default {
            app::default_set(tx, &app.app).await?;
        }
        return Ok(Publishing::Same(version));
    }
    for host in &new.hosts {
        if let Some(app) = app::host_owner(tx, host, &new.app).await? {
            return Ok(Publishing::HostTaken { host: host.clone(), app });
        }
    }
    if new.new_grants == NewGrants::Refused {
        let beyond = new.grants.to_allow(&newest_grants(tx, &new.app).await?);
        if !beyond.is_empty() {
            return Ok(Publishing::GrantsNew(beyond));
        }
    }
    let version = next_number(tx, &new.app).await?;
    let current = app.as_ref().map_or(version, |app| app.version);
    if app.is_none() {
        app::insert(tx, &new.app, version, now).await?;
    }
    insert(tx, new, version, now).await?;
    let (percent, state) = (new.percent, RolloutState::Rolling);
    let rollout = app.map(|_| Rollout { version, percent, state, detail: None });
    rollout::set(tx, &new.app, current, rollout.as_ref()).await?;
    if new.default || !app::has_default(tx).await? {
        app::default_set(tx, &new.app).await?;
    }
    Ok(Publishing::Created(version))
}

/// The version in service or on its way that holds the same package. One that was stopped sets out
/// anew.
async fn same(tx: &mut Tx, app: &App, package: &Digest) -> Result<Option<VersionNumber>, Fault> {
    if let Some(rollout) = &app.rollout
        && holds(tx, app, rollout.version, package).await?
    {
        if rollout.state == RolloutState::Stopped {
            let rollout = Rollout { state: RolloutState::Rolling, detail: None, ..rollout.clone() };
            rollout::set(tx, &app.app, app.version, Some(&rollout)).await?;
        }
        return Ok(Some(rollout.version));
    }
    Ok(holds(tx, app, app.version, package).await?.then_some(app.version))
}

async fn holds(
    tx: &mut Tx,
    app: &App,
    version: VersionNumber,
    package: &Digest,
) -> Result<bool, Fault> {
    Ok(get(tx, &app.app, version).await?.is_some_and(|found| found.package == *package))
}

async fn next_number(tx: &mut Tx, app: &AppName) -> Result<VersionNumber, Fault> {
    let sql = "UPDATE app_number SET last = last + 1 OUTPUT inserted.last WHERE app = @P1";
    if let Some(found) = tx.row(sql, &[&app.as_str()]).await? {
        return row::version(&found, 0);
    }
    let sql = "INSERT INTO app_number (app, last) VALUES (@P1, 1)";
    tx.execute(sql, &[&app.as_str()]).await?;
    Ok(VersionNumber(1))
}

async fn insert(
    tx: &mut Tx,
    new: &NewVersion,
    version: VersionNumber,
    now: Timestamp,
) -> Result<(), Fault> {
    let version = i64::from(version.0);
    tx.execute(
        "INSERT INTO version
           (app, version, package, size_bytes, published_at, hosts, functions, limits, placement,
            grants)
         VALUES (@P1, @P2, @P3, @P4, @P5, @P6, @P7, @P8, @P9, @P10)",
        &[
            &new.app.as_str(),
            &version,
            &new.package.as_str(),
            &row::to_number(new.size_bytes)?,
            &Moment(now),
            &row::to_json(&new.hosts)?,
            &row::to_json(&new.functions)?,
            &row::to_json(&new.limits)?,
            &row::to_json(&new.placement)?,
            &row::to_json(&new.grants)?,
        ],
    )
    .await?;
    for (position, new_module) in (0_i64..).zip(&new.modules) {
        module::insert(tx, new_module).await?;
        tx.execute(
            "INSERT INTO version_module (app, version, position, digest)
             VALUES (@P1, @P2, @P3, @P4)",
            &[&new.app.as_str(), &version, &position, &new_module.digest.as_str()],
        )
        .await?;
    }
    Ok(())
}

fn read(found: &Row) -> Result<Version, Fault> {
    Ok(Version {
        app: row::parsed(found, 0)?,
        version: row::version(found, 1)?,
        package: row::parsed(found, 2)?,
        size_bytes: row::number(found, 3)?,
        published_at: row::time(found, 4)?,
        functions: row::json(found, 5)?,
        grants: row::json(found, 6)?,
    })
}
