//! Bodies that stream: nothing is held whole, the first byte leaves before the guest ends, and a
//! guest whose caller goes away is ended.

use std::time::{Duration, Instant};

use reqwest::{Body, Method, Response};
use steading_protocol::VersionNumber;
use steading_tests::passage::GROWTH_BYTES_MAX;
use steading_tests::{Cluster, http, packages, run};
use tokio::io::{AsyncReadExt, AsyncWriteExt, repeat};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::io::ReaderStream;

use crate::setup::{built, cluster};

/// Patience on a busy machine; nothing here waits that long when all is well.
const SOON: Duration = Duration::from_secs(10);

async fn serving(app: &str, folder: &str) -> Cluster {
    let cluster = cluster().workers(1).start().await;
    let version: VersionNumber = cluster.api().publish_ready(app, &built(folder).await, 1).await;
    assert_eq!(version, VersionNumber(1));
    cluster
}

/// The value of one metric of the first worker, all its labels added up.
async fn metric(cluster: &Cluster, name: &str) -> f64 {
    http::metric(cluster.control(0), name).await
}

async fn becomes(cluster: &Cluster, name: &str, wanted: f64) {
    http::metric_becomes(cluster.control(0), name, wanted, SOON).await;
}

async fn ticker(cluster: &Cluster, query: &str) -> Response {
    let url = format!("{}/api/ticker?{query}", cluster.worker(0));
    http::request(Method::GET, &url).send().await.expect("the head of the response arrives")
}

#[test]
pub(crate) fn a_gigabyte_is_echoed_in_constant_memory() {
    const BYTES: u64 = 1 << 30;
    run(async {
        let mut cluster = serving("guests", "tests/guests").await;
        let echo = format!("{}/api/echo", cluster.worker(0));
        let small = http::send(http::request(Method::POST, &echo).body("warm")).await;
        assert_eq!(small.text(), "warm");
        let before = cluster.worker_process(0).resident_bytes();

        let source = ReaderStream::with_capacity(repeat(7).take(BYTES), 64 << 10);
        let request = http::request(Method::POST, &echo).body(Body::wrap_stream(source));
        let mut reply = request.send().await.expect("the reply begins while the request goes on");
        let (mut received, mut largest) = (0, 0);
        while let Some(piece) = reply.chunk().await.expect("the reply arrives whole") {
            assert!(piece.iter().all(|byte| *byte == 7));
            let whole = received >> 26;
            received += piece.len() as u64;
            if received >> 26 > whole {
                largest = largest.max(cluster.worker_process(0).resident_bytes());
            }
        }
        assert_eq!(received, BYTES);
        let growth = largest.saturating_sub(before);
        assert!(growth <= GROWTH_BYTES_MAX, "the worker grew by {growth} bytes");
    });
}

#[test]
fn a_caller_that_does_not_read_stops_the_guest_and_not_the_worker() {
    run(async {
        let mut cluster = serving("guests", "tests/guests").await;
        let before = cluster.worker_process(0).resident_bytes();
        let unread = flooded(&cluster).await;

        assert_eq!(metric(&cluster, "steading_in_flight ").await, 1.0);
        let steady = http::get(&format!("{}/api/steady", cluster.worker(0))).await;
        assert_eq!(steady.status, 200);
        let growth = cluster.worker_process(0).resident_bytes().saturating_sub(before);
        assert!(growth <= GROWTH_BYTES_MAX, "the worker grew by {growth} bytes");
        unread.set_zero_linger().expect("a socket can be told to break off");
        drop(unread);
        becomes(&cluster, "steading_in_flight ", 0.0).await;
    });
}

#[test]
fn a_caller_that_stops_reading_does_not_keep_a_guest_beyond_its_deadline() {
    run(async {
        let cluster = cluster().workers(1).start().await;
        let module = packages::module_of(&built("tests/guests").await);
        let manifest = b"[app]\nname = \"guests\"\n[limits]\ndeadline_ms_max = 3000\nrequest_body_kib_max = 1048576\n";
        let package = packages::zipped(&[("steading.toml", manifest), ("guests.wasm", &module)]);
        cluster.api().publish_ready("guests", &package, 1).await;
        let unread = flooded(&cluster).await;
        assert_eq!(metric(&cluster, "steading_in_flight ").await, 1.0);
        becomes(&cluster, "steading_in_flight ", 0.0).await;
        let exceeded = r#"steading_invocations_total{app="guests",version="1",function="echo",outcome="deadline_exceeded"}"#;
        assert_eq!(metric(&cluster, exceeded).await, 1.0);
        drop(unread);
    });
}

/// A connection that has sent as much to the guest `echo` as anyone between takes, and read nothing.
async fn flooded(cluster: &Cluster) -> TcpStream {
    let address = cluster.worker(0).trim_start_matches("http://").to_owned();
    let mut connection = TcpStream::connect(&address).await.expect("the worker accepts");
    let head = "POST /api/echo HTTP/1.1\r\nhost: x\r\ncontent-length: 1073741824\r\n\r\n";
    connection.write_all(head.as_bytes()).await.expect("the worker takes the head");
    let piece = vec![7; 64 << 10];
    while let Ok(written) = timeout(Duration::from_secs(1), connection.write_all(&piece)).await {
        written.expect("the worker does not close the connection");
    }
    connection
}

#[test]
fn the_first_event_arrives_while_the_guest_still_runs() {
    run(async {
        let cluster = serving("ticker", "examples/ticker").await;
        let mut reply = ticker(&cluster, "ticks=2&every_ms=2000").await;
        assert_eq!(reply.headers()["content-type"], "text/event-stream");
        let first = http::event(&mut reply).await.expect("there is a first event");
        assert!(first.starts_with("id: 1\n"), "{first:?}");
        assert_eq!(metric(&cluster, "steading_in_flight ").await, 1.0);
        let second = http::event(&mut reply).await.expect("and a second");
        assert!(second.starts_with("id: 2\n"), "{second:?}");
        assert_eq!(http::event(&mut reply).await, None);
        becomes(&cluster, "steading_in_flight ", 0.0).await;
    });
}

#[test]
fn a_caller_that_goes_away_ends_the_guest_within_100_ms() {
    run(async {
        let cluster = serving("ticker", "examples/ticker").await;
        let mut fastest = Duration::MAX;
        // the best of a few: the machine that this runs on is busy with other tests
        for round in 1..=5 {
            let mut reply = ticker(&cluster, "ticks=100&every_ms=1000").await;
            http::event(&mut reply).await.expect("there is a first event");
            let left = Instant::now();
            drop(reply);
            becomes(
                &cluster,
                r#"steading_invocations_total{app="ticker",version="1",function="ticker",outcome="cancelled"}"#,
                f64::from(round),
            )
            .await;
            fastest = fastest.min(left.elapsed());
        }
        assert!(fastest <= Duration::from_millis(100), "{fastest:?}");
    });
}
