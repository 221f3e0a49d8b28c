//! What the way through a gateway costs: hello world from a worker directly and through a gateway in
//! front of it, in turn, with their ratio. The gateway is a process of its own; all of them and the load
//! share the machine's processors, so the ratio follows from the processor time that a call takes of each,
//! which is printed as well: of the gateway, and of worker and load together.

#![allow(clippy::print_stdout)]

use std::time::{Duration, Instant};

use anyhow::ensure;
use steading_benches::{
    Caller, GatewayProcess, Guest, Installation, Load, own_processor_time, without_backtraces,
};

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
        let (gateway_before, rest_before) = (gateway.processor_time()?, own_processor_time()?);
        let through = LOAD.run(&through)?.per_second;
        let calls = through * f64::from(LOAD.seconds);
        let us_per_call = |time: Duration| time.as_secs_f64() * 1e6 / calls;
        let its = us_per_call(gateway.processor_time()? - gateway_before);
        let rest = us_per_call(own_processor_time()? - rest_before);
        let ratio = through / direct;
        println!(
            "  round {round}: direct {direct:.0}/s   gateway {through:.0}/s   ratio {ratio:.3}   \
             processor time per call: gateway {its:.1} us, worker and load {rest:.1} us"
        );
        ratios.push(ratio);
    }
    ratios.sort_by(f64::total_cmp);
    println!("  median ratio {:.3}", ratios[ROUNDS / 2]);
    drop(gateway);
    drop(installation);
    Ok(())
}
