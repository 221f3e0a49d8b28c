//! Workers: joining, signs of life, loss, goodbye.

use std::collections::BTreeSet;

use jiff::Timestamp;
use steading_protocol::api::{Worker, WorkerState};
use steading_protocol::desired::{Heartbeat, WorkerLoad};
use steading_protocol::{AppName, Digest, Generation, VersionNumber, WorkerId};
use tiberius::Row;

use super::fault::Fault;
use super::row::{self, Moment};
use super::tx::{Params, Tx};
use super::{change, desired, placement};
use crate::auth::SecretHash;
use crate::store::NewWorker;

const SELECT: &str =
    "SELECT worker, name, url, release, platform, state, [load], joined_at, seen_at, versions,
      labels, capacity, availability, generation, applied FROM worker";

pub(super) async fn list(tx: &mut Tx) -> Result<Vec<Worker>, Fault> {
    let found = tx.rows(SELECT, &[]).await?;
    let mut workers = found.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    workers.sort_by(|a, b| (&a.name, &a.worker).cmp(&(&b.name, &b.worker)));
    Ok(workers)
}

pub(super) async fn get(tx: &mut Tx, worker: &WorkerId) -> Result<Option<Worker>, Fault> {
    let found = tx.row(&format!("{SELECT} WHERE worker = @P1"), &[&worker.as_str()]).await?;
    found.as_ref().map(read).transpose()
}

pub(super) async fn join(tx: &mut Tx, new: &NewWorker, now: Timestamp) -> Result<WorkerId, Fault> {
    let worker = known(tx, new).await?.unwrap_or_else(|| new.fresh.clone());
    write(tx, &worker, new, now).await?;
    tx.execute("DELETE FROM worker_module WHERE worker = @P1", &[&worker.as_str()]).await?;
    let modules: BTreeSet<&str> = new.modules.iter().map(Digest::as_str).collect();
    for module in modules {
        let sql = "INSERT INTO worker_module (worker, digest) VALUES (@P1, @P2)";
        tx.execute(sql, &[&worker.as_str(), &module]).await?;
    }
    change::note(tx).await?;
    placement::unlose(tx, &worker, now).await?;
    Ok(worker)
}

/// Notes that a worker has the code of a version.
pub(super) async fn has_modules(
    tx: &mut Tx,
    worker: &WorkerId,
    app: &AppName,
    version: VersionNumber,
) -> Result<(), Fault> {
    tx.execute(
        "INSERT INTO worker_module (worker, digest)
         SELECT DISTINCT @P1, v.digest FROM version_module v WHERE v.app = @P2 AND v.version = @P3
           AND NOT EXISTS
             (SELECT 1 FROM worker_module m WHERE m.worker = @P1 AND m.digest = v.digest)",
        &[&worker.as_str(), &app.as_str(), &i64::from(version.0)],
    )
    .await?;
    Ok(())
}

/// The id of an earlier join, when it was under the same name.
async fn known(tx: &mut Tx, new: &NewWorker) -> Result<Option<WorkerId>, Fault> {
    let Some(earlier) = &new.earlier else { return Ok(None) };
    Ok(get(tx, earlier).await?.filter(|worker| worker.name == new.name).map(|w| w.worker))
}

async fn write(
    tx: &mut Tx,
    worker: &WorkerId,
    new: &NewWorker,
    now: Timestamp,
) -> Result<(), Fault> {
    let load = row::to_json(&WorkerLoad::default())?;
    let [labels, capacity] = [row::to_json(&new.labels)?, row::to_json(&new.capacity)?];
    let availability = row::to_json(&new.availability)?;
    let (live, token, now) = (WorkerState::Live.as_str(), new.token.as_bytes(), Moment(now));
    let params: Params<'_> = &[
        &worker.as_str(),
        &new.url,
        &new.release,
        &new.platform,
        &live,
        &load,
        &token,
        &now,
        &labels,
        &capacity,
        &availability,
        &new.name,
    ];
    let sql = "UPDATE worker SET url = @P2, release = @P3, platform = @P4, state = @P5,
           [load] = @P6, token = @P7, seen_at = @P8, labels = @P9, capacity = @P10,
           availability = @P11, generation = generation + 1 WHERE worker = @P1";
    if tx.execute(sql, &params[..11]).await? == 0 {
        // A new worker begins at generation 1: also an empty desired state is one it has to hear of.
        let sql = "INSERT INTO worker (worker, url, release, platform, state, [load], token,
               seen_at, joined_at, labels, capacity, availability, name, versions, generation,
               applied)
             VALUES (@P1, @P2, @P3, @P4, @P5, @P6, @P7, @P8, @P8, @P9, @P10, @P11, @P12, N'[]', 1,
               0)";
        tx.execute(sql, params).await?;
    }
    Ok(())
}

pub(super) async fn by_token(tx: &mut Tx, token: &SecretHash) -> Result<Option<WorkerId>, Fault> {
    let sql = "SELECT worker, token FROM worker WHERE token = @P1";
    let Some(found) = tx.row(sql, &[&token.as_bytes()]).await? else { return Ok(None) };
    Ok(if row::hash(&found, 1)? == *token { Some(row::parsed(&found, 0)?) } else { None })
}

