//! Key-value stores. Keys are bytes, and in their order. Whoever writes holds a lock of the app's stores,
//! so what is read before a write is what the write finds, on any isolation level.

use bytes::Bytes;
use steading_protocol::KvKey;
use steading_protocol::kv::KvRefusal;
use tiberius::Row;

use super::fault::Fault;
use super::row;
use super::tx::Tx;
use crate::store::app_data::Decided;
use crate::store::{KvEntry, KvLimits, KvList, KvSlot, KvWrite, KvWritten};

/// How long a write waits for others to the same app's stores, milliseconds.
const LOCK_MS_MAX: u64 = 5000;

pub(super) async fn get(tx: &mut Tx, slot: &KvSlot, key: &KvKey) -> Result<Option<KvEntry>, Fault> {
    let sql = "SELECT value, revision FROM kv_entry WHERE app = @P1 AND store = @P2 AND name = @P3";
    let (app, store, name) = (slot.app.as_str(), slot.store.as_str(), key.as_str().as_bytes());
    let found = tx.row(sql, &[&app, &store, &name]).await?;
    let read = |found: &Row| {
        Ok(KvEntry { value: row::bytes(found, 0)?.into(), revision: row::number(found, 1)? })
    };
    found.as_ref().map(read).transpose()
}

pub(super) async fn list(tx: &mut Tx, slot: &KvSlot, list: &KvList) -> Result<Vec<KvKey>, Fault> {
    let (app, store, (first, after, end)) = (slot.app.as_str(), slot.store.as_str(), list.bounds());
    let found = tx
        .rows(
            "SELECT TOP (@P6) name FROM kv_entry
             WHERE app = @P1 AND store = @P2 AND name >= @P3 AND name > @P4 AND name < @P5
             ORDER BY name",
            &[&app, &store, &first, &after, &end.as_slice(), &i64::from(list.count)],
        )
        .await?;
    let key = |found: &Row| {
        let text = String::from_utf8(row::bytes(found, 0)?).map_err(row::unfit)?;
        text.parse().map_err(row::unfit)
    };
    found.iter().map(key).collect()
}

/// Writes as is decided, with the sizes and the revision of the store kept in step.
pub(super) async fn write(
    tx: &mut Tx,
    slot: &KvSlot,
    key: &KvKey,
    (write, limits): (&KvWrite, KvLimits),
) -> Result<Result<KvWritten, KvRefusal>, Fault> {
    // an app's name has no character that would mean something in the statement
    let lock = format!("steading-kv-{}", slot.app);
    tx.take_lock(&lock, "Exclusive", "Transaction", LOCK_MS_MAX).await?;
    let current = get(tx, slot, key).await?;
    let sql = "SELECT CAST(COALESCE(SUM(bytes), 0) AS bigint) FROM kv_store WHERE app = @P1";
    let found = tx.row(sql, &[&slot.app.as_str()]).await?;
    let app_bytes = found.as_ref().map_or(Ok(0), |found| row::number(found, 0))?;
    let Decided { value, growth, written } =
        match write.decide(key, current.as_ref(), app_bytes, limits) {
            Ok(decided) => decided,
            Err(refusal) => return Ok(Err(refusal)),
        };
    match value {
        Some(value) if !put(tx, slot, key, (&value, growth)).await? => {
            return Ok(Err(KvRefusal::NotGranted));
        }
        Some(_) => {}
        None if current.is_none() => {}
        None => remove(tx, slot, key, growth).await?,
    }
    Ok(Ok(written))
}

/// False, and nothing changed, when there is no such app.
async fn put(
    tx: &mut Tx,
    slot: &KvSlot,
    key: &KvKey,
    (value, growth): (&Bytes, i64),
) -> Result<bool, Fault> {
    let (app, store) = (slot.app.as_str(), slot.store.as_str());
    let (name, value) = (key.as_str().as_bytes(), &value[..]);
    let Some(revision) = next(tx, slot, growth).await? else { return Ok(false) };
    let updated = tx
        .execute(
            "UPDATE kv_entry SET value = @P4, revision = @P5
             WHERE app = @P1 AND store = @P2 AND name = @P3",
            &[&app, &store, &name, &value, &revision],
        )
        .await?;
    if updated == 0 {
        tx.execute(
            "INSERT INTO kv_entry (app, store, name, value, revision)
             VALUES (@P1, @P2, @P3, @P4, @P5)",
            &[&app, &store, &name, &value, &revision],
        )
        .await?;
    }
    Ok(true)
}

/// A revision that no write to the store has had, and its new size; nothing where there is no such app.
async fn next(tx: &mut Tx, slot: &KvSlot, growth: i64) -> Result<Option<i64>, Fault> {
    let (app, store) = (slot.app.as_str(), slot.store.as_str());
    let sql = "UPDATE kv_store SET bytes = bytes + @P3, revision = revision + 1
        OUTPUT inserted.revision WHERE app = @P1 AND store = @P2";
    if let Some(found) = tx.row(sql, &[&app, &store, &growth]).await? {
        return row::number(&found, 0).map(Some);
    }
    let sql = "INSERT INTO kv_store (app, store, bytes, revision)
        SELECT app, @P2, @P3, 1 FROM app WHERE app = @P1";
    let inserted = tx.execute(sql, &[&app, &store, &growth]).await?;
    Ok((inserted > 0).then_some(1))
}

async fn remove(tx: &mut Tx, slot: &KvSlot, key: &KvKey, growth: i64) -> Result<(), Fault> {
    let (app, store, name) = (slot.app.as_str(), slot.store.as_str(), key.as_str().as_bytes());
    let sql = "DELETE FROM kv_entry WHERE app = @P1 AND store = @P2 AND name = @P3";
    tx.execute(sql, &[&app, &store, &name]).await?;
    let sql = "UPDATE kv_store SET bytes = bytes + @P3 WHERE app = @P1 AND store = @P2";
    tx.execute(sql, &[&app, &store, &growth]).await?;
    Ok(())
}
