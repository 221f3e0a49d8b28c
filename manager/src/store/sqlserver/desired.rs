//! Desired states: generations, and the whole document that a worker pulls.

use std::collections::HashMap;

use steading_protocol::desired::{DesiredApp, DesiredState, ModuleRef};
use steading_protocol::{AppName, Generation, VersionNumber, WorkerId};
use tiberius::Row;

use super::fault::Fault;
use super::row;
use super::tx::Tx;
use super::{app_setting, change};
use crate::store::app_data::granted;

pub(super) async fn generation(
    tx: &mut Tx,
    worker: &WorkerId,
) -> Result<Option<Generation>, Fault> {
    let sql = "SELECT generation FROM worker WHERE worker = @P1";
    let found = tx.row(sql, &[&worker.as_str()]).await?;
    found.as_ref().map(|found| row::number(found, 0).map(Generation)).transpose()
}

pub(super) async fn raise(tx: &mut Tx, worker: &WorkerId, above: Generation) -> Result<(), Fault> {
    let sql = "UPDATE worker SET generation = @P2 + 1 WHERE worker = @P1 AND generation <= @P2";
    let raised = tx.execute(sql, &[&worker.as_str(), &row::to_number(above.0)?]).await?;
    if raised > 0 { change::note(tx).await } else { Ok(()) }
}

/// The whole document, from five reads that have to agree.
pub(super) async fn get(
    tx: &mut Tx,
    worker: &WorkerId,
    held: u32,
) -> Result<Option<DesiredState>, Fault> {
    let Some(generation) = generation(tx, worker).await? else { return Ok(None) };
    let mut modules = modules(tx, worker).await?;
    let settings = app_setting::of_worker(tx, worker).await?;
    let found = tx
        .rows(
            "SELECT v.app, v.version, p.[percent], v.hosts, v.functions, v.limits, v.grants
             FROM placement p
             JOIN version v ON v.app = p.app AND v.version = p.version
             WHERE p.worker = @P1 AND p.position IS NOT NULL ORDER BY p.position",
            &[&worker.as_str()],
        )
        .await?;
    let apps = found.iter().map(|found| {
        let of = (row::parsed(found, 0)?, row::version(found, 1)?);
        let modules = modules.remove(&of).unwrap_or_default();
        let (app, version) = of;
        let grants = row::json(found, 6)?;
        Ok(DesiredApp {
            settings: granted(&app, &grants, &settings),
            app,
            version,
            percent: row::number(found, 2)?,
            hosts: row::json(found, 3)?,
            modules,
            functions: row::json(found, 4)?,
            limits: row::json(found, 5)?,
            grants,
        })
    });
    let apps = apps.collect::<Result<_, Fault>>()?;
    Ok(Some(DesiredState { generation, apps, hold: hold(tx, worker, held).await? }))
}

/// The modules of what is wanted of a worker, by app and version.
async fn modules(
    tx: &mut Tx,
    worker: &WorkerId,
) -> Result<HashMap<(AppName, VersionNumber), Vec<ModuleRef>>, Fault> {
    let sql = "SELECT m.digest, m.size_bytes, p.app, p.version FROM placement p
        JOIN version_module v ON v.app = p.app AND v.version = p.version
        JOIN module m ON m.digest = v.digest
        WHERE p.worker = @P1 AND p.position IS NOT NULL ORDER BY p.app, p.version, v.position";
    let mut modules = HashMap::<_, Vec<_>>::new();
    for found in tx.rows(sql, &[&worker.as_str()]).await? {
        let of = (row::parsed(&found, 2)?, row::version(&found, 3)?);
        modules.entry(of).or_default().push(module(&found)?);
    }
    Ok(modules)
}

/// The modules of the newest versions of what a worker serves, beyond those that it needs now.
async fn hold(tx: &mut Tx, worker: &WorkerId, held: u32) -> Result<Vec<ModuleRef>, Fault> {
    let sql = "SELECT DISTINCT m.digest, m.size_bytes FROM
          (SELECT app, version, ROW_NUMBER() OVER (PARTITION BY app ORDER BY version DESC) AS place
           FROM version WHERE app IN
             (SELECT app FROM placement WHERE worker = @P1 AND position IS NOT NULL)) n
        JOIN version_module v ON v.app = n.app AND v.version = n.version
        JOIN module m ON m.digest = v.digest
        WHERE n.place <= @P2 AND NOT EXISTS
          (SELECT 1 FROM placement w
           JOIN version_module u ON u.app = w.app AND u.version = w.version
           WHERE w.worker = @P1 AND w.position IS NOT NULL AND u.digest = v.digest)";
    let found = tx.rows(sql, &[&worker.as_str(), &i64::from(held)]).await?;
    let mut held = found.iter().map(module).collect::<Result<Vec<_>, _>>()?;
    held.sort_by(|a, b| a.digest.cmp(&b.digest));
    Ok(held)
}

/// A module of a row of digest, size.
fn module(found: &Row) -> Result<ModuleRef, Fault> {
    Ok(ModuleRef { digest: row::parsed(found, 0)?, size_bytes: row::number(found, 1)? })
}
