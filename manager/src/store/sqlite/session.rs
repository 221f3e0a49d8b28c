//! Sessions of the portal.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::row;
use crate::auth::SecretHash;
use crate::store::SessionRecord;

pub(super) fn insert(store: &Connection, session: &SessionRecord) -> rusqlite::Result<()> {
    store.execute(
        "INSERT INTO session (id, seen_at, expires_at) VALUES (?1, ?2, ?3)",
        params![
            session.id.as_bytes(),
            row::to_time(session.seen_at),
            row::to_time(session.expires_at)
        ],
    )?;
    Ok(())
}

pub(super) fn get(store: &Connection, id: &SecretHash) -> rusqlite::Result<Option<SessionRecord>> {
    let mut statement =
        store.prepare_cached("SELECT id, seen_at, expires_at FROM session WHERE id = ?1")?;
    statement
        .query_row([id.as_bytes()], |found| {
            Ok(SessionRecord {
                id: row::hash(found, 0)?,
                seen_at: row::time(found, 1)?,
                expires_at: row::time(found, 2)?,
            })
        })
        .optional()
}

pub(super) fn touch(store: &Connection, id: &SecretHash, now: Timestamp) -> rusqlite::Result<()> {
    store.execute(
        "UPDATE session SET seen_at = ?2 WHERE id = ?1",
        params![id.as_bytes(), row::to_time(now)],
    )?;
    Ok(())
}

pub(super) fn delete(store: &Connection, id: &SecretHash) -> rusqlite::Result<()> {
    store.execute("DELETE FROM session WHERE id = ?1", [id.as_bytes()])?;
    Ok(())
}

pub(super) fn delete_all(store: &Connection) -> rusqlite::Result<()> {
    store.execute("DELETE FROM session", [])?;
    Ok(())
}

pub(super) fn prune(
    store: &Connection,
    now: Timestamp,
    seen_before: Timestamp,
) -> rusqlite::Result<usize> {
    store.execute(
        "DELETE FROM session WHERE expires_at <= ?1 OR seen_at < ?2",
        [row::to_time(now), row::to_time(seen_before)],
    )
}
