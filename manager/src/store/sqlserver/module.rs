//! Modules: bytes by their digest, in parts of a mebibyte.
//!
//! Parts are sent before the transaction that publishes, each in a statement of its own, so that
//! nobody waits for the writer lane while a large module travels, and no attempt sends it twice. That
//! transaction looks whether all parts are there and sends what is missing: another manager may have
//! removed parts that no module claimed yet. A part never changes once it is there.

use bytes::{Bytes, BytesMut};
use steading_protocol::Digest;

use super::fault::Fault;
use super::lanes::{Again, Hold, Lanes, transact};
use super::row;
use super::tx::Tx;
use crate::store::{NewModule, Result};

const PART_BYTES: usize = 1 << 20;

/// Reads a module, part by part. Its bytes never change, so the parts agree without a transaction;
/// nothing when it is removed meanwhile.
pub(super) async fn get(
    lanes: &Lanes,
    operation: &'static str,
    digest: &Digest,
) -> Result<Option<Bytes>> {
    let size = transact!(lanes, operation, Hold::Nothing, Again::Safe, |tx| size(tx, digest))?;
    let Some(size) = size else { return Ok(None) };
    let mut bytes = BytesMut::with_capacity(size);
    for position in 0_i64.. {
        if bytes.len() == size {
            break;
        }
        let part = transact!(lanes, operation, Hold::Nothing, Again::Safe, |tx| part(
            tx, digest, position
        ))?;
        let Some(part) = part else { return Ok(None) };
        bytes.extend_from_slice(&part);
    }
    Ok(Some(bytes.freeze()))
}

/// Sends the parts that are not there yet.
pub(super) async fn send(lanes: &Lanes, operation: &'static str, module: &NewModule) -> Result<()> {
    let there =
        transact!(lanes, operation, Hold::Nothing, Again::Safe, |tx| parts(tx, &module.digest))?;
    for (position, bytes) in missing(module, &there) {
        transact!(lanes, operation, Hold::Nothing, Again::Safe, |tx| part_send(
            tx,
            &module.digest,
            position,
            bytes
        ))?;
    }
    Ok(())
}

/// Makes the module one of the store's, in the transaction that publishes it.
pub(super) async fn insert(tx: &mut Tx, module: &NewModule) -> std::result::Result<(), Fault> {
    if size(tx, &module.digest).await?.is_some() {
        return Ok(());
    }
    let there = parts(tx, &module.digest).await?;
    for (position, bytes) in missing(module, &there) {
        let sent = part_insert(tx, &module.digest, position, bytes).await;
        // The error has ended the transaction, so this one does not go on.
        sent.map_err(|fault| if fault.is_duplicate() { Fault::Raced } else { fault })?;
    }
    tx.execute(
        "INSERT INTO module (digest, size_bytes) VALUES (@P1, @P2)",
        &[&module.digest.as_str(), &row::to_number(module.bytes.len())?],
    )
    .await?;
    Ok(())
}

/// Removes what no version uses.
pub(super) async fn delete_unused(tx: &mut Tx) -> std::result::Result<(), Fault> {
    let sql = "DELETE FROM module WHERE digest NOT IN (SELECT digest FROM version_module)";
    tx.execute(sql, &[]).await?;
    let sql = "DELETE FROM module_part WHERE digest NOT IN (SELECT digest FROM module)";
    tx.execute(sql, &[]).await?;
    Ok(())
}

fn missing<'a>(module: &'a NewModule, there: &'a [i64]) -> impl Iterator<Item = (i64, &'a [u8])> {
    let parts = (0_i64..).zip(module.bytes.chunks(PART_BYTES));
    parts.filter(|(position, _)| !there.contains(position))
}

async fn size(tx: &mut Tx, digest: &Digest) -> std::result::Result<Option<usize>, Fault> {
    let sql = "SELECT size_bytes FROM module WHERE digest = @P1";
    let found = tx.row(sql, &[&digest.as_str()]).await?;
    found.as_ref().map(|found| row::number(found, 0)).transpose()
}

async fn parts(tx: &mut Tx, digest: &Digest) -> std::result::Result<Vec<i64>, Fault> {
    let sql = "SELECT position FROM module_part WHERE digest = @P1";
    let found = tx.rows(sql, &[&digest.as_str()]).await?;
    found.iter().map(|found| row::number(found, 0)).collect()
}

async fn part(
    tx: &mut Tx,
    digest: &Digest,
    position: i64,
) -> std::result::Result<Option<Vec<u8>>, Fault> {
    let sql = "SELECT bytes FROM module_part WHERE digest = @P1 AND position = @P2";
    let found = tx.row(sql, &[&digest.as_str(), &position]).await?;
    found.as_ref().map(|found| row::bytes(found, 0)).transpose()
}

async fn part_send(
    tx: &mut Tx,
    digest: &Digest,
    position: i64,
    bytes: &[u8],
) -> std::result::Result<(), Fault> {
    match part_insert(tx, digest, position, bytes).await {
        Err(fault) if fault.is_duplicate() => Ok(()),
        sent => sent,
    }
}

/// Keeps a part; one that is there already is the same, or the module had another digest.
async fn part_insert(
    tx: &mut Tx,
    digest: &Digest,
    position: i64,
    bytes: &[u8],
) -> std::result::Result<(), Fault> {
    tx.execute(
        "INSERT INTO module_part (digest, position, bytes) SELECT @P1, @P2, @P3
         WHERE NOT EXISTS (SELECT 1 FROM module_part WHERE digest = @P1 AND position = @P2)",
        &[&digest.as_str(), &position, &bytes],
    )
    .await?;
    Ok(())
}
