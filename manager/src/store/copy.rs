//! Moves an installation from the embedded store to a SQL Server that has none yet.
//!
//! Both sides have the same tables with the same columns, so rows travel as they are, and whoever adds
//! a table says here whether it travels. Bytes of modules go by digest. One invariant: the target is
//! filled in one transaction, and what is told as copied was read back and compared.

use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use steading_protocol::Digest;

use super::sqlite::{self, Source};
use super::{BoxError, SqlServer};
use crate::{Config, data_dir};

/// The tables that travel, each after those that it refers to.
pub(crate) const TABLES: [&str; 15] = [
    "app",
    "app_number",
    "version",
    "app_host",
    "module",
    "version_module",
    "worker",
    "worker_module",
    "placement",
    "session",
    "token",
    "setting",
    "app_setting",
    "kv_store",
    "kv_entry",
];

/// The tables that stay: what is in them is true of one running manager only.
pub(crate) const LEFT: [&str; 2] = ["lease", "change"];

/// A value of a row; times are microseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Value {
    Null,
    Number(i64),
    Text(String),
    Bytes(Vec<u8>),
}

/// A table with all rows, in the order of their values. Of modules without the bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Table {
    pub(crate) name: &'static str,
    pub(crate) columns: Vec<String>,
    pub(crate) rows: Vec<Vec<Value>>,
}

/// How many rows of a table were copied, and compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    /// The table.
    pub table: String,
    /// Its rows.
    pub rows: usize,
}

/// A copy, or a check, that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum StoreToolError {
    /// There is no such file.
    #[error("there is no store at {}", .0.display())]
    Absent(PathBuf),
    /// A manager runs on the source.
    #[error("the manager has to be stopped first")]
    Running(#[source] data_dir::DataDirError),
    /// What comes out is not what went in.
    #[error("`{0}` is not the same on both sides")]
    Differs(String),
    /// A store that cannot be read or written, or is not as it should be.
    #[error("{doing}")]
    Failed {
        /// What was tried.
        doing: String,
        /// What stood in the way.
        source: BoxError,
    },
}

impl StoreToolError {
    pub(crate) fn failed(doing: impl Into<String>) -> impl FnOnce(BoxError) -> Self {
        let doing = doing.into();
        move |source| Self::Failed { doing, source }
    }
}

/// Copies everything from an embedded store, a file or the folder of one, to the SQL Server of a
/// configuration, and compares it.
pub async fn store_copy(config: &Config, from: &Path) -> Result<Vec<Copied>, StoreToolError> {
    let path = sqlite::file(from);
    if !path.is_file() {
        return Err(StoreToolError::Absent(path));
    }
    // A manager that runs would go on writing to the old store.
    let folder = path.parent().unwrap_or(Path::new("."));
    let _held = data_dir::open(folder).map_err(StoreToolError::Running)?;
    let reading = StoreToolError::failed(format!("cannot read {}", path.display()));
    let (source, tables) = read(&path).map_err(reading)?;
    let target = fill(config, &source, &tables)
        .await
        .map_err(StoreToolError::failed("cannot fill the SQL Server"))?;
    let compared = differing(&target, &tables, &source).await;
    match compared.map_err(StoreToolError::failed("cannot read back what was copied"))? {
        Some(what) => Err(StoreToolError::Differs(what)),
        None => {
            let copied =
                |table: &Table| Copied { table: table.name.into(), rows: table.rows.len() };
            Ok(tables.iter().map(copied).collect())
        }
    }
}

fn read(path: &Path) -> Result<(Source, Vec<Table>), BoxError> {
    let source = Source::open(path)?;
    let tables = source.tables()?;
    Ok((source, tables))
}

async fn fill(config: &Config, source: &Source, tables: &[Table]) -> Result<SqlServer, BoxError> {
    let target = SqlServer::open(super::target(config)?).await?;
    target.assert_empty().await?;
    for digest in source.modules()? {
        target.keep_module(source.module(&digest)?).await?;
    }
    target.fill(tables).await?;
    Ok(target)
}

/// What is not the same on both sides.
async fn differing(
    target: &SqlServer,
    tables: &[Table],
    source: &Source,
) -> Result<Option<String>, BoxError> {
    for table in tables {
        if target.table(table.name, &table.columns).await? != *table {
            return Ok(Some(table.name.to_owned()));
        }
    }
    for digest in source.modules()? {
        let bytes = target.module(&digest).await?;
        if Digest::from_bytes(Sha256::digest(&bytes).into()) != digest {
            return Ok(Some(format!("module {digest}")));
        }
    }
    Ok(None)
}
