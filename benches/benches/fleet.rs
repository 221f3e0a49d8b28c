//! Twenty workers as processes on this machine: from publishing a module of a megabyte to `ready` on all
//! of them, and from a roll-back to their acknowledgement.

#![allow(clippy::print_stdout)]

use std::time::{Duration, Instant};

use anyhow::ensure;
use steading_benches::{
    Guest, JOIN_TOKEN, ManagerProcess, Operator, Times, WorkerProcess, padded_variant,
    without_backtraces,
};
use steading_protocol::desired::PlacementState;

const WORKERS: usize = 20;
const ROUNDS: usize = 5;
const MODULE_BYTES: usize = 1 << 20;
const WITHIN: Duration = Duration::from_secs(120);

fn main() -> anyhow::Result<()> {
    without_backtraces()?;
    // all of a module travels and is stored, its code alone is compiled: twenty times on this machine
    let guests = [("orders", Guest::orders()?), ("thumbnail", Guest::thumbnail()?)];
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let state = tempfile::tempdir()?;
        let manager = ManagerProcess::start(&state.path().join("manager"), None)?;
        let operator = manager.operator().await?;
        let workers: Vec<_> = (0..WORKERS)
            .map(|number| {
                let folder = state.path().join(format!("worker{number}"));
                WorkerProcess::join(&manager.url(), JOIN_TOKEN, &folder)
            })
            .collect::<anyhow::Result<_>>()?;
        println!("fleet: {} workers on loopback, modules of {MODULE_BYTES} bytes", workers.len());
        for (name, guest) in &guests {
            println!("  examples/{name}, {} bytes of it:", guest.wasm.len());
            measure(&operator, &workers, guest).await?;
        }
        Ok(())
    })
}

async fn measure(
    operator: &Operator,
    workers: &[WorkerProcess],
    guest: &Guest,
) -> anyhow::Result<()> {
    let (mut publishes, mut rollbacks, mut processor) = (vec![], vec![], vec![]);
    for round in 1..=ROUNDS {
        let wasm = padded_variant(&guest.wasm, &format!("{round}"), MODULE_BYTES);
        let (began, before) = (Instant::now(), processor_time(workers)?);
        operator.publish("large", wasm).await?;
        in_service(operator, began).await?;
        publishes.push(began.elapsed());
        processor.push(processor_time(workers)? - before);
    }
    for _ in 1..ROUNDS {
        let began = Instant::now();
        operator.roll_back("large").await?;
        in_service(operator, began).await?;
        rollbacks.push(began.elapsed());
    }
    for (what, times) in [
        ("publish to ready and in service on all", publishes),
        // shared by the processors of this machine; each of twenty machines would take a twentieth of it
        ("  processor time of all workers", processor),
        ("roll-back to acknowledged by all", rollbacks),
    ] {
        let (count, times) = (times.len(), Times::new(times));
        let (median, longest) = (times.ms(50), times.ms(100));
        println!("    {what}: median {median:.0} ms, longest {longest:.0} ms of {count}");
    }
    Ok(())
}

fn processor_time(workers: &[WorkerProcess]) -> anyhow::Result<Duration> {
    workers.iter().map(WorkerProcess::processor_time).sum()
}

/// Waits until all workers have applied what they are told, and have the version in service ready.
async fn in_service(operator: &Operator, began: Instant) -> anyhow::Result<()> {
    loop {
        let status = operator.status().await?;
        let app = &status.apps[0];
        let ready = status.placements.iter().filter(|placement| {
            placement.version == app.version
                && placement.percent == Some(100)
                && placement.state == PlacementState::Ready
        });
        let applied = status.workers.iter().all(|worker| worker.applied == worker.generation);
        if app.rollout.is_none() && applied && ready.count() == WORKERS {
            return Ok(());
        }
        ensure!(began.elapsed() < WITHIN, "not in service in time: {app:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
