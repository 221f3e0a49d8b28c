//! Looks at an embedded store without changing it.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::MIGRATIONS;
use super::source::migration;
use crate::store::BoxError;
use crate::store::check::Finding;

/// What there is to say of a file.
pub(crate) fn check(path: &Path) -> Result<Vec<Finding>, BoxError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let store = Connection::open_with_flags(path, flags)?;
    store.pragma_update(None, "query_only", true)?;
    let sound: String = store.pragma_query_value(None, "quick_check", |found| found.get(0))?;
    if sound != "ok" {
        return Err(format!("the file is damaged: {sound}").into());
    }
    let newest = migration(&store)?;
    let mut findings = vec![
        Finding::new("file", path.display().to_string()),
        Finding::new("bytes", std::fs::metadata(path)?.len().to_string()),
        Finding::new("content", "sound"),
        Finding::migrations(newest, MIGRATIONS.len()),
    ];
    if newest > 0 {
        for table in ["app", "worker", "module"] {
            let sql = format!("SELECT COUNT(*) FROM {table}");
            let rows: u64 = store.query_row(&sql, [], |found| found.get(0))?;
            findings.push(Finding::new(table, rows.to_string()));
        }
    }
    Ok(findings)
}
