//! The harness of the end-to-end tests: the real binary as real processes, asked over real sockets.
//!
//! It starts and stops processes ([`Cluster`], [`Dev`]), builds the wasm that the tests publish
//! ([`packages`]), tells a worker what to do without a manager ([`Desk`]), and asks the manager and the
//! workers ([`Api`], [`http`], [`Load`], [`Browser`]). It holds no test and links neither the manager nor
//! the worker: what a test sees, a user could see. One invariant: no process outlives the test run,
//! whatever way it ends.

mod api;
mod browser;
mod cluster;
mod command;
pub mod desk;
mod desk_worker;
mod dev;
mod eventually;
mod gateway;
mod host;
pub mod http;
mod load;
mod loopback;
mod mount;
pub mod packages;
pub mod passage;
mod process;
mod raw;
mod role;
mod runtime;
mod scratch;
mod shared;
pub mod source;
pub mod toolchain;
pub mod wasm;
pub mod wine;

pub use api::{Api, Refusal};
pub use browser::{Browser, browser_wanted};
pub use cluster::{Builder, Cluster};
pub use command::{Ended, Steading};
pub use desk::Desk;
pub use desk_worker::DeskWorker;
pub use dev::Dev;
pub use eventually::eventually;
pub use gateway::{FakeWorker, Gateway};
pub use host::Host;
pub use load::{Load, LoadReport};
pub use loopback::own_address;
pub use mount::Mount;
pub use process::Process;
pub use raw::{Raw, allow_open_files};
pub use role::Secrets;
pub use runtime::run;
pub use scratch::scratch;
pub use shared::{Shared, Watched};
pub use toolchain::Toolchain;
pub use wine::Wine;

include!(concat!(env!("OUT_DIR"), "/for_each_guest.rs"));

/// The admin password of every manager that a test starts.
pub const ADMIN_PASSWORD: &str = "a password for tests only";

/// The join token of every cluster that a test starts.
pub const JOIN_TOKEN: &str = "join-token-for-tests-only-0123456789abcdef";

/// The root of the repository.
pub fn repository() -> &'static std::path::Path {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("`tests` stands in the root")
}
