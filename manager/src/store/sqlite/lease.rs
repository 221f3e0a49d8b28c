//! Leases by this process's clock, which is the only one: an embedded store has one manager.

use std::time::Duration;

use rusqlite::{Connection, params};
use steading_protocol::api::Lease;

use super::row;
use crate::clock;

pub(super) fn take(
    store: &Connection,
    name: &str,
    owner: &str,
    ttl: Duration,
) -> rusqlite::Result<bool> {
    let now = clock::now();
    let mut statement = store.prepare_cached(
        "INSERT INTO lease (name, owner, until) VALUES (?1, ?2, ?3)
         ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, until = excluded.until
         WHERE owner = excluded.owner OR until <= ?4",
    )?;
    let until = row::to_time(clock::after(now, ttl));
    Ok(statement.execute(params![name, owner, until, row::to_time(now)])? > 0)
}

pub(super) fn release(store: &Connection, name: &str, owner: &str) -> rusqlite::Result<()> {
    store.execute("DELETE FROM lease WHERE name = ?1 AND owner = ?2", [name, owner])?;
    Ok(())
}

pub(super) fn list(store: &Connection) -> rusqlite::Result<Vec<Lease>> {
    let mut statement = store
        .prepare_cached("SELECT name, owner, until FROM lease WHERE until > ?1 ORDER BY name")?;
    let held = statement.query_map([row::to_time(clock::now())], |found| {
        Ok(Lease { name: found.get(0)?, owner: found.get(1)?, until: row::time(found, 2)? })
    })?;
    held.collect()
}
