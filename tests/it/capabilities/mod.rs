//! What functions reach outside of their sandbox, end to end: key-value stores ([`kv`]), settings and secrets
//! ([`settings`]), their log ([`log`]), and the yes that an operator has to say ([`grants`]), on
//! the command line and in the portal ([`portal`]). The app is the example `visits`, where it is not another.

mod grants;
mod kv;
mod log;
mod portal;
mod settings;

use reqwest::{Method, StatusCode};
use steading_tests::{Cluster, http};

pub(crate) use log::records_have_the_levels_that_their_function_gave_them;

use crate::setup::{built, cluster};

/// So many workers with the example `visits`.
async fn visited(workers: usize) -> Cluster {
    let cluster = cluster().workers(workers).start().await;
    cluster.api().publish_ready("visits", &built("examples/visits").await, workers).await;
    cluster
}

/// Counts a visit at a worker; the status, and the count.
async fn visit(cluster: &Cluster, worker: usize, page: &str) -> (StatusCode, i64) {
    let url = format!("{}/api/visits/{page}", cluster.worker(worker));
    let reply = http::send(http::request(Method::POST, &url)).await;
    let counted = reply.status.is_success().then(|| reply.json::<serde_json::Value>());
    (reply.status, counted.and_then(|json| json["visits"].as_i64()).unwrap_or(-1))
}

/// What `GET /api/visits` says at a worker.
async fn visits(cluster: &Cluster, worker: usize) -> serde_json::Value {
    http::get(&format!("{}/api/visits", cluster.worker(worker))).await.json()
}

/// The status of a reset with a key.
async fn reset(cluster: &Cluster, page: &str, key: &str) -> StatusCode {
    let url = format!("{}/api/visits/{page}", cluster.worker(0));
    let request = http::request(Method::DELETE, &url).header("x-reset-key", key);
    http::send(request).await.status
}
