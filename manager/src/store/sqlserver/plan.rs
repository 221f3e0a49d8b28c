//! Applying a plan: what a plan is made from, read whole in a few statements, and what it decides,
//! written. Only in the writer lane.

use std::collections::{HashMap, HashSet};
use std::panic::catch_unwind;

use jiff::Timestamp;
use steading_protocol::api::WorkerState;
use steading_protocol::{
    AppName, Availability, Digest, FunctionSpec, PlacementRules, VersionNumber, WorkerId,
};

use super::fault::Fault;
use super::row;
use super::tx::Tx;
use super::{app, change, rollout, wanted};
use crate::schedule::{LiveWorker, PlanFn, PlannedApp, PlannedVersion, Snapshot, WorkerPlacement};
use crate::store::Planned;

/// Applies a plan to what is there now.
pub(super) async fn apply(tx: &mut Tx, plan: PlanFn, now: Timestamp) -> Result<Planned, Fault> {
    let snapshot = snapshot(tx).await?;
    let plan = catch_unwind(|| plan(&snapshot)).map_err(|_| Fault::Plan)?;
    for app in &plan.apps {
        rollout::set(tx, &app.app, app.version, app.rollout.as_ref()).await?;
    }
    let mut workers = vec![];
    for assignment in plan.assignments {
        wanted::want(tx, &assignment.worker, &assignment.wanted, now).await?;
        let sql = "UPDATE worker SET generation = generation + 1 WHERE worker = @P1";
        tx.execute(sql, &[&assignment.worker.as_str()]).await?;
        workers.push(assignment.worker);
    }
    if !workers.is_empty() {
        change::note(tx).await?;
    }
    Ok(Planned { workers, change: change::get(tx).await? })
}

async fn snapshot(tx: &mut Tx) -> Result<Snapshot, Fault> {
    let apps = apps(tx).await?;
    let mut placements = placements(tx).await?;
    let mut modules = modules(tx).await?;
    let sql = "SELECT worker, name, labels, capacity, availability FROM worker WHERE state = @P1";
    let found = tx.rows(sql, &[&WorkerState::Live.as_str()]).await?;
    let workers = found.iter().map(|found| {
        let worker: WorkerId = row::parsed(found, 0)?;
        let availability: Availability = row::json(found, 4)?;
        Ok(LiveWorker {
            placements: placements.remove(&worker).unwrap_or_default(),
            modules: modules.remove(&worker).unwrap_or_default(),
            worker,
            name: row::text(found, 1)?,
            labels: row::json(found, 2)?,
            capacity: row::json(found, 3)?,
            availability: availability.state,
        })
    });
    Ok(Snapshot { apps, workers: workers.collect::<Result<_, Fault>>()? })
}

async fn apps(tx: &mut Tx) -> Result<Vec<PlannedApp>, Fault> {
    let mut versions = HashMap::<(AppName, VersionNumber), PlannedVersion>::new();
    let sql = "SELECT v.app, v.version, v.functions, v.placement FROM app a
        JOIN version v ON v.app = a.app AND (v.version = a.version OR v.version = a.rollout_version)";
    for found in tx.rows(sql, &[]).await? {
        let version = row::version(&found, 1)?;
        let functions: Vec<FunctionSpec> = row::json(&found, 2)?;
        let rules: PlacementRules = row::json(&found, 3)?;
        let planned = PlannedVersion::new(version, rules, &functions);
        versions.insert((row::parsed(&found, 0)?, version), planned);
    }
    let mut planned = |app: &AppName, version| {
        let gone = || row::unfit(format!("{app} has no version {version}"));
        versions.remove(&(app.clone(), version)).ok_or_else(gone)
    };
    let apps = app::list(tx).await?.into_iter().map(|app| {
        let current = planned(&app.app, app.version)?;
        let rollout = match app.rollout {
            Some(rollout) => Some((rollout.clone(), planned(&app.app, rollout.version)?)),
            None => None,
        };
        let (default, created_at) = (app.default, app.created_at);
        Ok(PlannedApp { current, rollout, app: app.app, default, created_at })
    });
    apps.collect()
}

async fn placements(tx: &mut Tx) -> Result<HashMap<WorkerId, Vec<WorkerPlacement>>, Fault> {
    let sql =
        "SELECT p.app, p.version, p.position, p.[percent], p.leaving, p.state, p.detail, p.worker
        FROM placement p JOIN worker w ON w.worker = p.worker WHERE w.state = @P1
        ORDER BY p.worker, p.position";
    let mut placements = HashMap::<WorkerId, Vec<_>>::new();
    for found in tx.rows(sql, &[&WorkerState::Live.as_str()]).await? {
        let placement = WorkerPlacement {
            wanted: wanted::wanted(&found)?,
            app: row::parsed(&found, 0)?,
            version: row::version(&found, 1)?,
            state: row::placement_state(&found, 5)?,
            detail: row::optional_text(&found, 6)?,
        };
        placements.entry(row::parsed(&found, 7)?).or_default().push(placement);
    }
    Ok(placements)
}

async fn modules(tx: &mut Tx) -> Result<HashMap<WorkerId, HashSet<Digest>>, Fault> {
    let sql = "SELECT m.worker, m.digest FROM worker_module m
        JOIN worker w ON w.worker = m.worker WHERE w.state = @P1";
    let mut modules = HashMap::<WorkerId, HashSet<Digest>>::new();
    for found in tx.rows(sql, &[&WorkerState::Live.as_str()]).await? {
        modules.entry(row::parsed(&found, 0)?).or_default().insert(row::parsed(&found, 1)?);
    }
    Ok(modules)
}
