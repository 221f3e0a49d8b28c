//! Instances that serve one call after the other, of apps that ask for it: what the next call sees ([`kept`]), what
//! ends an instance ([`dropped`]), what a call has of its own all the same ([`own`]), and who comes first when the worker
//! is full, or the app changes ([`places`]).

mod dropped;
mod kept;
mod own;
mod places;

use std::time::Duration;

use reqwest::Method;
use steading_tests::{Cluster, http};
use tokio::task::JoinSet;

use super::{package, url};
use crate::setup::cluster;

const SOON: Duration = Duration::from_secs(10);

/// Long enough for a busy machine to come to the next call.
const REUSE: &str = "[grants]\nreuse = { idle_ms = 60000 }\n";

/// A worker with these tables and one app of each guest under this manifest.
async fn serving(manifest: &str, worker: &str) -> Cluster {
    let cluster = cluster().workers(1).worker_tables(worker).start().await;
    for guest in super::BOTH {
        cluster.api().publish_ready(guest, &package(guest, manifest).await, 1).await;
    }
    cluster
}

/// What an app says.
async fn said(cluster: &Cluster, app: &str, path: &str) -> String {
    let reply = http::get(&url(cluster, app, path)).await;
    assert_eq!(reply.status, 200, "{app} {path}: {}", reply.text());
    reply.text()
}

/// Asserts which call of its instance each of these is, one after the other.
async fn assert_calls(cluster: &Cluster, app: &str, calls: &[(&str, &str)]) {
    for (at, (path, call)) in calls.iter().enumerate() {
        assert_eq!(said(cluster, app, path).await, *call, "{app}, call {at}, {path}");
    }
}

/// Waits until so many instances of the worker are idle.
async fn idle(cluster: &Cluster, wanted: f64) {
    http::metric_becomes(cluster.control(0), "steading_instances_idle ", wanted, SOON).await;
}

/// A request to an app.
fn get(cluster: &Cluster, app: &str, path: &str) -> reqwest::RequestBuilder {
    http::request(Method::GET, &url(cluster, app, path))
}

/// Three calls side by side, which take long enough to be that.
async fn three_at_once(cluster: &Cluster, app: &str) {
    let calls = (0..3).map(|_| http::send(get(cluster, app, "stream")));
    for reply in calls.collect::<JoinSet<_>>().join_all().await {
        assert_eq!(reply.text(), "first\nsecond\n", "{app}");
    }
}
