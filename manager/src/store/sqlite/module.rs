//! Modules: bytes by their digest.

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, params};
use steading_protocol::Digest;

use crate::store::NewModule;

pub(super) fn get(store: &Connection, digest: &Digest) -> rusqlite::Result<Option<Bytes>> {
    store
        .query_row("SELECT bytes FROM module WHERE digest = ?1", [digest.as_str()], |found| {
            found.get::<_, Vec<u8>>(0).map(Bytes::from)
        })
        .optional()
}

/// Keeps a module; one that is there already is the same, or it had another digest.
pub(super) fn insert(store: &Connection, module: &NewModule) -> rusqlite::Result<()> {
    store.execute(
        "INSERT INTO module (digest, size_bytes, bytes) VALUES (?1, ?2, ?3)
         ON CONFLICT (digest) DO NOTHING",
        params![module.digest.as_str(), module.bytes.len(), &module.bytes[..]],
    )?;
    Ok(())
}
