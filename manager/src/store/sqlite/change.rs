//! The number that grows with every change that another manager has to hear of.

use rusqlite::Connection;

pub(super) fn get(store: &Connection) -> rusqlite::Result<u64> {
    store.query_row("SELECT number FROM change", [], |found| found.get(0))
}

/// Counts a change of apps or generations, in the transaction that makes it.
pub(super) fn note(store: &Connection) -> rusqlite::Result<()> {
    store.prepare_cached("UPDATE change SET number = number + 1")?.execute([])?;
    Ok(())
}
