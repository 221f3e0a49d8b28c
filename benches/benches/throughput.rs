//! Requests a second: bare hyper and the worker with its whole pipeline, on hello world, in turn and
//! on the same runtime, with their ratio.

#![allow(clippy::print_stdout)]

use steading_benches::{BareServer, Guest, Installation, Load, without_backtraces};

const ROUNDS: usize = 3;
const LOAD: Load = Load { seconds: 5, connections: 32 };

fn main() -> anyhow::Result<()> {
    without_backtraces()?;
    let guest = Guest::hello()?;
    let runtime = steading_host::runtime()?;
    let (bare, installation) = runtime.block_on(async {
        anyhow::Ok((BareServer::start().await?, Installation::start().await?))
    })?;
    let path = "hello";
    let function = runtime.block_on(installation.publish("hello", &guest.wasm, path))?;
    println!(
        "throughput: hello world, wrk -t1 -c{} -d{}s, {ROUNDS} rounds in turn",
        LOAD.connections, LOAD.seconds
    );
    let mut ratios = vec![];
    for round in 1..=ROUNDS {
        let bare = LOAD.run(&bare.url())?.per_second;
        let worker = LOAD.run(&function)?.per_second;
        println!(
            "  round {round}: bare hyper {bare:.0}/s   worker {worker:.0}/s   ratio {:.3}",
            worker / bare
        );
        ratios.push(worker / bare);
    }
    ratios.sort_by(f64::total_cmp);
    println!("  median ratio {:.3}", ratios[ROUNDS / 2]);
    drop(installation);
    Ok(())
}
