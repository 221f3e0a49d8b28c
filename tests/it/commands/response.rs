//! What a command may answer, and how it leaves.

use std::time::Duration;

use reqwest::Method;
use steading_tests::passage::GROWTH_BYTES_MAX;
use steading_tests::{http, passage, run};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{call, get, serving};

#[test]
fn a_megabyte_is_echoed_as_it_was_sent() {
    run(async {
        let body = passage::megabyte();
        let (_cluster, request) = call(Method::POST, "echo").await;
        let reply = http::send(request.header("content-type", "image/x").body(body.clone())).await;
        assert_eq!((reply.status.as_u16(), reply.header("content-type")), (200, "image/x"));
        assert!(reply.body == body, "{} bytes came back", reply.body.len());
    });
}

#[test]
fn a_hundred_megabytes_pass_through_in_constant_memory() {
    run(async {
        let mut cluster = serving().await;
        let echo = format!("{}/api/echo", cluster.worker(0));
        let growth = passage::grown_by(&mut cluster, &echo, 100 << 20).await;
        assert!(growth <= GROWTH_BYTES_MAX, "the worker grew by {growth} bytes");
    });
}

#[test]
fn a_caller_that_stops_reading_stops_the_program_and_not_the_worker() {
    run(async {
        let mut cluster = serving().await;
        let before = cluster.worker_process(0).resident_bytes();
        let address = cluster.worker(0).trim_start_matches("http://").to_owned();
        let mut caller = TcpStream::connect(&address).await.expect("the worker accepts");
        let head = "POST /api/echo HTTP/1.1\r\nhost: x\r\ncontent-length: 1073741824\r\n\r\n";
        caller.write_all(head.as_bytes()).await.expect("the worker takes the head");
        let piece = vec![7; 64 << 10];
        let mut sent = 0;
        while let Ok(written) = timeout(Duration::from_secs(1), caller.write_all(&piece)).await {
            written.expect("the worker does not close the connection");
            sent += piece.len() as u64;
            assert!(sent < 512 << 20, "nobody takes so much without passing it on");
        }
        let growth = cluster.worker_process(0).resident_bytes().saturating_sub(before);
        assert!(growth <= GROWTH_BYTES_MAX, "the worker grew by {growth} bytes");
        let other = http::get(&format!("{}/api/length", cluster.worker(0))).await;
        assert_eq!(other.text(), "0");
        caller.set_zero_linger().expect("a socket can be told to break off");
        drop(caller);
        let within = Duration::from_secs(10);
        http::metric_becomes(cluster.control(0), "steading_in_flight ", 0.0, within).await;
    });
}

#[test]
fn status_and_headers_are_the_programs_but_for_those_of_the_connection() {
    run(async {
        let reply = get("status").await;
        assert_eq!(reply.status, 418);
        let two: Vec<_> = reply.headers.get_all("x-two").iter().collect();
        assert_eq!(two, ["a", "b"]);
        assert_eq!(reply.header("connection"), "");
    });
}

#[test]
fn a_length_that_is_not_that_of_the_body_is_not_passed_on() {
    run(async {
        for path in ["promise-less", "promise-more"] {
            let reply = get(path).await;
            let length = reply.header("content-length");
            assert_eq!((reply.status.as_u16(), &*reply.text()), (200, "hello"), "{path}");
            assert!(["", "5"].contains(&length), "{path}: {length}");
        }
        // nothing of one response is taken for the beginning of the next
        assert_eq!(get("length").await.text(), "0");
    });
}

#[test]
fn a_location_without_a_status_is_a_redirect() {
    run(async {
        let reply = get("redirect").await;
        assert_eq!((reply.status.as_u16(), reply.header("location")), (302, "/api/elsewhere"));
    });
}

#[test]
fn a_head_that_cannot_be_sent_answers_500_and_is_named() {
    run(async {
        for (path, code, reason) in [
            ("plain", "response_invalid", "`Hello, world`, is no header"),
            ("headless", "response_invalid", "not ended by an empty line"),
            ("smuggle", "response_invalid", "`X-Guest` has forbidden bytes"),
            ("long", "response_head_too_large", "65536 bytes"),
        ] {
            let reply = get(path).await;
            assert!(reply.header("x-guest").is_empty() && reply.header("x-smuggled").is_empty());
            let problem = reply.problem();
            assert_eq!((problem.status, problem.code.as_str()), (500, code), "{path}");
            assert!(problem.title.contains(reason), "{path}: {}", problem.title);
        }
    });
}
