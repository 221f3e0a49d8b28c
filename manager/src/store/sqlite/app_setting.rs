//! Settings of apps, by their folded names.

use rusqlite::{Connection, Row, params};
use steading_protocol::{AppName, SettingName};

use super::{app, row};
use crate::store::StoredSetting;
use crate::store::app_data::SettingValues;

const SELECT: &str = "SELECT app, id, name, value, secret, changed_at FROM app_setting";

pub(super) fn list(store: &Connection, app: &AppName) -> rusqlite::Result<Vec<StoredSetting>> {
    let mut statement = store.prepare_cached(&format!("{SELECT} WHERE app = ?1 ORDER BY id"))?;
    statement.query_map([app.as_str()], read)?.collect()
}

pub(super) fn put(
    store: &Connection,
    app: &AppName,
    setting: &StoredSetting,
) -> rusqlite::Result<bool> {
    if app::get(store, app)?.is_none() {
        return Ok(false);
    }
    store.execute(
        "INSERT INTO app_setting (app, id, name, value, secret, changed_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (app, id) DO UPDATE SET name = excluded.name, value = excluded.value,
           secret = excluded.secret, changed_at = excluded.changed_at",
        params![
            app.as_str(),
            setting.name.folded(),
            setting.name.as_str(),
            setting.text,
            setting.secret,
            row::to_time(setting.changed_at),
        ],
    )?;
    app::tell_workers(store, app)?;
    Ok(true)
}

pub(super) fn delete(
    store: &Connection,
    app: &AppName,
    name: &SettingName,
) -> rusqlite::Result<bool> {
    let sql = "DELETE FROM app_setting WHERE app = ?1 AND id = ?2";
    let deleted = store.execute(sql, params![app.as_str(), name.folded()])? > 0;
    if deleted {
        app::tell_workers(store, app)?;
    }
    Ok(deleted)
}

pub(super) fn secrets(store: &Connection) -> rusqlite::Result<Vec<(AppName, StoredSetting)>> {
    let sql = format!("{SELECT} WHERE secret = 1 ORDER BY app, id");
    let mut statement = store.prepare_cached(&sql)?;
    statement.query_map([], |found| Ok((row::parsed(found, 0)?, read(found)?)))?.collect()
}

/// Replaces the first text by the second, where the first still stands.
pub(super) fn reseal(
    store: &Connection,
    app: &AppName,
    name: &SettingName,
    [from, to]: [&str; 2],
) -> rusqlite::Result<()> {
    store.execute(
        "UPDATE app_setting SET value = ?4 WHERE app = ?1 AND id = ?2 AND value = ?3 AND secret = 1",
        params![app.as_str(), name.folded(), from, to],
    )?;
    Ok(())
}

/// The values of the apps that are wanted of a worker.
pub(super) fn of_worker(
    store: &Connection,
    worker: &steading_protocol::WorkerId,
) -> rusqlite::Result<SettingValues> {
    let mut statement = store.prepare_cached(&format!(
        "{SELECT} WHERE app IN
           (SELECT app FROM placement WHERE worker = ?1 AND position IS NOT NULL)"
    ))?;
    let of =
        |found: &Row<'_>| Ok(((row::parsed(found, 0)?, found.get(1)?), read(found)?.into_value()));
    statement.query_map([worker.as_str()], of)?.collect()
}

fn read(found: &Row<'_>) -> rusqlite::Result<StoredSetting> {
    Ok(StoredSetting {
        name: row::parsed(found, 2)?,
        text: found.get(3)?,
        secret: found.get(4)?,
        changed_at: row::time(found, 5)?,
    })
}
