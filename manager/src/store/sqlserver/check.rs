//! Looks at a store on SQL Server without changing it: tries what a manager needs in a transaction that
//! is never committed.

use std::sync::Arc;

use super::create::{self, NO_ENTRY, quoted};
use super::fault::Fault;
use super::lanes::{Again, Hold, Lanes, Limits, failed, transact};
use super::migrate::{self, MIGRATIONS};
use super::row;
use super::tx::Tx;
use super::{SqlServer, Target, lease};
use crate::store::Result;
use crate::store::check::Finding;

impl SqlServer {
    /// What there is to say of a server.
    pub(crate) async fn check(target: Target) -> Result<Vec<Finding>> {
        const OPERATION: &str = "store_check";
        enter(&target).await.map_err(failed(OPERATION))?;
        let lanes = Lanes::new(Arc::new(target.clone()), Limits::default());
        let call = lanes.call(OPERATION, Hold::Alone, Again::Never);
        let tried = call.in_time(Box::pin(async {
            let mut tx = call.begin().await?;
            rights(&mut tx).await.map_err(|fault| create::lacking(&target, fault))
            // Dropped here without a commit, so that the server undoes it.
        }));
        tried.await.map_err(failed(OPERATION))?;
        let mut findings = vec![
            Finding::new("server", target.server.clone()),
            Finding::new("database", target.database.clone()),
            Finding::new("login", target.login.clone()),
        ];
        findings.extend(transact!(lanes, OPERATION, Hold::Nothing, Again::Safe, |tx| look(tx))?);
        Ok(findings)
    }
}

async fn enter(target: &Target) -> std::result::Result<(), Fault> {
    match target.connect().await {
        Err(fault) if fault.code().is_some_and(|code| NO_ENTRY.contains(&code)) => {
            Err(Fault::Told(format!(
                "`{}` cannot enter the database `{}`; a manager makes it when it starts, where the \
                 login may; else an administrator can run: CREATE DATABASE {}; {}",
                target.login,
                target.database,
                quoted(&target.database),
                create::grants(target)
            )))
        }
        other => other.map(drop),
    }
}

/// Everything that migrations and methods do, with a table of its own.
async fn rights(tx: &mut Tx) -> std::result::Result<(), Fault> {
    let statements = [
        "CREATE TABLE steading_check (a bigint NOT NULL, CONSTRAINT steading_check_key PRIMARY KEY (a))",
        "CREATE TABLE steading_check_of (a bigint NOT NULL, CONSTRAINT steading_check_of_key \
         FOREIGN KEY (a) REFERENCES steading_check (a))",
        "ALTER TABLE steading_check ADD b bigint NULL",
        "INSERT INTO steading_check (a) VALUES (1)",
        "UPDATE TOP (1) steading_check SET a = 2 OUTPUT inserted.a WHERE a = 1",
        "DELETE FROM steading_check",
    ];
    for sql in statements {
        tx.batch(sql).await?;
    }
    Ok(())
}

async fn look(tx: &mut Tx) -> std::result::Result<Vec<Finding>, Fault> {
    let version = tx.row("SELECT CAST(@@VERSION AS nvarchar(300))", &[]).await?;
    let version = version.as_ref().map_or(Ok(String::new()), |found| row::text(found, 0))?;
    let ahead = lease::clock(tx).await?.duration_since(crate::clock::now());
    let newest = migrate::newest(tx).await?;
    let mut findings = vec![
        Finding::new("release", version.lines().next().unwrap_or_default().trim()),
        Finding::new("rights", "enough: tables were made, changed and undone"),
        Finding::clock(ahead.as_secs()),
        Finding::migrations(newest, MIGRATIONS.len()),
    ];
    if newest > 0 {
        for table in ["app", "worker", "module"] {
            let found = tx.row(&format!("SELECT COUNT_BIG(*) FROM {table}"), &[]).await?;
            let rows: u64 = found.as_ref().map_or(Ok(0), |found| row::number(found, 0))?;
            findings.push(Finding::new(table, rows.to_string()));
        }
    }
    Ok(findings)
}
