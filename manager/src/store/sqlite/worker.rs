//! Workers: joining, signs of life, loss, goodbye.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use steading_protocol::api::{Worker, WorkerState};
use steading_protocol::desired::{Heartbeat, WorkerLoad};
use steading_protocol::{Digest, Generation, WorkerId};

use super::{change, desired, placement, row};
use crate::auth::SecretHash;
use crate::store::NewWorker;

const SELECT: &str = "SELECT worker, name, url, release, platform, state, load, joined_at, seen_at,
      versions, labels, capacity, availability, generation, applied
    FROM worker";

pub(super) fn list(store: &Connection) -> rusqlite::Result<Vec<Worker>> {
    let mut statement = store.prepare_cached(&format!("{SELECT} ORDER BY name, worker"))?;
    statement.query_map([], read)?.collect()
}

pub(super) fn get(store: &Connection, worker: &WorkerId) -> rusqlite::Result<Option<Worker>> {
    let mut statement = store.prepare_cached(&format!("{SELECT} WHERE worker = ?1"))?;
    statement.query_row([worker.as_str()], read).optional()
}

pub(super) fn join(
    store: &Connection,
    new: &NewWorker,
    now: Timestamp,
) -> rusqlite::Result<WorkerId> {
    let worker = known(store, new)?.unwrap_or_else(|| new.fresh.clone());
    // A new worker begins at generation 1: also an empty desired state is one it has to hear of.
    store.execute(
        "INSERT INTO worker (worker, name, url, release, platform, state, load, token, generation,
           joined_at, seen_at, labels, capacity, availability)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 1, ?9, ?9, ?10, ?11, ?12)
         ON CONFLICT (worker) DO UPDATE SET url = excluded.url, release = excluded.release,
           platform = excluded.platform, state = excluded.state, load = excluded.load,
           token = excluded.token, seen_at = excluded.seen_at, labels = excluded.labels,
           capacity = excluded.capacity, availability = excluded.availability,
           generation = generation + 1",
        params![
            worker.as_str(),
            new.name,
            new.url,
            new.release,
            new.platform,
            WorkerState::Live.as_str(),
            row::to_json(&WorkerLoad::default())?,
            new.token.as_bytes(),
            row::to_time(now),
            row::to_json(&new.labels)?,
            row::to_json(&new.capacity)?,
            row::to_json(&new.availability)?,
        ],
    )?;
    store.execute("DELETE FROM worker_module WHERE worker = ?1", [worker.as_str()])?;
    for module in &new.modules {
        has_module(store, &worker, module)?;
    }
    change::note(store)?;
    placement::unlose(store, &worker, now)?;
    Ok(worker)
}

/// Notes that a worker has the code of a module.
pub(super) fn has_module(
    store: &Connection,
    worker: &WorkerId,
    module: &Digest,
) -> rusqlite::Result<()> {
    let mut statement = store.prepare_cached(
        "INSERT INTO worker_module (worker, digest) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
    )?;
    statement.execute([worker.as_str(), module.as_str()])?;
    Ok(())
}

/// The id of an earlier join, when it was under the same name.
fn known(store: &Connection, new: &NewWorker) -> rusqlite::Result<Option<WorkerId>> {
    let Some(earlier) = &new.earlier else { return Ok(None) };
    Ok(get(store, earlier)?.filter(|worker| worker.name == new.name).map(|w| w.worker))
}

pub(super) fn by_token(
    store: &Connection,
    token: &SecretHash,
) -> rusqlite::Result<Option<WorkerId>> {
    let mut statement =
        store.prepare_cached("SELECT worker, token FROM worker WHERE token = ?1")?;
    let found = statement
        .query_row([token.as_bytes()], |found| Ok((row::parsed(found, 0)?, row::hash(found, 1)?)))
        .optional()?;
    Ok(found.filter(|(_, kept)| kept == token).map(|(worker, _)| worker))
}

