//! The binary under test, and the cluster that all tests share which leave it as they found it.

use std::path::Path;

use steading_tests::{Builder, Cluster, Shared, Steading, Watched, packages};

/// The binary that cargo built for this test run.
pub(crate) fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_steading"))
}

/// A call of the binary outside any cluster.
pub(crate) fn steading() -> Steading {
    Steading::at(binary())
}

/// A cluster for one test alone.
pub(crate) fn cluster() -> Builder {
    Builder::new(binary())
}

/// A built folder of the repository, such as `examples/hello`.
pub(crate) async fn built(folder: &str) -> Vec<u8> {
    packages::built(binary(), folder).await
}

/// The shared cluster: two workers, the three examples and the guests. A test may publish apps of
/// its own to it, and must not publish these again, change the default app, or stop a process.
pub(crate) async fn shared() -> Watched {
    static SHARED: Shared = Shared::new();
    SHARED.get(start_shared()).await
}

/// The apps of the shared cluster. The first is the default app.
const APPS: [(&str, &str); 4] = [
    ("hello", "examples/hello"),
    ("orders", "examples/orders"),
    ("thumbnail", "examples/thumbnail"),
    ("guests", "tests/guests"),
];

async fn start_shared() -> Cluster {
    let cluster = cluster().workers(2).start().await;
    for (app, folder) in APPS {
        cluster.api().publish_ready(app, &built(folder).await, 2).await;
    }
    cluster
}
