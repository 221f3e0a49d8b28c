//! What the way through a gateway costs: hello world from a worker directly and through a gateway in
//! front of it, in turn, with their ratio. The gateway is a process of its own; all of them and the load
//! share the machine's processors.

#![allow(clippy::print_stdout)]

use std::time::{Duration, Instant};

use anyhow::ensure;
use steading_benches::{Caller, GatewayProcess, Guest, Installation, Load, without_backtraces};

const ROUNDS: usize = 5;
const LOAD: Load = Load { seconds: 3, connections: 32 };
const READY_WITHIN: Duration = Duration::from_secs(10);

fn main() -> anyhow::Result<()> {
    without_backtraces()?;
    let guest = Guest::hello()?;
    let runtime = steading_host::runtime()?;
    let installation = runtime.block_on(Installation::start())?;
    let direct = runtime.block_on(installation.publish("hello", &guest.wasm, "hello"))?;
    let state = tempfile::tempdir()?;
    let gateway =
        GatewayProcess::start(installation.manager(), installation.join_token(), state.path())?;
    let path = "/functions/hello/api/hello";
    let began = Instant::now();
    while Caller::connect(gateway.address())?.get(path)?.status != 200 {
        ensure!(began.elapsed() < READY_WITHIN, "the gateway does not answer");
        std::thread::sleep(Duration::from_millis(2));
    }
    let through = format!("http://{}{path}", gateway.address());
    println!(
        "gateway: hello world, wrk -t1 -c{} -d{}s, {ROUNDS} rounds in turn",
        LOAD.connections, LOAD.seconds
    );
    let mut ratios = vec![];
    for round in 1..=ROUNDS {
        let direct = LOAD.run(&direct)?.per_second;
        let through = LOAD.run(&through)?.per_second;
        let ratio = through / direct;
        println!(
            "  round {round}: direct {direct:.0}/s   gateway {through:.0}/s   ratio {ratio:.3}"
        );
        ratios.push(ratio);
    }
    ratios.sort_by(f64::total_cmp);
    println!("  median ratio {:.3}", ratios[ROUNDS / 2]);
    drop(gateway);
    drop(installation);
    Ok(())
}
