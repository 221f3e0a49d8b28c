//! What the benchmarks share: the guests they call, a whole installation in this process, a worker as a
//! process of its own with a desk that stands for its manager, the bare server to compare with, and
//! the load.
//!
//! `cargo bench -p steading-benches` runs them all and prints every figure that the docs quote. The
//! machines this runs on are shared and noisy: read the ratios, which come from one run, not the single figures. Invariant:
//! a benchmark prints what it measured and judges nothing.

#![allow(clippy::print_stdout)]

mod apps;
mod bare;
mod caller;
mod desk;
mod guest;
mod installation;
mod load;
mod manager;
mod peer;
mod process;
mod simulated;
mod times;

pub use apps::{App, Apps, padded_variant, variant};
pub use bare::BareServer;
pub use caller::{Answer, Caller};
pub use desk::Desk;
pub use guest::{Guest, binary};
pub use installation::Installation;
pub use load::{Load, Throughput};
pub use manager::{JOIN_TOKEN, ManagerProcess, Operator};
pub use peer::{Found, Peer, hello_component};
pub use process::{GatewayProcess, WorkerProcess, own_processor_time};
pub use simulated::SimulatedWorkers;
pub use times::Times;

/// Starts this program again without backtraces, when they are on: wasmtime captures one for every
/// internal error while `RUST_BACKTRACE` is set, which is a tenth of a short request. The product
/// switches them off in the same way.
pub fn without_backtraces() -> anyhow::Result<()> {
    let off = std::env::var("RUST_LIB_BACKTRACE").is_ok_and(|value| value == "0");
    if off || std::env::var_os("RUST_BACKTRACE").is_none() {
        return Ok(());
    }
    let status = std::process::Command::new(std::env::current_exe()?)
        .args(std::env::args_os().skip(1))
        .env("RUST_LIB_BACKTRACE", "0")
        .status()?;
    std::process::exit(status.code().unwrap_or(1));
}
