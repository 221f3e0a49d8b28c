//! What a role is before anybody uses it: the time from the start of its process to `/ready`, and
//! its resident memory once it has settled, for a worker without an app, a gateway without routes and a
//! manager with an empty store.

#![allow(clippy::print_stdout)]

use std::time::{Duration, Instant};

use steading_benches::{
    Desk, GatewayProcess, JOIN_TOKEN, ManagerProcess, Times, WorkerProcess, binary,
};

const ROUNDS: usize = 11;

/// Freed pages go back within this.
const SETTLE: Duration = Duration::from_secs(1);

fn main() -> anyhow::Result<()> {
    // built before anything is timed
    binary()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    println!("start: process to /ready, and VmRSS when idle, {ROUNDS} rounds with a fresh folder");
    measure("worker without apps", |state| {
        let desk = runtime.block_on(Desk::open())?;
        // a manager answers a new worker at once, with a state that has nothing in it yet
        desk.place(&[]);
        let began = Instant::now();
        let worker = WorkerProcess::start(&desk, state)?;
        worker.ready()?;
        let ready = began.elapsed();
        std::thread::sleep(SETTLE);
        Ok((ready, worker.resident_bytes()?))
    })?;
    measure("manager, new store", |state| {
        let began = Instant::now();
        let manager = ManagerProcess::start(state, None)?;
        let ready = began.elapsed();
        std::thread::sleep(SETTLE);
        Ok((ready, manager.resident_bytes()?))
    })?;
    let folder = tempfile::tempdir()?;
    let manager = ManagerProcess::start(folder.path(), None)?;
    measure("gateway without routes", |state| {
        let began = Instant::now();
        let gateway = GatewayProcess::start(&manager.url(), JOIN_TOKEN, state)?;
        let ready = began.elapsed();
        std::thread::sleep(SETTLE);
        Ok((ready, gateway.resident_bytes()?))
    })
}

fn measure(
    what: &str,
    round: impl Fn(&std::path::Path) -> anyhow::Result<(Duration, u64)>,
) -> anyhow::Result<()> {
    let (mut ready, mut resident) = (vec![], vec![]);
    for _ in 0..ROUNDS {
        let state = tempfile::tempdir()?;
        let (time, bytes) = round(state.path())?;
        ready.push(time);
        resident.push(bytes);
    }
    resident.sort_unstable();
    let (ready, resident) = (Times::new(ready), resident[ROUNDS / 2] as f64 / 1e6);
    println!(
        "  {what:<24} /ready after {:.0} ms (longest {:.0} ms)   resident {resident:.1} MB",
        ready.ms(50),
        ready.ms(100)
    );
    Ok(())
}
