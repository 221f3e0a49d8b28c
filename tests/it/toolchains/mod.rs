//! Real programs from toolchains that are not ours: the examples in other languages, each built from source by its
//! own `steading.toml` and called through a real worker.

mod c;
mod rust;

use steading_tests::{Cluster, Toolchain};

use crate::setup::{built, cluster};

/// A worker with this example and nothing else, where there is the toolchain.
async fn serving(toolchain: &Toolchain, example: &str) -> Option<Cluster> {
    if !toolchain.is_there() {
        return None;
    }
    Some(serving_built(example).await)
}

/// A worker with this example and nothing else.
async fn serving_built(example: &str) -> Cluster {
    let package = built(&format!("examples/{example}")).await;
    let cluster = cluster().workers(1).start().await;
    cluster.api().publish_ready(example, &package, 1).await;
    cluster
}
