//! A connection while a call has it: statements, and the transaction around them.
//!
//! One invariant: a connection goes back to the pool only when its transaction has ended and every
//! reply was read to its end; any other is closed, which makes the server undo what it did.

use deadpool::managed::Object;
use tiberius::{Row, ToSql};

use super::connector::Connector;
use super::fault::Fault;
use super::lanes::Hold;

// The driver's futures are large and stand on the heap here, once for all that holds them.

/// What a statement gets.
pub(super) type Params<'a> = &'a [&'a dyn ToSql];

/// The writer lane: whoever runs a plan or changes what one reads holds it.
const LANE: &str = "steading";

/// A connection in use.
pub(super) struct Tx {
    /// There until this is dropped.
    connection: Option<Object<Connector>>,
    /// Whether a transaction has been begun.
    began: bool,
    /// Whether the connection may go back.
    ended: bool,
}

impl Tx {
    /// Begins what `hold` says on a connection.
    pub(super) async fn begin(
        connection: Object<Connector>,
        hold: Hold,
        wait_ms: u64,
    ) -> Result<Self, Fault> {
        let mut tx = Self { connection: Some(connection), began: false, ended: false };
        let mode = match hold {
            Hold::Nothing => return Ok(tx),
            Hold::Own => None,
            Hold::Shared => Some("Shared"),
            Hold::Alone => Some("Exclusive"),
        };
        tx.began = true;
        tx.batch("BEGIN TRANSACTION").await?;
        if let Some(mode) = mode {
            tx.take_lock(LANE, mode, "Transaction", wait_ms).await?;
        }
        Ok(tx)
    }

    /// Takes a named lock of the database; any negative answer means that it is not ours.
    pub(super) async fn take_lock(
        &mut self,
        name: &str,
        mode: &str,
        owner: &str,
        wait_ms: u64,
    ) -> Result<(), Fault> {
        let sql = format!(
            "DECLARE @got int;
             EXEC @got = sp_getapplock @Resource = N'{name}', @LockMode = N'{mode}',
               @LockOwner = N'{owner}', @LockTimeout = {wait_ms};
             SELECT @got;"
        );
        let asked = async { self.link().simple_query(sql).await?.into_first_result().await };
        let rows = Box::pin(asked).await?;
        let got = rows.first().map(|row| row.try_get::<i32, _>(0)).transpose()?.flatten();
        match got {
            Some(0..) => Ok(()),
            Some(refused) => Err(Fault::LaneHeld(refused)),
            None => Err(Fault::Told("sp_getapplock gave no answer".into())),
        }
    }

    /// Runs a statement; returns how many rows it touched.
    pub(super) async fn execute(&mut self, sql: &str, params: Params<'_>) -> Result<u64, Fault> {
        Ok(Box::pin(self.link().execute(sql, params)).await?.total())
    }

    /// Runs a statement; returns its rows.
    pub(super) async fn rows(&mut self, sql: &str, params: Params<'_>) -> Result<Vec<Row>, Fault> {
        let rows = async { self.link().query(sql, params).await?.into_first_result().await };
        Ok(Box::pin(rows).await?)
    }

    /// Runs a statement; returns its first row.
    pub(super) async fn row(
        &mut self,
        sql: &str,
        params: Params<'_>,
    ) -> Result<Option<Row>, Fault> {
        Ok(self.rows(sql, params).await?.into_iter().next())
    }

    /// Runs statements that take nothing and give nothing.
    pub(super) async fn batch(&mut self, sql: &str) -> Result<(), Fault> {
        let run = async { self.link().simple_query(sql).await?.into_results().await };
        Box::pin(run).await?;
        Ok(())
    }

    /// Ends well: commits, and gives the connection back.
    pub(super) async fn commit(mut self) -> Result<(), Fault> {
        if self.began {
            let told = self.batch("COMMIT TRANSACTION").await;
            told.map_err(|fault| match fault {
                // An error that the server itself reports is an answer: it has not committed.
                Fault::Statement(error) if error.code().is_none() => Fault::Unsure(error),
                fault => fault,
            })?;
        }
        self.ended = true;
        Ok(())
    }

    fn link(&mut self) -> &mut super::target::Link {
        &mut self.connection.as_mut().expect("it is there until this is dropped").link
    }
}

impl Drop for Tx {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take()
            && !self.ended
        {
            drop(Object::take(connection));
        }
    }
}
