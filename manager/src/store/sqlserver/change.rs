//! The number that grows with every change that another manager has to hear of.

use super::fault::Fault;
use super::row;
use super::tx::Tx;

pub(super) async fn get(tx: &mut Tx) -> Result<u64, Fault> {
    let found = tx.row("SELECT number FROM change", &[]).await?;
    found.as_ref().map_or(Ok(0), |found| row::number(found, 0))
}

/// Counts a change of apps or generations, in the transaction that makes it.
pub(super) async fn note(tx: &mut Tx) -> Result<(), Fault> {
    tx.execute("UPDATE change SET number = number + 1", &[]).await?;
    Ok(())
}
