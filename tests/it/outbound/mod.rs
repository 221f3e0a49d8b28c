//! Requests that functions send, from every kind of guest, through a real worker: to hosts of the test on loopback,
//! which are granted by address or by name. Where they may go ([`granted`]), and what bounds them ([`limits`]).

mod example;
mod granted;
mod limits;
mod tls;

use reqwest::Method;
use steading_tests::{Cluster, Host, http, packages};

pub(crate) use granted::a_granted_host_answers_every_kind_of_guest;

use crate::setup::{built, cluster};

/// A guest of each kind that can send requests.
const GUESTS: [&str; 3] = ["native", "wasi02", "wasi03"];

/// A function that may take its time.
const LIMITS: &str = "[limits]\ndeadline_ms_max = 30000\nresponse_body_kib_max = 65536\n";

/// A worker with a guest of each kind, which have these grants.
async fn serving(limits: &str, outbound: &str, worker: &str) -> Cluster {
    let cluster = cluster().workers(1).worker_tables(worker).start().await;
    let manifest = format!("{limits}[grants]\noutbound = [{outbound}]\n");
    for guest in GUESTS {
        cluster.api().publish_ready(guest, &package(guest, &manifest).await, 1).await;
    }
    cluster
}

async fn package(guest: &str, manifest: &str) -> Vec<u8> {
    let module = match guest {
        "native" => packages::module_of(&built("tests/guests").await),
        component => packages::component(component).await,
    };
    packages::zipped(&[("steading.toml", manifest.as_bytes()), ("guest.wasm", &module)])
}

/// What a guest says of a request to this URL.
async fn fetch(cluster: &Cluster, guest: &str, url: &str) -> String {
    fetched(cluster, guest, url).await.text()
}

async fn fetched(cluster: &Cluster, guest: &str, url: &str) -> http::Reply {
    let at = format!("{}/functions/{guest}/api/fetch", cluster.worker(0));
    http::send(http::request(Method::GET, &at).header("url", url)).await
}

/// The URL of a path of a host, by its address.
fn url(host: &Host, path: &str) -> String {
    format!("http://127.0.0.1:{}{path}", host.port())
}

/// Asserts that the guest got this error: by its name in WASI, or in the SDK.
#[track_caller]
fn assert_error(guest: &str, text: &str, (wasi, sdk): (&str, &str)) {
    let name = if guest == "native" { sdk } else { wasi };
    assert!(text.contains(name), "{guest}: `{name}` in `{text}`");
}

const DENIED: (&str, &str) = ("HttpRequestDenied", "Denied");
const PROHIBITED: (&str, &str) = ("DestinationIpProhibited", "AddressProhibited");
