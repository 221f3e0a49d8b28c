//! API tokens.

use rusqlite::{Connection, OptionalExtension, Row, params};
use steading_protocol::api::Token;

use super::row;
use crate::auth::SecretHash;
use crate::store::NewToken;

pub(super) fn insert(store: &Connection, token: &NewToken) -> rusqlite::Result<()> {
    store.execute(
        "INSERT INTO token (id, name, hash, created_at) VALUES (?1, ?2, ?3, ?4)",
        params![token.id, token.name, token.hash.as_bytes(), row::to_time(token.created_at)],
    )?;
    Ok(())
}

pub(super) fn list(store: &Connection) -> rusqlite::Result<Vec<Token>> {
    let mut statement =
        store.prepare_cached("SELECT id, name, created_at FROM token ORDER BY created_at, id")?;
    statement.query_map([], read)?.collect()
}

pub(super) fn delete(store: &Connection, id: &str) -> rusqlite::Result<bool> {
    Ok(store.execute("DELETE FROM token WHERE id = ?1", [id])? > 0)
}

pub(super) fn by_hash(store: &Connection, hash: &SecretHash) -> rusqlite::Result<Option<Token>> {
    let mut statement =
        store.prepare_cached("SELECT id, name, created_at, hash FROM token WHERE hash = ?1")?;
    let found = statement
        .query_row([hash.as_bytes()], |found| Ok((read(found)?, row::hash(found, 3)?)))
        .optional()?;
    Ok(found.filter(|(_, kept)| kept == hash).map(|(token, _)| token))
}

fn read(found: &Row<'_>) -> rusqlite::Result<Token> {
    Ok(Token { id: found.get(0)?, name: found.get(1)?, created_at: row::time(found, 2)? })
}
