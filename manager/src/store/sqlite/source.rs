//! The embedded store as what is read when it moves elsewhere: all rows as they are, from one snapshot,
//! without changing the file.

use std::path::Path;

use bytes::Bytes;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};
use steading_protocol::Digest;

use super::{MIGRATIONS, module};
use crate::store::copy::{LEFT, TABLES, Table, Value};
use crate::store::{BoxError, NewModule};

type Result<T> = std::result::Result<T, BoxError>;

/// A store that nobody writes to.
pub(crate) struct Source(Connection);

impl Source {
    /// Opens a file as it is; one of another release is refused.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.pragma_update(None, "query_only", true)?;
        let version = migration(&connection)?;
        if version != MIGRATIONS.len() {
            let known = MIGRATIONS.len();
            return Err(format!(
                "it has migration {version} and this release {known}; \
                 start a manager of this release on it once"
            )
            .into());
        }
        connection.execute_batch("BEGIN")?;
        Ok(Self(connection))
    }

    /// All tables that travel.
    pub(crate) fn tables(&self) -> Result<Vec<Table>> {
        for name in names(&self.0)? {
            if !TABLES.contains(&&*name) && !LEFT.contains(&&*name) {
                return Err(format!("nobody has said whether the table `{name}` travels").into());
            }
        }
        TABLES.iter().map(|name| self.table(name)).collect()
    }

    fn table(&self, name: &'static str) -> Result<Table> {
        let mut columns = columns(&self.0, name)?;
        columns.retain(|column| (name, &**column) != ("module", "bytes"));
        let sql = format!("SELECT {} FROM {name}", columns.join(", "));
        let mut statement = self.0.prepare(&sql)?;
        let rows = statement.query_map([], |found| {
            let value = |index| {
                Ok(match found.get_ref(index)? {
                    ValueRef::Null => Value::Null,
                    ValueRef::Integer(number) => Value::Number(number),
                    ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
                    ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec()),
                    // No column holds fractions.
                    ValueRef::Real(_) => return found.get::<_, i64>(index).map(Value::Number),
                })
            };
            (0..columns.len()).map(value).collect()
        })?;
        let mut rows = rows.collect::<rusqlite::Result<Vec<Vec<Value>>>>()?;
        rows.sort();
        Ok(Table { name, columns, rows })
    }

    /// The digests of all modules.
    pub(crate) fn modules(&self) -> Result<Vec<Digest>> {
        let mut statement = self.0.prepare("SELECT digest FROM module ORDER BY digest")?;
        let digests = statement.query_map([], |found| super::row::parsed(found, 0))?;
        Ok(digests.collect::<rusqlite::Result<_>>()?)
    }

    /// A module with its bytes.
    pub(crate) fn module(&self, digest: &Digest) -> Result<NewModule> {
        let bytes: Option<Bytes> = module::get(&self.0, digest)?;
        let bytes = bytes.ok_or_else(|| format!("the module {digest} is gone"))?;
        Ok(NewModule { digest: digest.clone(), bytes })
    }
}

/// The migration that a file is at.
pub(super) fn migration(store: &Connection) -> rusqlite::Result<usize> {
    store.pragma_query_value(None, "user_version", |found| found.get(0))
}

fn names(store: &Connection) -> rusqlite::Result<Vec<String>> {
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
    store.prepare(sql)?.query_map([], |found| found.get(0))?.collect()
}

fn columns(store: &Connection, table: &str) -> rusqlite::Result<Vec<String>> {
    let sql = "SELECT name FROM pragma_table_info(?1) ORDER BY name";
    store.prepare(sql)?.query_map([table], |found| found.get(0))?.collect()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use rusqlite_migration::Migrations;

    use super::*;
    use crate::store::sqlserver;

    fn is_type(word: &str) -> bool {
        let types = ["nvarchar", "bigint", "bit", "datetime2", "varbinary"];
        types.iter().any(|known| word.starts_with(known))
    }

    /// Tables and their columns as T-SQL's migrations make them.
    fn tsql() -> BTreeMap<String, BTreeSet<String>> {
        let mut tables = BTreeMap::<_, BTreeSet<_>>::new();
        let mut table = String::new();
        for line in sqlserver::MIGRATIONS.iter().flat_map(|sql| sql.lines()) {
            let words: Vec<_> = line.split_whitespace().collect();
            match words[..] {
                ["CREATE", "TABLE", name, ..] => table = name.to_owned(),
                ["ALTER", "TABLE", name, "ADD", column, ..] => {
                    tables.entry(name.to_owned()).or_default().insert(column.to_owned());
                }
                [column, kind, ..] if line.starts_with("    ") && is_type(kind) => {
                    let column = column.trim_matches(['[', ']']).to_owned();
                    tables.entry(table.clone()).or_default().insert(column);
                }
                _ => {}
            }
        }
        tables
    }

    #[test]
    fn both_stores_have_the_same_tables_and_columns() {
        let mut store = Connection::open_in_memory().unwrap();
        Migrations::from_slice(MIGRATIONS).to_latest(&mut store).unwrap();
        let mut embedded = BTreeMap::new();
        for name in names(&store).unwrap() {
            let columns = columns(&store, &name).unwrap().into_iter();
            embedded.insert(name, columns.collect::<BTreeSet<_>>());
        }
        // Modules are in one piece here, and in parts there.
        embedded.get_mut("module").unwrap().remove("bytes");
        let mut other = tsql();
        let parts = other.remove("module_part").unwrap();
        assert_eq!(parts, ["bytes", "digest", "position"].map(str::to_owned).into());
        assert_eq!(embedded, other);
        let travel: BTreeSet<_> = TABLES.iter().chain(&LEFT).map(ToString::to_string).collect();
        assert_eq!(embedded.into_keys().collect::<BTreeSet<_>>(), travel);
    }
}
