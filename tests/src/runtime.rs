//! One runtime for all tests of the binary. A cluster that several tests share outlives each of
//! them, and so must the tasks that read its output and hold its connections; with a runtime per
//! test they would end with the test that happened to come first.

use std::future::Future;
use std::sync::LazyLock;

use tokio::runtime::{Builder, Handle, Runtime};

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    // reqwest is built without a default; every connection here is plain, the provider is unused
    let _ = rustls::crypto::ring::default_provider().install_default();
    Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime can be made")
});

/// Runs a test's future to its end on the shared runtime; panics pass through to the test.
pub fn run<T>(test: impl Future<Output = T>) -> T {
    RUNTIME.block_on(test)
}

/// The shared runtime, for what must not be tied to the thread of one test.
pub(crate) fn handle() -> &'static Handle {
    RUNTIME.handle()
}
