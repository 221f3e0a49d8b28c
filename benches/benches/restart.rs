//! How long a worker takes from the start of its process to `/ready` and to the report that all of
//! 1,000 apps are ready, out of its own cache: with 10 distinct modules, and with 1,000.

#![allow(clippy::print_stdout)]

use std::time::{Duration, Instant};

use steading_benches::{Apps, Caller, Desk, Guest, Times, WorkerProcess};
use steading_protocol::Limits;
use tokio::runtime::Runtime;

const APPS: usize = 1000;
const ROUNDS: usize = 3;

fn main() -> anyhow::Result<()> {
    let guest = Guest::hello()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    println!("restart: worker with {APPS} apps, start of the process to all placements ready");
    for modules in [10, APPS] {
        measure(&runtime, &guest, modules)?;
    }
    Ok(())
}

fn measure(runtime: &Runtime, guest: &Guest, modules: usize) -> anyhow::Result<()> {
    let limits = Limits::default();
    let apps = Apps { prefix: "app", guest, count: APPS, modules, limits }.make()?;
    let state = tempfile::tempdir()?;
    let desk = runtime.block_on(Desk::open())?;
    desk.place(&apps);
    let start = || -> anyhow::Result<(Duration, Duration, WorkerProcess)> {
        desk.forget_reports();
        let began = Instant::now();
        let worker = WorkerProcess::start(&desk, state.path())?;
        worker.ready()?;
        let ready = began.elapsed();
        runtime.block_on(desk.all_ready())?;
        Ok((ready, began.elapsed(), worker))
    };
    let (filled, ..) = start()?;
    let (mut ready, mut reported) = (vec![], vec![]);
    for _ in 0..ROUNDS {
        let (until_ready, until_reported, worker) = start()?;
        let mut caller = Caller::connect(worker.address())?;
        for app in &apps {
            caller.get_ok(&app.path())?;
        }
        ready.push(until_ready);
        reported.push(until_reported);
    }
    let (ready, reported) = (Times::new(ready), Times::new(reported));
    println!(
        "  {modules:>4} distinct modules: /ready after {:.0} ms, all reported ready after {:.0} ms (medians of {ROUNDS}; with an empty cache {:.1} s)",
        ready.ms(50),
        reported.ms(50),
        filled.as_secs_f64()
    );
    Ok(())
}
