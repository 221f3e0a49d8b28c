//! Settings that the manager keeps for itself.

use rusqlite::{Connection, OptionalExtension};

use crate::store::Setting;

pub(super) fn get(store: &Connection, setting: Setting) -> rusqlite::Result<Option<String>> {
    store
        .query_row("SELECT value FROM setting WHERE setting = ?1", [setting.as_str()], |found| {
            found.get(0)
        })
        .optional()
}

pub(super) fn insert(store: &Connection, setting: Setting, value: &str) -> rusqlite::Result<bool> {
    let inserted = store.execute(
        "INSERT INTO setting (setting, value) VALUES (?1, ?2) ON CONFLICT (setting) DO NOTHING",
        [setting.as_str(), value],
    )?;
    Ok(inserted > 0)
}

pub(super) fn put(store: &Connection, setting: Setting, value: &str) -> rusqlite::Result<()> {
    store.execute(
        "INSERT INTO setting (setting, value) VALUES (?1, ?2)
         ON CONFLICT (setting) DO UPDATE SET value = excluded.value",
        [setting.as_str(), value],
    )?;
    Ok(())
}
