//! Apps.

use jiff::Timestamp;
use steading_protocol::api::{App, Rollout};
use steading_protocol::{AppName, VersionNumber};
use tiberius::Row;

use super::fault::Fault;
use super::row::{self, Moment};
use super::tx::Tx;
use super::{change, module};

const SELECT: &str = "SELECT a.app, a.version, a.is_default, a.created_at, v.hosts, v.placement,
      a.rollout_version, a.rollout_percent, a.rollout_state, a.rollout_detail, v.limits, v.grants
    FROM app a JOIN version v ON v.app = a.app AND v.version = a.version";

pub(super) async fn list(tx: &mut Tx) -> Result<Vec<App>, Fault> {
    let found = tx.rows(SELECT, &[]).await?;
    let mut apps = found.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    apps.sort_by(|a, b| a.app.cmp(&b.app));
    Ok(apps)
}

pub(super) async fn get(tx: &mut Tx, app: &AppName) -> Result<Option<App>, Fault> {
    let found = tx.row(&format!("{SELECT} WHERE a.app = @P1"), &[&app.as_str()]).await?;
    found.as_ref().map(read).transpose()
}

/// Makes an app the only default one; false, and nothing changed, when there is no such app.
pub(super) async fn default_set(tx: &mut Tx, app: &AppName) -> Result<bool, Fault> {
    let sql = "UPDATE app SET is_default = 1 WHERE app = @P1";
    if tx.execute(sql, &[&app.as_str()]).await? == 0 {
        return Ok(false);
    }
    let sql = "UPDATE app SET is_default = 0 WHERE is_default = 1 AND app <> @P1";
    tx.execute(sql, &[&app.as_str()]).await?;
    change::note(tx).await?;
    Ok(true)
}

pub(super) async fn delete(tx: &mut Tx, app: &AppName) -> Result<bool, Fault> {
    // The placements go with the app, so the plan alone would not see who had it.
    raise_workers(tx, app).await?;
    let deleted = tx.execute("DELETE FROM app WHERE app = @P1", &[&app.as_str()]).await? > 0;
    module::delete_unused(tx).await?;
    if deleted {
        change::note(tx).await?;
    }
    Ok(deleted)
}

/// What workers are told of an app has changed.
pub(super) async fn tell_workers(tx: &mut Tx, app: &AppName) -> Result<(), Fault> {
    raise_workers(tx, app).await?;
    change::note(tx).await
}

async fn raise_workers(tx: &mut Tx, app: &AppName) -> Result<(), Fault> {
    tx.execute(
        "UPDATE worker SET generation = generation + 1 WHERE worker IN
           (SELECT worker FROM placement WHERE app = @P1 AND position IS NOT NULL)",
        &[&app.as_str()],
    )
    .await?;
    Ok(())
}

/// Makes an app whose first version is in service.
pub(super) async fn insert(
    tx: &mut Tx,
    app: &AppName,
    version: VersionNumber,
    now: Timestamp,
) -> Result<(), Fault> {
    tx.execute(
        "INSERT INTO app (app, version, is_default, created_at, rollout_percent, rollout_state)
         VALUES (@P1, @P2, 0, @P3, 0, N'')",
        &[&app.as_str(), &i64::from(version.0), &Moment(now)],
    )
    .await?;
    Ok(())
}

/// The app other than `app` that a host name leads to.
pub(super) async fn host_owner(
    tx: &mut Tx,
    host: &str,
    app: &AppName,
) -> Result<Option<AppName>, Fault> {
    let sql = "SELECT app FROM app_host WHERE host = @P1 AND app <> @P2";
    let found = tx.row(sql, &[&host, &app.as_str()]).await?;
    found.as_ref().map(|found| row::parsed(found, 0)).transpose()
}

/// Whether some app is the default one.
pub(super) async fn has_default(tx: &mut Tx) -> Result<bool, Fault> {
    Ok(tx.row("SELECT app FROM app WHERE is_default = 1", &[]).await?.is_some())
}

fn read(found: &Row) -> Result<App, Fault> {
    let rollout = match found.try_get::<i64, _>(6)? {
        None => None,
        Some(_) => Some(Rollout {
            version: row::version(found, 6)?,
            percent: row::number(found, 7)?,
            state: row::rollout_state(found, 8)?,
            detail: row::optional_text(found, 9)?,
        }),
    };
    Ok(App {
        app: row::parsed(found, 0)?,
        version: row::version(found, 1)?,
        rollout,
        placement: row::json(found, 5)?,
        limits: row::json(found, 10)?,
        grants: row::json(found, 11)?,
        default: row::flag(found, 2)?,
        hosts: row::json(found, 4)?,
        created_at: row::time(found, 3)?,
    })
}
