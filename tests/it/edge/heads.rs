//! Heads and bodies that are malformed, too large, or say two things at once.

use reqwest::{Method, StatusCode};
use steading_tests::{Cluster, Raw, http, packages, run};

use super::{ANSWER, STEADY};
use crate::setup::{built, shared};

/// Sends these bytes on a connection of their own and returns all that comes until it is closed.
async fn answer(cluster: &Cluster, bytes: impl AsRef<[u8]>) -> String {
    let mut raw = Raw::connect(cluster.worker(0)).await;
    raw.send(bytes).await;
    raw.until_closed().await
}

/// A call of the guest `slurp` with these headers and this body.
fn slurp(headers: &str, body: &str) -> String {
    format!("POST /functions/guests/api/slurp HTTP/1.1\r\nhost: x\r\n{headers}\r\n\r\n{body}")
}

async fn assert_alive(cluster: &Cluster) {
    let reply = http::get(&format!("{}/functions/guests/api/steady", cluster.worker(0))).await;
    assert_eq!((reply.status, reply.text().as_str()), (StatusCode::OK, ANSWER));
}

#[test]
fn a_length_that_is_said_in_two_ways_is_refused_or_ends_the_connection() {
    run(async {
        let cluster = shared().await;
        for headers in [
            "content-length: 5\r\ncontent-length: 6",
            "content-length: 5, 6",
            "content-length: +5",
            "content-length: -1",
            "content-length: 99999999999999999999999",
            "transfer-encoding: gzip",
            "transfer-encoding: chunked, gzip",
            "transfer-encoding: xchunked",
        ] {
            let seen = answer(&cluster, slurp(headers, "hello")).await;
            assert!(seen.starts_with("HTTP/1.1 400 "), "{headers}: {seen}");
            assert_eq!(seen.matches("HTTP/1.1").count(), 1, "{headers}: {seen}");
        }
        // both kinds of length: the chunks count, and what a proxy might have taken for the next
        // request is never read as one
        for headers in [
            "content-length: 5\r\ntransfer-encoding: chunked",
            "transfer-encoding: chunked\r\ncontent-length: 5",
        ] {
            let seen = answer(&cluster, slurp(headers, &format!("0\r\n\r\n{STEADY}"))).await;
            assert!(seen.contains("read 0 bytes"), "{headers}: {seen}");
            assert_eq!(seen.matches("HTTP/1.1").count(), 1, "{headers}: {seen}");
        }
        let old = "POST /functions/guests/api/slurp HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n";
        let seen = answer(&cluster, format!("{old}0\r\n\r\n")).await;
        assert!(seen.contains(" 400 "), "{seen}");
        assert_alive(&cluster).await;
    });
}

#[test]
fn chunks_are_read_as_they_should_be_and_broken_ones_end_the_connection() {
    run(async {
        let cluster = shared().await;
        let chunked = |body: &str| slurp("transfer-encoding: chunked\r\nconnection: close", body);
        for (body, read) in [
            ("0\r\n\r\n", 0),
            ("5\r\nhello\r\n0\r\n\r\n", 5),
            ("5;a=b\r\nhello\r\n0\r\nx: y\r\n\r\n", 5),
        ] {
            let seen = answer(&cluster, chunked(body)).await;
            assert!(seen.contains(&format!("read {read} bytes")), "{body}: {seen}");
        }
        for body in
            ["fffffffffffffffff\r\nhello", "-1\r\nhello\r\n", "zz\r\n", "5\r\nhelloXX0\r\n\r\n"]
        {
            let seen = answer(&cluster, chunked(body)).await;
            assert!(!seen.contains(" 200 "), "{body}: {seen}");
        }
        assert_alive(&cluster).await;
    });
}

