//! What a fresh sandbox costs: instantiate, call and drop of the SDK's hello on one thread, without
//! a server around it.

#![allow(clippy::print_stdout)]

use std::time::{Duration, Instant};

use steading_benches::{Guest, without_backtraces};
use steading_host::bench::Sandbox;

const WARM_UP: usize = 2_000;
const CALLS: usize = 50_000;

fn main() -> anyhow::Result<()> {
    without_backtraces()?;
    let guest = Guest::hello()?;
    let folder = tempfile::tempdir()?;
    let sandbox = Sandbox::new(&guest.wasm, &guest.record, folder.path())
        .map_err(|error| anyhow::anyhow!("{error}"))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut times = runtime.block_on(measure(&sandbox))?;
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100].as_nanos() as f64 / 1000.0;
    println!(
        "sandbox: instantiate + call + drop of examples/hello ({} bytes of wasm), {CALLS} calls, one thread",
        guest.wasm.len()
    );
    println!("  median {:.1} us   p90 {:.1} us   p99 {:.1} us", at(50), at(90), at(99));
    Ok(())
}

async fn measure(sandbox: &Sandbox) -> anyhow::Result<Vec<Duration>> {
    let mut times = Vec::with_capacity(CALLS);
    for call in 0..WARM_UP + CALLS {
        let began = Instant::now();
        sandbox.call("/api/hello").await.map_err(anyhow::Error::msg)?;
        if call >= WARM_UP {
            times.push(began.elapsed());
        }
    }
    Ok(times)
}
