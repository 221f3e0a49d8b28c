//! How long it takes from publishing a module of some 100 KB at the manager to the first 200 from
//! the worker: upload, store, schedule, pull, fetch, compile, route.

#![allow(clippy::print_stdout)]

use std::time::Instant;

use steading_benches::{Guest, Installation, Times, variant, without_backtraces};

const ROUNDS: usize = 15;

fn main() -> anyhow::Result<()> {
    without_backtraces()?;
    let guest = Guest::orders()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let times = runtime.block_on(async {
        let installation = Installation::start().await?;
        let mut times = vec![];
        for round in 0..ROUNDS {
            let wasm = variant(&guest.wasm, &format!("round {round}"));
            let began = Instant::now();
            installation.publish(&format!("app{round}"), &wasm, "orders").await?;
            times.push(began.elapsed());
        }
        anyhow::Ok(Times::new(times))
    })?;
    println!(
        "publish_latency: publish of examples/orders ({} bytes of wasm) to the first 200, {ROUNDS} new modules",
        guest.wasm.len()
    );
    println!(
        "  median {:.0} ms   p90 {:.0} ms   longest {:.0} ms",
        times.ms(50),
        times.ms(90),
        times.ms(100)
    );
    Ok(())
}
