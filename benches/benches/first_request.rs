//! How long the first request to a function that is `ready` takes, when nobody has called it before:
//! of 200 apps with modules of their own, just published, and again after a restart of the worker.

#![allow(clippy::print_stdout)]

use std::time::Duration;

use steading_benches::{App, Apps, Caller, Desk, Guest, Times, WorkerProcess};

const FUNCTIONS: usize = 200;

fn main() -> anyhow::Result<()> {
    let guest = Guest::hello()?;
    let apps = Apps::distinct(&guest, FUNCTIONS).make()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let state = tempfile::tempdir()?;
    let desk = runtime.block_on(Desk::open())?;
    desk.place(&apps);
    println!(
        "first_request: first call of each of {FUNCTIONS} ready functions with distinct modules"
    );
    for when in ["just published", "after a restart"] {
        let worker = WorkerProcess::start(&desk, state.path())?;
        runtime.block_on(desk.all_ready())?;
        worker.ready()?;
        let (first, second) = call_twice(&worker, &apps)?;
        println!(
            "  {when}: first p50 {:.2} ms   p99 {:.2} ms   (second call p50 {:.2} ms   p99 {:.2} ms)",
            first.ms(50),
            first.ms(99),
            second.ms(50),
            second.ms(99)
        );
        desk.forget_reports();
    }
    Ok(())
}

/// The first and the second call of every app, over one open connection.
fn call_twice(worker: &WorkerProcess, apps: &[App]) -> anyhow::Result<(Times, Times)> {
    let mut caller = Caller::connect(worker.address())?;
    // the connection itself is not part of the question
    caller.get("/functions/none/api/none")?;
    let mut round = || -> anyhow::Result<Vec<Duration>> {
        apps.iter().map(|app| caller.get_ok(&app.path())).collect()
    };
    let (first, second) = (round()?, round()?);
    Ok((Times::new(first), Times::new(second)))
}
