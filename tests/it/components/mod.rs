//! Components of `wasi:http`, of WASI 0.2 and 0.3, through a real worker: what they see ([`request`]), what they may
//! answer ([`response`]), how they end ([`ends`]), what they send ([`outgoing`]), what they get that is not WASI yet
//! ([`proposals`]), how one instance serves several calls ([`reuse`]), and how they are published ([`publish`]). The two guests of `tests/components` do the same things
//! but for the proposals, of which that of 0.3 uses less, so every other test asks both.

mod ends;
mod outgoing;
mod proposals;
mod publish;
mod request;
mod response;
mod reuse;

use reqwest::{Method, RequestBuilder};
use steading_tests::{Cluster, Shared, Watched, http, packages};

use crate::setup::cluster;

/// The two guests.
const BOTH: [&str; 2] = ["wasi02", "wasi03"];

/// Room for long bodies.
const LARGE: &str = "[limits]\nrequest_body_kib_max = 1048576\nresponse_body_kib_max = 1048576\n";

/// Little of everything.
const SMALL: &str = "[limits]\ndeadline_ms_max = 2000\ncpu_ms_max = 100\nmemory_mib_max = 16\nrequest_body_kib_max = 64\nresponse_body_kib_max = 64\n";

/// The package of a guest under this manifest.
async fn package(guest: &str, manifest: &str) -> Vec<u8> {
    let module = packages::component(guest).await;
    packages::zipped(&[("steading.toml", manifest.as_bytes()), ("guest.wasm", &module)])
}

/// A worker with both guests, each as an app of its name, and with little of everything as `<name>-small`.
async fn serving() -> Cluster {
    let cluster = cluster().workers(1).start().await;
    for guest in BOTH {
        cluster.api().publish_ready(guest, &package(guest, LARGE).await, 1).await;
        let small = package(guest, SMALL).await;
        cluster.api().publish_ready(&format!("{guest}-small"), &small, 1).await;
    }
    cluster
}

/// The one that tests share which leave it as they found it.
async fn shared() -> Watched {
    static SHARED: Shared = Shared::new();
    SHARED.get(serving()).await
}

/// Where an app of the cluster answers.
fn url(cluster: &Cluster, app: &str, path: &str) -> String {
    format!("{}/functions/{app}/api/{path}", cluster.worker(0))
}

/// A call of an app in the shared cluster.
async fn call(method: Method, app: &str, path: &str) -> (Watched, RequestBuilder) {
    let cluster = shared().await;
    let request = http::request(method, &url(&cluster, app, path));
    (cluster, request)
}

/// The reply to a `GET` of an app in the shared cluster.
async fn get(app: &str, path: &str) -> http::Reply {
    let (_cluster, request) = call(Method::GET, app, path).await;
    http::send(request).await
}

/// The reply to a `POST` to an app in the shared cluster.
async fn post(app: &str, path: &str, body: impl Into<reqwest::Body>) -> http::Reply {
    let (_cluster, request) = call(Method::POST, app, path).await;
    http::send(request.body(body)).await
}

/// The app with little of everything.
fn small(guest: &str) -> String {
    format!("{guest}-small")
}
