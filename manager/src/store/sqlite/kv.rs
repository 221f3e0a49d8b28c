//! Key-value stores. Keys are bytes, and in their order.

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, params};
use steading_protocol::KvKey;
use steading_protocol::kv::KvRefusal;

use super::row;
use crate::store::app_data::Decided;
use crate::store::{KvEntry, KvLimits, KvList, KvSlot, KvWrite, KvWritten};

pub(super) fn get(
    store: &Connection,
    slot: &KvSlot,
    key: &KvKey,
) -> rusqlite::Result<Option<KvEntry>> {
    let mut statement = store.prepare_cached(
        "SELECT value, revision FROM kv_entry WHERE app = ?1 AND store = ?2 AND name = ?3",
    )?;
    let of = params![slot.app.as_str(), slot.store.as_str(), key.as_str().as_bytes()];
    let read = |found: &rusqlite::Row<'_>| {
        Ok(KvEntry { value: found.get::<_, Vec<u8>>(0)?.into(), revision: found.get(1)? })
    };
    statement.query_row(of, read).optional()
}

pub(super) fn list(
    store: &Connection,
    slot: &KvSlot,
    list: &KvList,
) -> rusqlite::Result<Vec<KvKey>> {
    let mut statement = store.prepare_cached(
        "SELECT CAST(name AS TEXT) FROM kv_entry
         WHERE app = ?1 AND store = ?2 AND name >= ?3 AND name > ?4 AND name < ?5
         ORDER BY name LIMIT ?6",
    )?;
    let (app, of, (first, after, end)) = (slot.app.as_str(), slot.store.as_str(), list.bounds());
    let keys = statement.query_map(params![app, of, first, after, end, list.count], |found| {
        row::parsed(found, 0)
    })?;
    keys.collect()
}

/// Writes as is decided, with the sizes and the revision of the store kept in step.
pub(super) fn write(
    store: &Connection,
    slot: &KvSlot,
    key: &KvKey,
    (write, limits): (&KvWrite, KvLimits),
) -> rusqlite::Result<Result<KvWritten, KvRefusal>> {
    let current = get(store, slot, key)?;
    let app_bytes = store
        .prepare_cached("SELECT COALESCE(SUM(bytes), 0) FROM kv_store WHERE app = ?1")?
        .query_row([slot.app.as_str()], |found| found.get(0))?;
    let Decided { value, growth, written } =
        match write.decide(key, current.as_ref(), app_bytes, limits) {
            Ok(decided) => decided,
            Err(refusal) => return Ok(Err(refusal)),
        };
    match value {
        Some(value) if !put(store, slot, key, (&value, growth))? => {
            return Ok(Err(KvRefusal::NotGranted));
        }
        Some(_) => {}
        None if current.is_none() => {}
        None => remove(store, slot, key, growth)?,
    }
    Ok(Ok(written))
}

/// False, and nothing changed, when there is no such app.
fn put(
    store: &Connection,
    slot: &KvSlot,
    key: &KvKey,
    (value, growth): (&Bytes, i64),
) -> rusqlite::Result<bool> {
    let (app, of) = (slot.app.as_str(), slot.store.as_str());
    let mut statement = store.prepare_cached(
        "INSERT INTO kv_store (app, store, bytes, revision)
         SELECT app, ?2, ?3, 1 FROM app WHERE app = ?1
         ON CONFLICT (app, store) DO UPDATE SET bytes = bytes + ?3, revision = revision + 1
         RETURNING revision",
    )?;
    let revision = statement.query_row(params![app, of, growth], |found| found.get::<_, u64>(0));
    let Some(revision) = revision.optional()? else { return Ok(false) };
    store
        .prepare_cached(
            "INSERT INTO kv_entry (app, store, name, value, revision) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (app, store, name)
             DO UPDATE SET value = excluded.value, revision = excluded.revision",
        )?
        .execute(params![app, of, key.as_str().as_bytes(), &value[..], revision])?;
    Ok(true)
}

fn remove(store: &Connection, slot: &KvSlot, key: &KvKey, growth: i64) -> rusqlite::Result<()> {
    let (app, of) = (slot.app.as_str(), slot.store.as_str());
    store.execute(
        "DELETE FROM kv_entry WHERE app = ?1 AND store = ?2 AND name = ?3",
        params![app, of, key.as_str().as_bytes()],
    )?;
    store.execute(
        "UPDATE kv_store SET bytes = bytes + ?3 WHERE app = ?1 AND store = ?2",
        params![app, of, growth],
    )?;
    Ok(())
}
