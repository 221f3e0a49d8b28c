//! Whether many apps slow a worker down: its throughput with 1, 100 and 1,000 of its apps called in
//! random order, all with modules of their own, as ratios to one app.

#![allow(clippy::print_stdout)]

use steading_benches::{Apps, Caller, Desk, Guest, Load, WorkerProcess};

const CALLED: [usize; 3] = [1, 100, 1000];
const ROUNDS: usize = 9;
/// Short turns: what else the machine does then falls on all three alike.
const LOAD: Load = Load { seconds: 1, connections: 32 };

fn main() -> anyhow::Result<()> {
    let guest = Guest::hello()?;
    let apps = Apps::distinct(&guest, CALLED[2]).make()?;
    let paths: Vec<_> = apps.iter().map(steading_benches::App::path).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let state = tempfile::tempdir()?;
    let desk = runtime.block_on(Desk::open())?;
    desk.place(&apps);
    let worker = WorkerProcess::start(&desk, state.path())?;
    runtime.block_on(desk.all_ready())?;
    let mut caller = Caller::connect(worker.address())?;
    for path in &paths {
        caller.get_ok(path)?;
    }
    println!(
        "many_apps: {} ready apps with distinct modules, wrk -t1 -c{} -d{}s, random order, {ROUNDS} rounds in turn",
        apps.len(),
        LOAD.connections,
        LOAD.seconds
    );
    let server = format!("http://{}", worker.address());
    let mut ratios = [vec![], vec![], vec![]];
    for round in 1..=ROUNDS {
        let mut line = format!("  round {round}:");
        let mut one = None;
        for (called, ratios) in CALLED.into_iter().zip(&mut ratios) {
            let measured = LOAD.run_paths(&server, &paths[..called])?.per_second;
            let ratio = measured / *one.get_or_insert(measured);
            ratios.push(ratio);
            line += &format!("   {called} called {measured:.0}/s ({ratio:.3})");
        }
        println!("{line}");
    }
    for (called, ratios) in CALLED.into_iter().zip(&mut ratios).skip(1) {
        ratios.sort_by(f64::total_cmp);
        println!("  {called} apps: median ratio to one app {:.3}", ratios[ROUNDS / 2]);
    }
    Ok(())
}