/// A sign of life of a live worker that offers what it did before, which changes nothing that a plan
/// reads, so that it does not wait for the writer lane. Nothing for any other worker.
pub(super) async fn heartbeat_same(
    tx: &mut Tx,
    worker: &WorkerId,
    heartbeat: &Heartbeat,
    now: Timestamp,
) -> Result<Option<Generation>, Fault> {
    let found = tx
        .row(
            "UPDATE worker SET seen_at = @P2, [load] = @P3, versions = @P4
             OUTPUT inserted.generation
             WHERE worker = @P1 AND state = @P5 AND availability = @P6",
            &[
                &worker.as_str(),
                &Moment(now),
                &row::to_json(&heartbeat.load)?,
                &row::to_json(&heartbeat.versions)?,
                &WorkerState::Live.as_str(),
                &row::to_json(&heartbeat.availability)?,
            ],
        )
        .await?;
    found.as_ref().map(|found| row::number(found, 0).map(Generation)).transpose()
}

/// Any sign of life, in the writer lane.
pub(super) async fn heartbeat(
    tx: &mut Tx,
    worker: &WorkerId,
    heartbeat: &Heartbeat,
    now: Timestamp,
) -> Result<Option<Generation>, Fault> {
    seen(tx, worker, now).await?;
    let availability = row::to_json(&heartbeat.availability)?;
    let sql = "UPDATE worker SET availability = @P2 WHERE worker = @P1 AND availability <> @P2";
    if tx.execute(sql, &[&worker.as_str(), &availability]).await? > 0 {
        change::note(tx).await?;
    }
    let load = row::to_json(&heartbeat.load)?;
    let versions = row::to_json(&heartbeat.versions)?;
    let sql = "UPDATE worker SET [load] = @P2, versions = @P3 WHERE worker = @P1";
    tx.execute(sql, &[&worker.as_str(), &load, &versions]).await?;
    desired::generation(tx, worker).await
}

/// Notes a sign of life. A lost worker is live again; a new generation makes it report anew.
pub(super) async fn seen(tx: &mut Tx, worker: &WorkerId, now: Timestamp) -> Result<(), Fault> {
    let sql = "UPDATE worker SET seen_at = @P2 WHERE worker = @P1";
    tx.execute(sql, &[&worker.as_str(), &Moment(now)]).await?;
    let revived = tx
        .execute(
            "UPDATE worker SET state = @P2, generation = generation + 1
             WHERE worker = @P1 AND state = @P3",
            &[&worker.as_str(), &WorkerState::Live.as_str(), &WorkerState::Lost.as_str()],
        )
        .await?;
    if revived > 0 {
        change::note(tx).await?;
        placement::unlose(tx, worker, now).await?;
    }
    Ok(())
}

pub(super) async fn leave(tx: &mut Tx, worker: &WorkerId) -> Result<(), Fault> {
    let sql = "UPDATE worker SET state = @P2, token = NULL WHERE worker = @P1";
    tx.execute(sql, &[&worker.as_str(), &WorkerState::Left.as_str()]).await?;
    tx.execute("DELETE FROM placement WHERE worker = @P1", &[&worker.as_str()]).await?;
    change::note(tx).await
}

pub(super) async fn lose(
    tx: &mut Tx,
    seen_before: Timestamp,
    now: Timestamp,
) -> Result<Vec<WorkerId>, Fault> {
    let found = tx
        .rows(
            "UPDATE worker SET state = @P1 OUTPUT inserted.worker
             WHERE state = @P2 AND seen_at < @P3",
            &[&WorkerState::Lost.as_str(), &WorkerState::Live.as_str(), &Moment(seen_before)],
        )
        .await?;
    let lost = found.iter().map(|found| row::parsed(found, 0));
    let lost = lost.collect::<Result<Vec<WorkerId>, _>>()?;
    for worker in &lost {
        placement::lose(tx, worker, now).await?;
    }
    if !lost.is_empty() {
        change::note(tx).await?;
    }
    Ok(lost)
}

pub(super) async fn prune(tx: &mut Tx, seen_before: Timestamp) -> Result<usize, Fault> {
    let sql = "DELETE FROM worker WHERE state <> @P1 AND seen_at < @P2";
    let pruned = tx.execute(sql, &[&WorkerState::Live.as_str(), &Moment(seen_before)]).await?;
    usize::try_from(pruned).map_err(row::unfit)
}

fn read(found: &Row) -> Result<Worker, Fault> {
    Ok(Worker {
        worker: row::parsed(found, 0)?,
        name: row::text(found, 1)?,
        url: row::text(found, 2)?,
        release: row::text(found, 3)?,
        platform: row::text(found, 4)?,
        state: row::worker_state(found, 5)?,
        load: row::json(found, 6)?,
        versions: row::json(found, 9)?,
        labels: row::json(found, 10)?,
        capacity: row::json(found, 11)?,
        availability: row::json(found, 12)?,
        generation: Generation(row::number(found, 13)?),
        applied: Generation(row::number(found, 14)?),
        joined_at: row::time(found, 7)?,
        seen_at: row::time(found, 8)?,
    })
}
