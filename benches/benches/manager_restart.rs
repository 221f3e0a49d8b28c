//! A manager that is killed with 1,000 apps on 200 workers, and comes back: how long until all of them
//! are heard of again and nothing is missing. Then the same with all workers joining anew at once, each
//! pulling and reporting everything.

#![allow(clippy::print_stdout)]

use std::time::{Duration, Instant};

use anyhow::ensure;
use steading_benches::{
    Guest, ManagerProcess, Operator, SimulatedWorkers, variant, without_backtraces,
};
use steading_protocol::api::{Status, WorkerState};
use steading_protocol::desired::PlacementState;

const APPS: usize = 1000;
const WORKERS: usize = 200;

fn main() -> anyhow::Result<()> {
    without_backtraces()?;
    let guest = Guest::hello()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let data = tempfile::tempdir()?;
        let mut manager = ManagerProcess::start(data.path(), None)?;
        let (url, address) = (manager.url(), manager.address());
        let operator = manager.operator().await?;
        let published = publish(&operator, &guest).await?;
        let began = Instant::now();
        let mut workers = SimulatedWorkers::start(WORKERS, &url);
        workers.reported(APPS).await?;
        println!(
            "manager_restart: {APPS} apps published in {:.1} s; {WORKERS} new workers hold them after {:.1} s",
            published.as_secs_f64(),
            began.elapsed().as_secs_f64()
        );
        check(&operator.status().await?, "before")?;

        drop(manager);
        let began = Instant::now();
        manager = ManagerProcess::start(data.path(), Some(address))?;
        let up = began.elapsed();
        workers.heard().await?;
        let heard = began.elapsed();
        check(&operator.status().await?, "after a kill")?;
        println!(
            "  killed and started: up after {:.2} s, all workers heard of after {:.1} s, no placement lost",
            up.as_secs_f64(),
            heard.as_secs_f64()
        );

        drop((manager, workers));
        let began = Instant::now();
        let manager = ManagerProcess::start(data.path(), Some(address))?;
        let mut workers = SimulatedWorkers::start(WORKERS, &url);
        workers.reported(APPS).await?;
        println!(
            "  killed, and every worker new as well: all synced after {:.1} s",
            began.elapsed().as_secs_f64()
        );
        drop((manager, workers));
        Ok(())
    })
}

async fn publish(operator: &Operator, guest: &Guest) -> anyhow::Result<Duration> {
    let began = Instant::now();
    for number in 0..APPS {
        let wasm = variant(&guest.wasm, &format!("{number}"));
        operator.publish(&format!("app{number}"), wasm).await?;
    }
    Ok(began.elapsed())
}

/// Every app is ready on every live worker.
fn check(status: &Status, when: &str) -> anyhow::Result<()> {
    let live = status.workers.iter().filter(|w| w.state == WorkerState::Live).count();
    let ready = status.placements.iter().filter(|p| p.state == PlacementState::Ready).count();
    ensure!(
        status.apps.len() == APPS && live == WORKERS && ready == APPS * WORKERS,
        "{when}: {} apps, {live} live workers, {ready} ready placements",
        status.apps.len()
    );
    Ok(())
}
