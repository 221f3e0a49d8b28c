//! Sessions of the portal.

use jiff::Timestamp;

use super::fault::Fault;
use super::row::{self, Moment};
use super::tx::Tx;
use crate::auth::SecretHash;
use crate::store::SessionRecord;

pub(super) async fn insert(tx: &mut Tx, session: &SessionRecord) -> Result<(), Fault> {
    tx.execute(
        "INSERT INTO session (id, seen_at, expires_at) SELECT @P1, @P2, @P3
         WHERE NOT EXISTS (SELECT 1 FROM session WHERE id = @P1)",
        &[&session.id.as_bytes(), &Moment(session.seen_at), &Moment(session.expires_at)],
    )
    .await?;
    Ok(())
}

pub(super) async fn get(tx: &mut Tx, id: &SecretHash) -> Result<Option<SessionRecord>, Fault> {
    let sql = "SELECT id, seen_at, expires_at FROM session WHERE id = @P1";
    let found = tx.row(sql, &[&id.as_bytes()]).await?;
    let read = |found| {
        Ok(SessionRecord {
            id: row::hash(found, 0)?,
            seen_at: row::time(found, 1)?,
            expires_at: row::time(found, 2)?,
        })
    };
    found.as_ref().map(read).transpose()
}

pub(super) async fn touch(tx: &mut Tx, id: &SecretHash, now: Timestamp) -> Result<(), Fault> {
    let sql = "UPDATE session SET seen_at = @P2 WHERE id = @P1";
    tx.execute(sql, &[&id.as_bytes(), &Moment(now)]).await?;
    Ok(())
}

pub(super) async fn delete(tx: &mut Tx, id: &SecretHash) -> Result<(), Fault> {
    tx.execute("DELETE FROM session WHERE id = @P1", &[&id.as_bytes()]).await?;
    Ok(())
}

pub(super) async fn delete_all(tx: &mut Tx) -> Result<(), Fault> {
    tx.execute("DELETE FROM session", &[]).await?;
    Ok(())
}

pub(super) async fn prune(
    tx: &mut Tx,
    now: Timestamp,
    seen_before: Timestamp,
) -> Result<usize, Fault> {
    let sql = "DELETE FROM session WHERE expires_at <= @P1 OR seen_at < @P2";
    let pruned = tx.execute(sql, &[&Moment(now), &Moment(seen_before)]).await?;
    usize::try_from(pruned).map_err(row::unfit)
}
