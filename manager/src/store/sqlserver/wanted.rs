//! Placements: what is wanted of a worker. Only what differs from before is sent.

use jiff::Timestamp;
use steading_protocol::WorkerId;
use steading_protocol::desired::PlacementState;
use tiberius::{Row, ToSql};

use super::fault::Fault;
use super::placement::of_worker;
use super::row::{self, Moment};
use super::tx::Tx;
use crate::schedule::Wanted;

/// Rows of one `INSERT`: a statement takes 2100 parameters, a row has five of its own.
const ROWS_MAX: usize = 400;

/// Makes exactly these versions the wanted ones of a worker, in this order.
pub(super) async fn want(
    tx: &mut Tx,
    worker: &WorkerId,
    wanted: &[Wanted],
    now: Timestamp,
) -> Result<(), Fault> {
    let mut known = of_worker(tx, worker).await?;
    let mut fresh = vec![];
    for (position, wanted) in (0_i64..).zip(wanted) {
        let key = (wanted.app.clone(), wanted.version);
        match known.remove(&key) {
            Some(old) if old.position == Some(position) && old.wanted.as_ref() == Some(wanted) => {}
            Some(_) => place(tx, worker, position, wanted).await?,
            None => fresh.push((position, wanted)),
        }
    }
    for ((app, version), _) in known.iter().filter(|(_, old)| old.position.is_some()) {
        let sql = "UPDATE placement SET position = NULL
            WHERE worker = @P1 AND app = @P2 AND version = @P3";
        tx.execute(sql, &[&worker.as_str(), &app.as_str(), &i64::from(version.0)]).await?;
    }
    for rows in fresh.chunks(ROWS_MAX) {
        insert_wanted(tx, worker, rows, now).await?;
    }
    Ok(())
}

async fn place(
    tx: &mut Tx,
    worker: &WorkerId,
    position: i64,
    wanted: &Wanted,
) -> Result<(), Fault> {
    let (version, percent) = (i64::from(wanted.version.0), i64::from(wanted.percent));
    tx.execute(
        "UPDATE placement SET position = @P4, [percent] = @P5, leaving = @P6
         WHERE worker = @P1 AND app = @P2 AND version = @P3",
        &[&worker.as_str(), &wanted.app.as_str(), &version, &position, &percent, &wanted.leaving],
    )
    .await?;
    Ok(())
}

async fn insert_wanted(
    tx: &mut Tx,
    worker: &WorkerId,
    rows: &[(i64, &Wanted)],
    now: Timestamp,
) -> Result<(), Fault> {
    let rows: Vec<_> = rows
        .iter()
        .map(|(position, w)| {
            let (version, percent) = (i64::from(w.version.0), i64::from(w.percent));
            (w.app.as_str(), version, *position, percent, w.leaving)
        })
        .collect();
    let (worker, pending, now) = (worker.as_str(), PlacementState::Pending.as_str(), Moment(now));
    let mut params: Vec<&dyn ToSql> = vec![&worker, &pending, &now];
    let mut values = vec![];
    for (app, version, position, percent, leaving) in &rows {
        let n = params.len();
        let own = (1..=5).map(|i| format!("@P{}", n + i)).collect::<Vec<_>>().join(", ");
        values.push(format!("(@P1, {own}, @P2, @P3, @P3)"));
        params.extend([app as &dyn ToSql, version, position, percent, leaving]);
    }
    let sql = format!(
        "INSERT INTO placement (worker, app, version, position, [percent], leaving, state, created_at,
           changed_at) VALUES {}",
        values.join(", ")
    );
    tx.execute(&sql, &params).await?;
    Ok(())
}

/// What is wanted by a row of app, version, position, percent, leaving.
pub(super) fn wanted(found: &Row) -> Result<Option<Wanted>, Fault> {
    if found.try_get::<i64, _>(2)?.is_none() {
        return Ok(None);
    }
    Ok(Some(Wanted {
        app: row::parsed(found, 0)?,
        version: row::version(found, 1)?,
        percent: row::number(found, 3)?,
        leaving: row::flag(found, 4)?,
    }))
}
