//! What one more idle published app costs in resident memory, each with a module of its own: on the
//! worker that compiled it, and on one that was started again and loaded it from its cache.

#![allow(clippy::print_stdout)]

use std::path::Path;
use std::time::Duration;

use steading_benches::{App, Apps, Desk, Guest, WorkerProcess};
use tokio::runtime::Runtime;

const FEW: usize = 100;
const MANY: usize = 600;

/// After the last report nothing more is allocated; freed pages go back within this.
const SETTLE: Duration = Duration::from_secs(1);

fn main() -> anyhow::Result<()> {
    let guest = Guest::hello()?;
    let apps = Apps::distinct(&guest, MANY).make()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let (compiled, _) = measure(&runtime, &apps, None)?;
    let state = tempfile::tempdir()?;
    println!(
        "idle_memory: VmRSS per additional idle app, from {FEW} to {MANY} apps with distinct modules ({} bytes of wasm)",
        guest.wasm.len()
    );
    println!("  compiled by this process: {:.0} KB per app", compiled / 1000.0);
    measure(&runtime, &apps, Some(state.path()))?;
    let (loaded, base) = measure(&runtime, &apps, Some(state.path()))?;
    println!(
        "  loaded from the cache: {:.0} KB per app (the process with {FEW} apps: {:.1} MB)",
        loaded / 1000.0,
        base / 1e6
    );
    Ok(())
}

/// Bytes for each app more, and bytes with few; with a state folder that has been used before,
/// everything is in its cache.
fn measure(runtime: &Runtime, apps: &[App], state: Option<&Path>) -> anyhow::Result<(f64, f64)> {
    let fresh = tempfile::tempdir()?;
    let desk = runtime.block_on(Desk::open())?;
    desk.place(&apps[..FEW]);
    let state = state.unwrap_or(fresh.path());
    // the last state of an earlier run would be taken up whole
    let _ = std::fs::remove_file(state.join("desired.json"));
    let worker = WorkerProcess::start(&desk, state)?;
    let settled = || -> anyhow::Result<f64> {
        runtime.block_on(desk.all_ready())?;
        worker.ready()?;
        std::thread::sleep(SETTLE);
        Ok(worker.resident_bytes()? as f64)
    };
    let few = settled()?;
    desk.place(apps);
    let many = settled()?;
    Ok(((many - few) / (MANY - FEW) as f64, few))
}
