//! Bodies through a gateway: nothing is held whole, in neither direction, and who leaves is missed.

use std::time::Duration;

use reqwest::{Body, Method, Response};
use steading_tests::{Cluster, Gateway, eventually, http, run};
use tokio::io::{AsyncReadExt, AsyncWriteExt, repeat};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::io::ReaderStream;

use crate::setup::{binary, built, cluster};

const SOON: Duration = Duration::from_secs(10);

/// What a gateway may grow by while a stream passes: buffers, and what the allocator keeps.
const GROWTH_BYTES_MAX: u64 = 32 << 20;

/// One worker with an app, and a gateway that has passed on a call of it.
async fn serving(app: &str, folder: &str, path: &str) -> (Cluster, Gateway) {
    let cluster = cluster().workers(1).start().await;
    cluster.api().publish_ready(app, &built(folder).await, 1).await;
    let gateway = Gateway::start(binary(), cluster.manager(), "").await;
    let url = format!("{}/api/{path}", gateway.url());
    eventually("the gateway to know the app", SOON, || async {
        let reply = http::get(&url).await;
        if reply.status == 200 { Ok(()) } else { Err(reply.text()) }
    })
    .await;
    (cluster, gateway)
}

async fn ticking() -> (Cluster, Gateway) {
    serving("ticker", "examples/ticker", "ticker?ticks=1&every_ms=1").await
}

async fn guests() -> (Cluster, Gateway) {
    serving("guests", "tests/guests", "steady").await
}

/// The value of one metric of the worker, all its labels added up.
async fn worker_metric(cluster: &Cluster, name: &str) -> f64 {
    http::metric(cluster.control(0), name).await
}

async fn becomes(cluster: &Cluster, name: &str, wanted: f64) {
    http::metric_becomes(cluster.control(0), name, wanted, SOON).await;
}

async fn ticker(gateway: &Gateway, query: &str) -> Response {
    let url = format!("{}/api/ticker?{query}", gateway.url());
    http::request(Method::GET, &url).send().await.expect("the head of the reply arrives")
}

#[test]
fn the_first_event_passes_while_the_guest_runs_and_a_caller_that_leaves_ends_it() {
    run(async {
        let (cluster, gateway) = ticking().await;
        let mut reply = ticker(&gateway, "ticks=2&every_ms=1500").await;
        let first = http::event(&mut reply).await.expect("there is a first event");
        assert!(first.starts_with("id: 1\n"), "{first:?}");
        assert_eq!(worker_metric(&cluster, "steading_in_flight ").await, 1.0);
        assert_eq!(gateway.metric("steading_gateway_in_flight ").await, 1.0);
        let second = http::event(&mut reply).await.expect("and a second");
        assert!(second.starts_with("id: 2\n"), "{second:?}");
        assert_eq!(http::event(&mut reply).await, None);

        let mut reply = ticker(&gateway, "ticks=100&every_ms=1000").await;
        http::event(&mut reply).await.expect("there is a first event");
        drop(reply);
        let cancelled = r#"steading_invocations_total{app="ticker",version="1",function="ticker",outcome="cancelled"}"#;
        becomes(&cluster, cancelled, 1.0).await;
        assert_eq!(gateway.metric("steading_gateway_in_flight ").await, 0.0);
    });
}

#[test]
fn a_caller_that_leaves_before_the_reply_ends_the_guest_too() {
    run(async {
        let (cluster, gateway) = guests().await;
        let mut caller = steading_tests::Raw::connect(gateway.url()).await;
        assert!(caller.send("GET /api/slow?ms=9000 HTTP/1.1\r\nhost: a\r\n\r\n").await);
        becomes(&cluster, "steading_in_flight ", 1.0).await;
        drop(caller);
        becomes(&cluster, "steading_in_flight ", 0.0).await;
        assert_eq!(gateway.metric("steading_gateway_in_flight ").await, 0.0);
    });
}

#[test]
fn a_large_body_passes_both_ways_in_constant_memory() {
    const BYTES: u64 = 256 << 20;
    run(async {
        let (_cluster, gateway) = guests().await;
        let echo = format!("{}/api/echo", gateway.url());
        assert_eq!(http::post(&echo, "warm").await.text(), "warm");
        let before = gateway.process().resident_bytes();
        let source = ReaderStream::with_capacity(repeat(7).take(BYTES), 64 << 10);
        let request = http::request(Method::POST, &echo).body(Body::wrap_stream(source));
        let mut reply = request.send().await.expect("the reply begins while the request goes on");
        let (mut received, mut largest) = (0, 0);
        while let Some(piece) = reply.chunk().await.expect("the reply arrives whole") {
            assert!(piece.iter().all(|byte| *byte == 7));
            let whole = received >> 24;
            received += piece.len() as u64;
            if received >> 24 > whole {
                largest = largest.max(gateway.process().resident_bytes());
            }
        }
        assert_eq!(received, BYTES);
        let growth = largest.saturating_sub(before);
        assert!(growth <= GROWTH_BYTES_MAX, "the gateway grew by {growth} bytes");
    });
}

#[test]
fn a_caller_that_does_not_read_is_waited_for_and_nothing_piles_up() {
    run(async {
        let (cluster, gateway) = guests().await;
        assert_eq!(http::post(&format!("{}/api/echo", gateway.url()), "warm").await.text(), "warm");
        let before = gateway.process().resident_bytes();
        let address = gateway.url().trim_start_matches("http://").to_owned();
        let mut unread = TcpStream::connect(&address).await.expect("the gateway accepts");
        let head = "POST /api/echo HTTP/1.1\r\nhost: x\r\ncontent-length: 1073741824\r\n\r\n";
        unread.write_all(head.as_bytes()).await.expect("the gateway takes the head");
        let (piece, mut taken) = (vec![7; 64 << 10], 0);
        while let Ok(written) = timeout(Duration::from_secs(1), unread.write_all(&piece)).await {
            written.expect("the gateway does not close the connection");
            taken += piece.len();
            assert!(taken < 512 << 20, "somebody piles it up");
        }
        let growth = gateway.process().resident_bytes().saturating_sub(before);
        assert!(growth <= GROWTH_BYTES_MAX, "the gateway grew by {growth} bytes");
        assert_eq!(worker_metric(&cluster, "steading_in_flight ").await, 1.0);
        unread.set_zero_linger().expect("a socket can be told to break off");
        drop(unread);
        becomes(&cluster, "steading_in_flight ", 0.0).await;
    });
}
