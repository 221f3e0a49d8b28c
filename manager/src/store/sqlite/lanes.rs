//! The connections of the embedded store: one that writes, a few that read, all used on blocking
//! threads. Knows transactions and errors, no tables.
//!
//! One invariant: a closure that returns an error, panics or is never awaited to its end leaves no
//! transaction open; what it had written is rolled back.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior, ffi};
use tokio::sync::Semaphore;

use crate::store::{Result, StoreError};

/// Readers at once. SQLite's readers do not wait for the writer, and the reads are short.
const READERS: usize = 4;

/// How long a statement waits for a lock that another process holds, such as a backup.
const BUSY_TIME_MAX: Duration = Duration::from_secs(5);

/// What an acknowledged write has to survive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Durability {
    /// The loss of power.
    Full,
    /// The end of this process.
    Relaxed,
}

/// All connections.
#[derive(Clone, Debug)]
pub(super) struct Lanes {
    writer: Lane,
    readers: Lane,
}

impl Lanes {
    /// Over an open writer; opens the readers.
    pub(super) fn new(path: &Path, writer: Connection) -> rusqlite::Result<Self> {
        let readers = (0..READERS).map(|_| connect(path)).collect::<rusqlite::Result<Vec<_>>>()?;
        Ok(Self { writer: Lane::new(vec![writer]), readers: Lane::new(readers) })
    }

    /// Reads from one consistent snapshot.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        operation: &'static str,
        read: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        let work = move |connection: &mut Connection| read(&connection.transaction()?);
        self.readers.run(operation, work).await
    }

    /// Writes in one transaction that is on disk when this returns.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        operation: &'static str,
        write: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        let work =
            move |connection: &mut Connection| committed(connection, Durability::Full, write);
        self.writer.run(operation, work).await
    }

    /// Writes in one transaction that a loss of power may undo.
    pub(super) async fn write_relaxed<T: Send + 'static>(
        &self,
        operation: &'static str,
        write: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        let work =
            move |connection: &mut Connection| committed(connection, Durability::Relaxed, write);
        self.writer.run(operation, work).await
    }
}

/// Opens one connection with the settings that every one has.
pub(super) fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY_TIME_MAX)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    set_durability(&connection, Durability::Full)?;
    Ok(connection)
}

fn set_durability(connection: &Connection, durability: Durability) -> rusqlite::Result<()> {
    let level = match durability {
        Durability::Full => "full",
        Durability::Relaxed => "normal",
    };
    connection.pragma_update(None, "synchronous", level)
}

/// Sets the durability anew each time: an earlier write may have ended by a panic.
fn committed<T>(
    connection: &mut Connection,
    durability: Durability,
    write: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    set_durability(connection, durability)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let result = write(&transaction)?;
    transaction.commit()?;
    Ok(result)
}

/// Connections of one kind, with a permit for each.
#[derive(Clone, Debug)]
struct Lane {
    free: Arc<Mutex<Vec<Connection>>>,
    permits: Arc<Semaphore>,
}

impl Lane {
    fn new(connections: Vec<Connection>) -> Self {
        let permits = Arc::new(Semaphore::new(connections.len()));
        Self { free: Arc::new(Mutex::new(connections)), permits }
    }

    /// Runs work on a blocking thread. It ends even when the caller goes away meanwhile.
    async fn run<T: Send + 'static>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        let failed = |source| StoreError::Failed { operation, source };
        let permits = Arc::clone(&self.permits);
        let permit = permits.acquire_owned().await.map_err(|closed| failed(closed.into()))?;
        let free = Arc::clone(&self.free);
        let task = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let mut taken = Taken::from(free);
            work(taken.connection())
        });
        let result = task.await.map_err(|panicked| failed(panicked.into()))?;
        result.map_err(|error| store_error(operation, error))
    }
}

/// A connection taken from its lane; goes back when dropped, also by a panic.
struct Taken {
    connection: Option<Connection>,
    lane: Arc<Mutex<Vec<Connection>>>,
}

impl Taken {
    fn from(lane: Arc<Mutex<Vec<Connection>>>) -> Self {
        let connection = lane.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Self { connection, lane }
    }

    fn connection(&mut self) -> &mut Connection {
        self.connection.as_mut().expect("whoever holds a permit finds a free connection")
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.lane.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        }
    }
}

/// Tells a full disk, and a file that another process holds, from other failures. On some paths SQLite reports the full disk as a failed
/// write of its own files.
pub(super) fn store_error(operation: &'static str, error: rusqlite::Error) -> StoreError {
    let full = error.sqlite_error().is_some_and(|sqlite| {
        sqlite.code == ErrorCode::DiskFull
            || matches!(
                sqlite.extended_code,
                ffi::SQLITE_IOERR_WRITE
                    | ffi::SQLITE_IOERR_FSYNC
                    | ffi::SQLITE_IOERR_TRUNCATE
                    | ffi::SQLITE_IOERR_SHMSIZE
            )
    });
    let busy = error.sqlite_error().is_some_and(|sqlite| {
        matches!(sqlite.code, ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
    });
    let source = Box::new(error);
    if full {
        StoreError::Full { operation, source }
    } else if busy {
        StoreError::Unreachable { operation, source }
    } else {
        StoreError::Failed { operation, source }
    }
}
