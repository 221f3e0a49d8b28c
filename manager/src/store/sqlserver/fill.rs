//! The store on SQL Server as what is filled when an installation moves here: whole tables in, whole
//! tables out to be compared. Column types are asked of the server.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use steading_protocol::Digest;
use tiberius::{Row, ToSql};

use super::create::quoted;
use super::fault::Fault;
use super::lanes::{Again, Hold, Lanes, Limits, transact};
use super::row::{self, Moment};
use super::tx::Tx;
use super::{SqlServer, module};
use crate::store::copy::{TABLES, Table, Value};
use crate::store::{NewModule, Result, StoreError};

/// How long one step of moving may take: nobody waits for anything else meanwhile.
const LIMITS: Limits =
    Limits { call: Duration::from_secs(6 * 3600), lane: Duration::from_secs(10) };

const OPERATION: &str = "store_copy";

impl SqlServer {
    /// The lanes with time enough for whole tables.
    fn patient(&self) -> Lanes {
        Lanes::new(self.target.clone(), LIMITS)
    }

    /// Refuses a store that has something in it.
    pub(crate) async fn assert_empty(&self) -> Result<()> {
        let lanes = self.patient();
        transact!(lanes, OPERATION, Hold::Shared, Again::Safe, |tx| empty(tx))
    }

    /// Sends the bytes of a module ahead of the tables.
    pub(crate) async fn keep_module(&self, module: NewModule) -> Result<()> {
        module::send(&self.lanes, OPERATION, &module).await
    }

    /// Writes all tables, or nothing.
    pub(crate) async fn fill(&self, tables: &[Table]) -> Result<()> {
        let lanes = self.patient();
        transact!(lanes, OPERATION, Hold::Alone, Again::Never, |tx| fill(tx, tables))
    }

    /// A whole table, in the order of its values.
    pub(crate) async fn table(&self, name: &'static str, columns: &[String]) -> Result<Table> {
        let lanes = self.patient();
        let rows =
            transact!(lanes, OPERATION, Hold::Nothing, Again::Safe, |tx| rows(tx, name, columns))?;
        Ok(Table { name, columns: columns.to_vec(), rows })
    }

    /// The bytes of a module.
    pub(crate) async fn module(&self, digest: &Digest) -> Result<Bytes> {
        let bytes = module::get(&self.lanes, OPERATION, digest).await?;
        let gone = || Fault::Told(format!("the module {digest} is not there"));
        bytes.ok_or_else(|| -> StoreError { gone().into_error(OPERATION) })
    }
}

async fn empty(tx: &mut Tx) -> std::result::Result<(), Fault> {
    for table in TABLES {
        let found = tx.row(&format!("SELECT COUNT_BIG(*) FROM {}", quoted(table)), &[]).await?;
        let rows: u64 = found.as_ref().map_or(Ok(0), |found| row::number(found, 0))?;
        if rows > 0 {
            let message = format!("the store is not empty: `{table}` has {rows} rows");
            return Err(Fault::Told(message));
        }
    }
    Ok(())
}

async fn fill(tx: &mut Tx, tables: &[Table]) -> std::result::Result<(), Fault> {
    empty(tx).await?;
    for table in tables {
        let types = types(tx, table.name).await?;
        for values in &table.rows {
            insert(tx, table, &types, values).await?;
        }
    }
    Ok(())
}

/// The type of each column.
async fn types(tx: &mut Tx, table: &str) -> std::result::Result<HashMap<String, String>, Fault> {
    let sql = "SELECT CAST(COLUMN_NAME AS nvarchar(128)), CAST(DATA_TYPE AS nvarchar(128))
        FROM INFORMATION_SCHEMA.COLUMNS WHERE TABLE_NAME = @P1";
    let found = tx.rows(sql, &[&table]).await?;
    found.iter().map(|found| Ok((row::text(found, 0)?, row::text(found, 1)?))).collect()
}

async fn insert(
    tx: &mut Tx,
    table: &Table,
    types: &HashMap<String, String>,
    values: &[Value],
) -> std::result::Result<(), Fault> {
    let (mut places, mut params) = (vec![], Vec::<Box<dyn ToSql>>::new());
    for (column, value) in table.columns.iter().zip(values) {
        match param(value, types.get(column).map_or("", String::as_str))? {
            None => places.push("NULL".to_owned()),
            Some(param) => {
                params.push(param);
                places.push(format!("@P{}", params.len()));
            }
        }
    }
    let columns = table.columns.iter().map(|column| quoted(column)).collect::<Vec<_>>().join(", ");
    let sql =
        format!("INSERT INTO {} ({columns}) VALUES ({})", quoted(table.name), places.join(", "));
    let params: Vec<&dyn ToSql> = params.iter().map(|param| &**param).collect();
    tx.execute(&sql, &params).await?;
    Ok(())
}

fn param(value: &Value, kind: &str) -> std::result::Result<Option<Box<dyn ToSql>>, Fault> {
    Ok(Some(match (value, kind) {
        (Value::Null, _) => return Ok(None),
        (Value::Number(number), "bigint") => Box::new(*number),
        (Value::Number(number), "bit") => Box::new(*number != 0),
        (Value::Number(us), "datetime2") => {
            Box::new(Moment(jiff::Timestamp::from_microsecond(*us).map_err(row::unfit)?))
        }
        (Value::Text(text), "nvarchar") => Box::new(text.clone()),
        (Value::Bytes(bytes), "varbinary") => Box::new(bytes.clone()),
        (value, kind) => return Err(row::unfit(format!("{value:?} does not fit a `{kind}`"))),
    }))
}

async fn rows(
    tx: &mut Tx,
    name: &str,
    columns: &[String],
) -> std::result::Result<Vec<Vec<Value>>, Fault> {
    let types = types(tx, name).await?;
    let list = columns.iter().map(|column| quoted(column)).collect::<Vec<_>>().join(", ");
    let found = tx.rows(&format!("SELECT {list} FROM {}", quoted(name)), &[]).await?;
    let kinds: Vec<&str> =
        columns.iter().map(|column| types.get(column).map_or("", String::as_str)).collect();
    let read = |found: &Row| {
        kinds.iter().enumerate().map(|(index, kind)| value(found, index, kind)).collect()
    };
    let mut rows = found.iter().map(read).collect::<std::result::Result<Vec<_>, Fault>>()?;
    rows.sort();
    Ok(rows)
}

fn value(found: &Row, index: usize, kind: &str) -> std::result::Result<Value, Fault> {
    let value = match kind {
        "bigint" => found.try_get::<i64, _>(index)?.map(Value::Number),
        "bit" => found.try_get::<bool, _>(index)?.map(|flag| Value::Number(flag.into())),
        "nvarchar" => row::optional_text(found, index)?.map(Value::Text),
        "varbinary" => found.try_get::<&[u8], _>(index)?.map(|bytes| Value::Bytes(bytes.to_vec())),
        // No time may be absent.
        "datetime2" => Some(Value::Number(row::time(found, index)?.as_microsecond())),
        other => return Err(row::unfit(format!("a column of the type `{other}`"))),
    };
    Ok(value.unwrap_or(Value::Null))
}
