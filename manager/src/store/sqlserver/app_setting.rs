//! Settings of apps, by their folded names.

use steading_protocol::{AppName, SettingName, WorkerId};
use tiberius::Row;

use super::app;
use super::fault::Fault;
use super::row::{self, Moment};
use super::tx::Tx;
use crate::store::StoredSetting;
use crate::store::app_data::SettingValues;

const SELECT: &str = "SELECT app, id, name, value, secret, changed_at FROM app_setting";

pub(super) async fn list(tx: &mut Tx, app: &AppName) -> Result<Vec<StoredSetting>, Fault> {
    let found = tx.rows(&format!("{SELECT} WHERE app = @P1"), &[&app.as_str()]).await?;
    let mut settings = found.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    settings.sort_by_key(|setting| setting.name.folded());
    Ok(settings)
}

pub(super) async fn put(
    tx: &mut Tx,
    app: &AppName,
    setting: &StoredSetting,
) -> Result<bool, Fault> {
    if app::get(tx, app).await?.is_none() {
        return Ok(false);
    }
    let (value, secret, id) = (setting.text.as_str(), setting.secret, setting.name.folded());
    let (name, changed_at) = (setting.name.as_str(), Moment(setting.changed_at));
    let updated = tx
        .execute(
            "UPDATE app_setting SET name = @P3, value = @P4, secret = @P5, changed_at = @P6
             WHERE app = @P1 AND id = @P2",
            &[&app.as_str(), &id.as_str(), &name, &value, &secret, &changed_at],
        )
        .await?;
    if updated == 0 {
        tx.execute(
            "INSERT INTO app_setting (app, id, name, value, secret, changed_at)
             VALUES (@P1, @P2, @P3, @P4, @P5, @P6)",
            &[&app.as_str(), &id.as_str(), &name, &value, &secret, &changed_at],
        )
        .await?;
    }
    app::tell_workers(tx, app).await?;
    Ok(true)
}

pub(super) async fn delete(tx: &mut Tx, app: &AppName, name: &SettingName) -> Result<bool, Fault> {
    let sql = "DELETE FROM app_setting WHERE app = @P1 AND id = @P2";
    let deleted = tx.execute(sql, &[&app.as_str(), &name.folded().as_str()]).await? > 0;
    if deleted {
        app::tell_workers(tx, app).await?;
    }
    Ok(deleted)
}

pub(super) async fn secrets(tx: &mut Tx) -> Result<Vec<(AppName, StoredSetting)>, Fault> {
    let found = tx.rows(&format!("{SELECT} WHERE secret = 1"), &[]).await?;
    found.iter().map(|found| Ok((row::parsed(found, 0)?, read(found)?))).collect()
}

/// Replaces the first text by the second, where the first still stands. They are compared here: to a
/// collation texts are the same that differ by case, or by blanks at their ends.
pub(super) async fn reseal(
    tx: &mut Tx,
    app: &AppName,
    name: &SettingName,
    [from, to]: [&str; 2],
) -> Result<(), Fault> {
    let (app, id) = (app.as_str(), name.folded());
    let sql = "SELECT value FROM app_setting WHERE app = @P1 AND id = @P2 AND secret = 1";
    let Some(found) = tx.row(sql, &[&app, &id.as_str()]).await? else { return Ok(()) };
    if row::text(&found, 0)? == from {
        let sql = "UPDATE app_setting SET value = @P3 WHERE app = @P1 AND id = @P2";
        tx.execute(sql, &[&app, &id.as_str(), &to]).await?;
    }
    Ok(())
}

/// The values of the apps that are wanted of a worker.
pub(super) async fn of_worker(tx: &mut Tx, worker: &WorkerId) -> Result<SettingValues, Fault> {
    let sql = format!(
        "{SELECT} WHERE app IN
           (SELECT app FROM placement WHERE worker = @P1 AND position IS NOT NULL)"
    );
    let found = tx.rows(&sql, &[&worker.as_str()]).await?;
    let of =
        |found| Ok(((row::parsed(found, 0)?, row::text(found, 1)?), read(found)?.into_value()));
    found.iter().map(of).collect()
}

fn read(found: &Row) -> Result<StoredSetting, Fault> {
    Ok(StoredSetting {
        name: row::parsed(found, 2)?,
        text: row::text(found, 3)?,
        secret: row::flag(found, 4)?,
        changed_at: row::time(found, 5)?,
    })
}