#[test]
fn header_text_that_could_be_read_in_two_ways_is_refused() {
    run(async {
        let cluster = shared().await;
        for header in
            ["x: a\rb: c", "x: a\0b", "x: a\r\n folded: b", "x : a", "x y: a", ": a", "no colon"]
        {
            let head =
                format!("GET /functions/guests/api/steady HTTP/1.1\r\nhost: x\r\n{header}\r\n\r\n");
            let seen = answer(&cluster, head).await;
            assert!(seen.starts_with("HTTP/1.1 400 "), "{header:?}: {seen}");
        }
        for line in ["GET", "GET /a b HTTP/1.1", "GET / HTTP/9.9", "\u{1}\u{2} / HTTP/1.1"] {
            let seen = answer(&cluster, format!("{line}\r\nhost: x\r\n\r\n")).await;
            assert!(!seen.contains(" 200 "), "{line:?}: {seen}");
        }
        assert_alive(&cluster).await;
    });
}

#[test]
fn a_long_url_is_refused_with_414_and_too_large_a_head_with_431() {
    run(async {
        let cluster = shared().await;
        let worker = cluster.worker(0);
        let long = format!("{worker}/functions/guests/api/steady?{}", "x".repeat(10_000));
        let reply = http::get(&long).await;
        assert_eq!(
            (reply.status, reply.problem().code.as_str()),
            (StatusCode::URI_TOO_LONG, "uri_too_long")
        );

        let path = "y".repeat(63 << 10);
        let seen = answer(
            &cluster,
            format!("GET /{path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"),
        )
        .await;
        assert!(seen.starts_with("HTTP/1.1 414 "), "{seen}");

        let headers = (0..200).map(|n| format!("x-{n}: y\r\n")).collect::<String>();
        let head = format!("GET /functions/guests/api/steady HTTP/1.1\r\nhost: x\r\n{headers}\r\n");
        let seen = answer(&cluster, head).await;
        assert!(seen.starts_with("HTTP/1.1 431 "), "{seen}");

        let value = "z".repeat(70 << 10);
        let seen =
            answer(&cluster, format!("GET / HTTP/1.1\r\nhost: x\r\nx: {value}\r\n\r\n")).await;
        assert!(seen.is_empty() || seen.starts_with("HTTP/1.1 431 "), "{seen}");
        assert_alive(&cluster).await;

        let control = http::get(&format!("{}/metrics", cluster.control(0))).await.text();
        for code in ["uri_too_long", "head_too_large"] {
            assert!(
                control.contains(&format!("steading_requests_refused_total{{code=\"{code}\"}}")),
                "{control}"
            );
        }
    });
}

#[test]
fn http2_has_the_same_limits_of_a_head() {
    run(async {
        let cluster = shared().await;
        let client = http::client(reqwest::ClientBuilder::http2_prior_knowledge);
        let url = format!("{}/functions/guests/api/steady", cluster.worker(0));
        let mut request = client.get(&url);
        for n in 0..200 {
            request = request.header(format!("x-{n}"), "y");
        }
        let reply = http::send(request).await;
        assert_eq!(reply.problem().code, "head_too_large");
        let reply = http::send(client.get(format!("{url}?{}", "x".repeat(10_000)))).await;
        assert_eq!(reply.problem().code, "uri_too_long");
        assert_eq!(http::send(client.get(&url)).await.text(), ANSWER);
    });
}

#[test]
fn an_absolute_target_outranks_the_host_header() {
    run(async {
        let cluster = shared().await;
        let guests = packages::module_of(&built("tests/guests").await);
        let manifest = b"[app]\nhosts = [\"edge.example\"]\n".as_slice();
        let second = packages::steady(&guests, 2);
        let package = packages::zipped(&[("a.wasm", &second), ("steading.toml", manifest)]);
        cluster.api().publish_ready("edge", &package, 2).await;
        for (target, host, version) in [
            ("http://edge.example/api/steady", "other.example", 2),
            ("http://other.example/api/steady", "edge.example", 1),
            ("/api/steady", "edge.example", 2),
            ("/api/steady", "other.example", 1),
        ] {
            let head =
                format!("GET {target} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
            let seen = answer(&cluster, head).await;
            assert!(
                seen.ends_with(&format!("the steady guest, version {version}")),
                "{target} {host}: {seen}"
            );
        }
        let url = format!("{}/api/steady", cluster.worker(0));
        let by_header = http::request(Method::GET, &url).header("host", "edge.example:80");
        assert_eq!(http::send(by_header).await.text(), "the steady guest, version 2");
    });
}
