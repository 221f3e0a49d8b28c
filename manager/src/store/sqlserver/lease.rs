//! Leases by the server's clock. Each statement stands for itself, outside the writer lane: the row,
//! and the unique key where there is none yet, decide who is first.

use std::time::Duration;

use jiff::Timestamp;
use steading_protocol::api::Lease;

use super::fault::Fault;
use super::row;
use super::tx::Tx;

/// Milliseconds that one `DATEADD` takes: some 24 days, and longer than any lease needs.
const TTL_MS_MAX: u128 = i32::MAX as u128;

pub(super) async fn clock(tx: &mut Tx) -> Result<Timestamp, Fault> {
    let found = tx.row("SELECT CAST(SYSUTCDATETIME() AS datetime2(6))", &[]).await?;
    found.as_ref().map_or_else(|| Err(row::unfit("no clock")), |found| row::time(found, 0))
}

pub(super) async fn take(
    tx: &mut Tx,
    name: &str,
    owner: &str,
    ttl: Duration,
) -> Result<bool, Fault> {
    // Rounded up, so that a lease never ends before its time.
    let ttl_ms = ttl.as_nanos().div_ceil(1_000_000).min(TTL_MS_MAX);
    let ttl_ms = i32::try_from(ttl_ms).unwrap_or(i32::MAX);
    let got = tx
        .rows(
            "UPDATE TOP (1) lease SET owner = @P2,
               until = DATEADD(millisecond, @P3, SYSUTCDATETIME())
             OUTPUT inserted.owner
             WHERE name = @P1 AND (owner = @P2 OR until <= SYSUTCDATETIME())",
            &[&name, &owner, &ttl_ms],
        )
        .await?;
    if !got.is_empty() {
        return Ok(true);
    }
    let made = tx
        .execute(
            "INSERT INTO lease (name, owner, until)
             SELECT @P1, @P2, DATEADD(millisecond, @P3, SYSUTCDATETIME())
             WHERE NOT EXISTS (SELECT 1 FROM lease WHERE name = @P1)",
            &[&name, &owner, &ttl_ms],
        )
        .await;
    match made {
        Ok(made) => Ok(made > 0),
        Err(fault) if fault.is_duplicate() => Ok(false),
        Err(fault) => Err(fault),
    }
}

pub(super) async fn release(tx: &mut Tx, name: &str, owner: &str) -> Result<(), Fault> {
    tx.execute("DELETE FROM lease WHERE name = @P1 AND owner = @P2", &[&name, &owner]).await?;
    Ok(())
}

pub(super) async fn list(tx: &mut Tx) -> Result<Vec<Lease>, Fault> {
    let held = "SELECT name, owner, until FROM lease WHERE until > SYSUTCDATETIME()";
    let held = tx.rows(held, &[]).await?;
    let read = |found| {
        Ok(Lease {
            name: row::text(found, 0)?,
            owner: row::text(found, 1)?,
            until: row::time(found, 2)?,
        })
    };
    let mut held = held.iter().map(read).collect::<Result<Vec<_>, Fault>>()?;
    held.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(held)
}
