//! Commands: any WASI program, spoken to as CGI, through a real worker. What it sees ([`request`]), what it
//! may answer ([`response`]), how it ends ([`ends`]), and how it is published ([`publish`]).

mod ends;
mod function_file;
mod publish;
mod request;
mod response;

use reqwest::{Method, RequestBuilder};
use steading_tests::{Cluster, Shared, Watched, http, packages};

use crate::setup::cluster;

/// Two functions of one program: one that answers everything, and one with little of everything.
const MANIFEST: &str = r#"
[functions.behave.limits]
request_body_kib_max = 1048576
response_body_kib_max = 1048576

[functions.small]
module = "bin/behave.wasm"
route = "small/{id}/{*rest}"
methods = ["GET", "POST"]

[functions.small.limits]
deadline_ms_max = 500
memory_mib_max = 16
request_body_kib_max = 64
response_body_kib_max = 64
"#;

/// The package of the program under this manifest.
async fn package(manifest: &str) -> Vec<u8> {
    let module = packages::command().await;
    packages::zipped(&[("steading.toml", manifest.as_bytes()), ("bin/behave.wasm", &module)])
}

/// A worker with the program and nothing else.
async fn serving() -> Cluster {
    let cluster = cluster().workers(1).start().await;
    cluster.api().publish_ready("behave", &package(MANIFEST).await, 1).await;
    cluster
}

/// The one that tests share which leave it as they found it.
async fn shared() -> Watched {
    static SHARED: Shared = Shared::new();
    SHARED.get(serving()).await
}

/// A call of the program in the shared cluster.
async fn call(method: Method, path: &str) -> (Watched, RequestBuilder) {
    let cluster = shared().await;
    let request = http::request(method, &format!("{}/api/{path}", cluster.worker(0)));
    (cluster, request)
}

/// The reply to a `GET` of the program in the shared cluster.
async fn get(path: &str) -> http::Reply {
    let (_cluster, request) = call(Method::GET, path).await;
    http::send(request).await
}