pub(super) fn heartbeat(
    store: &Connection,
    worker: &WorkerId,
    heartbeat: &Heartbeat,
    now: Timestamp,
) -> rusqlite::Result<Option<Generation>> {
    seen(store, worker, now)?;
    let availability = row::to_json(&heartbeat.availability)?;
    let changed = store.execute(
        "UPDATE worker SET availability = ?2 WHERE worker = ?1 AND availability <> ?2",
        [worker.as_str(), &availability],
    )?;
    if changed > 0 {
        change::note(store)?;
    }
    let mut statement =
        store.prepare_cached("UPDATE worker SET load = ?2, versions = ?3 WHERE worker = ?1")?;
    statement.execute(params![
        worker.as_str(),
        row::to_json(&heartbeat.load)?,
        row::to_json(&heartbeat.versions)?,
    ])?;
    desired::generation(store, worker)
}

/// Notes a sign of life. A lost worker is live again; a new generation makes it report anew.
pub(super) fn seen(store: &Connection, worker: &WorkerId, now: Timestamp) -> rusqlite::Result<()> {
    store.execute(
        "UPDATE worker SET seen_at = ?2 WHERE worker = ?1",
        params![worker.as_str(), row::to_time(now)],
    )?;
    let revived = store.execute(
        "UPDATE worker SET state = ?2, generation = generation + 1 WHERE worker = ?1 AND state = ?3",
        [worker.as_str(), WorkerState::Live.as_str(), WorkerState::Lost.as_str()],
    )?;
    if revived > 0 {
        change::note(store)?;
        placement::unlose(store, worker, now)?;
    }
    Ok(())
}

pub(super) fn leave(store: &Connection, worker: &WorkerId) -> rusqlite::Result<()> {
    store.execute(
        "UPDATE worker SET state = ?2, token = NULL WHERE worker = ?1",
        [worker.as_str(), WorkerState::Left.as_str()],
    )?;
    store.execute("DELETE FROM placement WHERE worker = ?1", [worker.as_str()])?;
    change::note(store)
}

pub(super) fn lose(
    store: &Connection,
    seen_before: Timestamp,
    now: Timestamp,
) -> rusqlite::Result<Vec<WorkerId>> {
    let mut statement = store.prepare_cached(
        "UPDATE worker SET state = ?1 WHERE state = ?2 AND seen_at < ?3 RETURNING worker",
    )?;
    let lost = statement
        .query_map(
            params![
                WorkerState::Lost.as_str(),
                WorkerState::Live.as_str(),
                row::to_time(seen_before)
            ],
            |found| row::parsed(found, 0),
        )?
        .collect::<rusqlite::Result<Vec<WorkerId>>>()?;
    for worker in &lost {
        placement::lose(store, worker, now)?;
    }
    if !lost.is_empty() {
        change::note(store)?;
    }
    Ok(lost)
}

pub(super) fn prune(store: &Connection, seen_before: Timestamp) -> rusqlite::Result<usize> {
    store.execute(
        "DELETE FROM worker WHERE state <> ?1 AND seen_at < ?2",
        params![WorkerState::Live.as_str(), row::to_time(seen_before)],
    )
}

fn read(found: &Row<'_>) -> rusqlite::Result<Worker> {
    Ok(Worker {
        worker: row::parsed(found, 0)?,
        name: found.get(1)?,
        url: found.get(2)?,
        release: found.get(3)?,
        platform: found.get(4)?,
        state: row::worker_state(found, 5)?,
        load: row::json(found, 6)?,
        versions: row::json(found, 9)?,
        labels: row::json(found, 10)?,
        capacity: row::json(found, 11)?,
        availability: row::json(found, 12)?,
        generation: Generation(found.get(13)?),
        applied: Generation(found.get(14)?),
        joined_at: row::time(found, 7)?,
        seen_at: row::time(found, 8)?,
    })
}
