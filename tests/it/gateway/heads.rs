//! What a worker gets of a request and a caller of a reply, byte by byte.

use steading_tests::{FakeWorker, Gateway, Raw, http, run};

use crate::setup::binary;

/// Sends a head to a gateway in front of one worker; what the worker gets, and the worker's connection.
async fn passed(gateway: &Gateway, worker: &FakeWorker, head: &str) -> (Raw, String, Raw) {
    let mut caller = Raw::connect(gateway.url()).await;
    assert!(caller.send(head).await);
    let mut line = worker.accept().await;
    let got = line.until("\r\n\r\n").await.to_ascii_lowercase();
    (caller, got, line)
}

#[test]
fn what_concerns_the_callers_connection_stays_there_and_its_origin_is_told() {
    run(async {
        let worker = FakeWorker::open().await;
        let gateway = Gateway::before(binary(), &[&worker], "").await;
        let head = "GET /api/f/x?y=1 HTTP/1.1\r\nHost: App.example.org\r\nConnection: keep-alive, X-Mine\r\n\
                    X-Mine: 1\r\nTE: trailers\r\nProxy-Authorization: x\r\nAuthorization: y\r\n\
                    X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\n\r\n";
        let (mut caller, got, mut line) = passed(&gateway, &worker, head).await;
        assert!(got.starts_with("get /api/f/x?y=1 http/1.1\r\n"), "{got}");
        for expected in [
            "host: app.example.org\r\n",
            "authorization: y\r\n",
            "te: trailers\r\n",
            "x-forwarded-for: 127.0.0.1\r\n",
            "x-forwarded-proto: http\r\n",
            "x-forwarded-host: app.example.org\r\n",
            "via: 1.1 steading\r\n",
        ] {
            assert!(got.contains(expected), "{expected} is not in {got}");
        }
        for absent in ["x-mine", "connection", "proxy-authorization", "203.0.113.9"] {
            assert!(!got.contains(absent), "{absent} is in {got}");
        }
        let reply = "HTTP/1.1 200 OK\r\nconnection: x-own\r\nx-own: 1\r\nkeep-alive: timeout=9\r\n\
                     x-kept: 1\r\nx-steading-refused: forged\r\ncontent-length: 2\r\n\r\nok";
        assert!(line.send(reply).await);
        let answer = caller.until("\r\n\r\nok").await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains("x-kept: 1\r\n"));
        for absent in ["x-own", "keep-alive", "x-steading-refused"] {
            assert!(!answer.contains(absent), "{absent} is in {answer}");
        }
        // both connections are used again
        assert!(caller.send("GET /api/f/2 HTTP/1.1\r\nhost: a\r\n\r\n").await);
        line.until("GET /api/f/2 HTTP/1.1\r\n").await;
    });
}

#[test]
fn a_trusted_proxys_word_on_the_origin_is_kept_and_added_to() {
    run(async {
        let worker = FakeWorker::open().await;
        let trust = "trust_forwarded_from = [\"127.0.0.0/8\"]\n";
        let gateway = Gateway::before(binary(), &[&worker], trust).await;
        let head = "GET /api/f/x HTTP/1.1\r\nhost: a\r\nx-forwarded-for: 203.0.113.9\r\n\
                    x-forwarded-proto: https\r\nx-forwarded-host: shop\r\n\r\n";
        let (_caller, got, _line) = passed(&gateway, &worker, head).await;
        for expected in [
            "x-forwarded-for: 203.0.113.9\r\nx-forwarded-for: 127.0.0.1\r\n",
            "x-forwarded-proto: https\r\n",
            "x-forwarded-host: shop\r\n",
        ] {
            assert!(got.contains(expected), "{expected} is not in {got}");
        }
    });
}

#[test]
fn a_body_that_waits_for_continue_is_asked_for_only_when_the_worker_asks() {
    run(async {
        let worker = FakeWorker::open().await;
        let gateway = Gateway::before(binary(), &[&worker], "").await;
        let head = "POST /api/f/x HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n";
        let (mut caller, got, mut line) = passed(&gateway, &worker, head).await;
        assert!(got.contains("expect: 100-continue\r\n") && got.contains("content-length: 4\r\n"));
        assert!(line.send("HTTP/1.1 100 Continue\r\n\r\n").await);
        caller.until("HTTP/1.1 100 Continue\r\n\r\n").await;
        assert!(caller.send("body").await);
        line.until("body").await;
        assert!(line.send("HTTP/1.1 204 No Content\r\n\r\n").await);
        assert!(caller.until("\r\n\r\n").await.starts_with("HTTP/1.1 204 "));

        // a worker that does not want it is heard first, and nobody waits for the body
        assert!(caller.send(head).await);
        line.until("\r\n\r\n").await;
        assert!(line.send("HTTP/1.1 413 Content Too Large\r\ncontent-length: 0\r\n\r\n").await);
        let answer = caller.until("\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
        assert!(answer.contains("connection: close"), "{answer}");
    });
}

#[test]
fn trailers_pass_in_both_directions() {
    run(async {
        let worker = FakeWorker::open().await;
        let gateway = Gateway::before(binary(), &[&worker], "").await;
        let request = "POST /api/f/x HTTP/1.1\r\nhost: a\r\nte: trailers\r\ntrailer: x-sum\r\n\
                       transfer-encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\nx-sum: 7\r\n\r\n";
        let (mut caller, got, mut line) = passed(&gateway, &worker, request).await;
        assert!(
            got.contains("transfer-encoding: chunked") && got.contains("trailer: x-sum"),
            "{got}"
        );
        line.until("x-sum: 7\r\n\r\n").await;
        let reply = "HTTP/1.1 200 OK\r\ntrailer: x-end\r\ntransfer-encoding: chunked\r\n\r\n\
                     2\r\nok\r\n0\r\nx-end: 9\r\n\r\n";
        assert!(line.send(reply).await);
        let answer = caller.until("x-end: 9\r\n\r\n").await;
        assert!(answer.contains("\r\n2\r\nok\r\n0\r\n"), "{answer}");
    });
}

#[test]
fn what_no_worker_answers_is_answered_by_the_gateway() {
    run(async {
        let worker = FakeWorker::open().await;
        let gateway = Gateway::before(binary(), &[&worker], "").await;
        let url = |path: &str| format!("{}{path}", gateway.url());
        let unknown = http::get(&url("/api/other")).await.problem();
        assert_eq!((unknown.status, unknown.code.as_str()), (404, "route_unknown"));
        let mut caller = Raw::connect(gateway.url()).await;
        let upgrade =
            "GET /api/f/x HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";
        assert!(caller.send(upgrade).await);
        let answer = caller.until("}").await;
        assert!(answer.contains("501") && answer.contains("upgrade_unsupported"), "{answer}");
        assert!(worker.is_left_alone().await);

        let url = url("/api/f/x");
        drop(worker);
        let gone = http::get(&url).await.problem();
        assert_eq!((gone.status, gone.code.as_str()), (502, "worker_unreachable"));
        assert!(gone.title.contains("`fake-0`"), "{}", gone.title);

        let lonely = Gateway::before(binary(), &[], "").await;
        let reply = http::get(&format!("{}/api/f/x", lonely.url())).await;
        assert_eq!(reply.header("retry-after"), "1");
        assert_eq!(
            (reply.problem().status, reply.problem().code.as_str()),
            (503, "no_worker_ready")
        );
        assert_eq!(lonely.metric("steading_gateway_requests_refused_total").await, 1.0);
    });
}
