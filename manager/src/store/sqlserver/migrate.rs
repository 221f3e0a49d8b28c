//! Brings the tables up to date: numbered files, each applied once, in one transaction with the record
//! that it was. Whoever is stopped in the middle leaves nothing behind, and whoever comes second waits
//! for a lock of the session and then finds everything done.
//!
//! In the files a line `GO` ends a batch, where a statement uses a column that an earlier one adds.

use std::time::Duration;

use super::fault::Fault;
use super::lanes::{Again, Hold, Lanes, Limits, transact};
use super::tx::Tx;
use super::{Target, create, row};
use crate::store::Result;

/// In order; one that was released is never changed, only followed by another.
pub(crate) const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_start.sql"),
    include_str!("migrations/0002_grants_settings_kv.sql"),
];

/// The lock of whoever migrates.
const LOCK: &str = "steading-migrate";

/// How long another manager may take for its migrations, and how long ours may take with that.
pub(super) const LIMITS: Limits =
    Limits { call: Duration::from_secs(900), lane: Duration::from_secs(600) };

/// Applies what is missing; returns how many that were.
pub(super) async fn run(lanes: &Lanes, target: &Target) -> Result<usize> {
    transact!(lanes, "migrate", Hold::Nothing, Again::Safe, |tx| async {
        missing(tx).await.map_err(|fault| create::lacking(target, fault))
    })
}

/// The number of the newest migration that a database has; 0 for an empty one.
pub(super) async fn newest(tx: &mut Tx) -> std::result::Result<usize, Fault> {
    let sql = "SELECT COUNT_BIG(*) FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_NAME = @P1";
    let found = tx.row(sql, &[&"steading_migration"]).await?;
    if found.as_ref().map_or(Ok(0), |found| row::number::<u64>(found, 0))? == 0 {
        return Ok(0);
    }
    let found = tx.row("SELECT MAX(number) FROM steading_migration", &[]).await?;
    let newest = found.map(|found| found.try_get::<i64, _>(0)).transpose()?.flatten();
    usize::try_from(newest.unwrap_or(0)).map_err(row::unfit)
}

async fn missing(tx: &mut Tx) -> std::result::Result<usize, Fault> {
    let wait_ms = u64::try_from(LIMITS.lane.as_millis()).unwrap_or(u64::MAX);
    tx.take_lock(LOCK, "Exclusive", "Session", wait_ms).await?;
    let newest = newest(tx).await?;
    if newest > MIGRATIONS.len() {
        let message = format!(
            "the database has migration {newest} and this release knows {}; run a newer release",
            MIGRATIONS.len()
        );
        return Err(Fault::Told(message));
    }
    if newest == 0 {
        tx.batch(
            "IF NOT EXISTS
               (SELECT 1 FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_NAME = N'steading_migration')
             CREATE TABLE steading_migration (
               number     bigint NOT NULL,
               applied_at datetime2(6) NOT NULL,
               CONSTRAINT steading_migration_key PRIMARY KEY (number)
             )",
        )
        .await?;
    }
    for (number, sql) in (1_i64..).zip(MIGRATIONS).skip(newest) {
        apply(tx, number, sql).await?;
        tracing::info!(migration = number, "the store's tables are brought up to date");
    }
    let sql = format!("EXEC sp_releaseapplock @Resource = N'{LOCK}', @LockOwner = N'Session'");
    tx.batch(&sql).await?;
    Ok(MIGRATIONS.len() - newest)
}

async fn apply(tx: &mut Tx, number: i64, sql: &str) -> std::result::Result<(), Fault> {
    tx.batch("BEGIN TRANSACTION").await?;
    for batch in batches(sql) {
        tx.batch(&batch).await?;
    }
    let record =
        "INSERT INTO steading_migration (number, applied_at) VALUES (@P1, SYSUTCDATETIME())";
    tx.execute(record, &[&number]).await?;
    tx.batch("COMMIT TRANSACTION").await
}

/// The batches of a file.
pub(super) fn batches(sql: &str) -> Vec<String> {
    let mut batches = vec![String::new()];
    for line in sql.lines() {
        if line.trim() == "GO" {
            batches.push(String::new());
        } else if let Some(batch) = batches.last_mut() {
            batch.push_str(line);
            batch.push('\n');
        }
    }
    batches.retain(|batch| !batch.trim().is_empty());
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_go_ends_a_batch() {
        assert_eq!(batches("a\nb\nGO\n\nGO\nc GO\n"), ["a\nb\n", "c GO\n"]);
    }

    /// The files of this folder, without comments and tests.
    fn sources() -> Vec<String> {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/store/sqlserver");
        let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
        let code = |path: &std::path::Path| {
            let text = std::fs::read_to_string(path).unwrap();
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
            code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<String>()
        };
        files.filter(|path| path.is_file()).map(|path| code(&path)).collect()
    }

    /// What the issue of this store rules out, because not every TDS server has it.
    #[test]
    fn the_statements_stay_within_what_any_server_runs() {
        let sources = sources();
        assert!(sources.len() > 20 && sources.iter().any(|text| text.contains("FROM kv_entry")));
        for text in sources.iter().map(String::as_str).chain(MIGRATIONS.iter().copied()) {
            for word in [
                "MERGE ",
                "CREATE OR ALTER",
                ".WRITE",
                "WITH (",
                "rowversion",
                " INDEX ix",
                "NOLOCK",
            ] {
                assert!(!text.contains(word), "{word}: {text}");
            }
        }
        let tables = MIGRATIONS.iter().flat_map(|sql| sql.split("CREATE TABLE ").skip(1));
        for table in tables {
            let columns = table.split(");").next().unwrap_or_default();
            assert!(!columns.contains("INDEX"), "an index inside: {columns}");
            assert!(!columns.contains(" varchar"), "text is nvarchar: {columns}");
        }
    }
}
