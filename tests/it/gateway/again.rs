//! What is sent to a second worker, and what never is. The workers are played by the tests.

use std::time::Duration;

use reqwest::Method;
use steading_tests::{FakeWorker, Gateway, Raw, eventually, http, run};

use crate::setup::binary;

/// Two workers and the gateway in front of them.
async fn two() -> (FakeWorker, FakeWorker, Gateway) {
    let (one, other) = (FakeWorker::open().await, FakeWorker::open().await);
    let gateway = Gateway::before(binary(), &[&one, &other], "").await;
    (one, other, gateway)
}

/// The connection that the gateway makes, to whichever worker it has picked, and the other worker.
async fn picked<'w>(one: &'w FakeWorker, other: &'w FakeWorker) -> (Raw, &'w FakeWorker) {
    tokio::select! {
        line = one.accept() => (line, other),
        line = other.accept() => (line, one),
    }
}

const OK: &str = "HTTP/1.1 200 OK\r\nx-steading-invocation: 1\r\ncontent-length: 5\r\n\r\nhere!";

const OK_ONCE: &str = "HTTP/1.1 200 OK\r\nx-steading-invocation: 1\r\nconnection: close\r\n\
                       content-length: 0\r\n\r\n";

/// What answers where a worker was before, and is none.
const STRANGE: &str = "HTTP/1.1 404 Not Found\r\ncontent-length: 6\r\n\r\nwhat's";

#[test]
fn an_idempotent_request_goes_to_another_worker_when_the_connection_breaks_before_the_reply() {
    run(async {
        for (method, body) in [("GET", ""), ("PUT", "some text"), ("DELETE", "")] {
            let (one, other, gateway) = two().await;
            let url = format!("{}/api/f/x", gateway.url());
            let method = Method::from_bytes(method.as_bytes()).expect("a method");
            let asked = tokio::spawn(http::send(http::request(method.clone(), &url).body(body)));
            let (mut first, second) = picked(&one, &other).await;
            first.until(&format!("\r\n\r\n{body}")).await;
            drop(first);
            let mut second = second.accept().await;
            second.until(&format!("\r\n\r\n{body}")).await;
            assert!(second.send(OK).await);
            assert_eq!(asked.await.expect("it is answered").text(), "here!", "{method}");
            assert_eq!(gateway.metric("steading_gateway_sent_again_total").await, 1.0);
        }
    });
}

#[test]
fn it_is_tried_on_a_second_worker_and_on_no_third() {
    run(async {
        let (one, other, third) =
            (FakeWorker::open().await, FakeWorker::open().await, FakeWorker::open().await);
        let gateway = Gateway::before(binary(), &[&one, &other, &third], "").await;
        let url = format!("{}/api/f/x", gateway.url());
        let asked = tokio::spawn(async move { http::get(&url).await });
        for _ in 0..2 {
            let mut line = tokio::select! {
                line = one.accept() => line,
                line = other.accept() => line,
                line = third.accept() => line,
            };
            line.until("\r\n\r\n").await;
        }
        let problem = asked.await.expect("it is answered").problem();
        assert_eq!((problem.status, problem.code.as_str()), (502, "worker_broke_off"));
    });
}

#[test]
fn a_post_that_was_sent_is_not_sent_again() {
    run(async {
        let (one, other, gateway) = two().await;
        let url = format!("{}/api/f/x", gateway.url());
        let asked = tokio::spawn(async move { http::post(&url, "an order").await });
        let (mut first, second) = picked(&one, &other).await;
        first.until("an order").await;
        drop(first);
        let problem = asked.await.expect("it is answered").problem();
        assert_eq!((problem.status, problem.code.as_str()), (502, "worker_broke_off"));
        assert!(second.is_left_alone().await);
    });
}

#[test]
fn a_post_that_nobody_took_goes_to_a_worker_that_takes_it() {
    run(async {
        let (one, other, gateway) = two().await;
        drop(one);
        let url = format!("{}/api/f/x", gateway.url());
        for _ in 0..8 {
            let url = url.clone();
            let asked = tokio::spawn(async move { http::post(&url, "an order").await });
            let mut line = other.accept().await;
            line.until("an order").await;
            assert!(line.send(OK_ONCE).await);
            assert_eq!(asked.await.expect("it is answered").status, 200);
        }
    });
}

#[test]
fn a_worker_that_began_nothing_is_passed_over_whatever_the_method() {
    const REFUSED: &str = "HTTP/1.1 503 Service Unavailable\r\nx-steading-refused: worker_busy\r\n\
                           content-length: 4\r\n\r\nbusy";
    run(async {
        let (one, other, gateway) = two().await;
        let url = format!("{}/api/f/x", gateway.url());
        let again = url.clone();
        let asked = tokio::spawn(async move { http::post(&url, "an order").await });
        let (mut first, second) = picked(&one, &other).await;
        first.until("an order").await;
        assert!(first.send(REFUSED).await);
        let mut second = second.accept().await;
        second.until("an order").await;
        assert!(second.send(OK).await);
        assert_eq!(asked.await.expect("it is answered").text(), "here!");

        // both say so: the caller hears it, without the mark
        let asked = tokio::spawn(async move { http::post(&again, "an order").await });
        tokio::join!(
            async {
                first.until("an order").await;
                assert!(first.send(REFUSED).await);
            },
            async {
                second.until("an order").await;
                assert!(second.send(REFUSED).await);
            }
        );
        let reply = asked.await.expect("it is answered");
        assert_eq!((reply.status.as_u16(), reply.text().as_str()), (503, "busy"));
        assert_eq!(reply.header("x-steading-refused"), "");
    });
}

#[test]
fn what_something_answers_that_is_no_worker_is_asked_of_a_worker_where_that_is_safe() {
    run(async {
        let (one, other, gateway) = two().await;
        let url = format!("{}/api/f/x", gateway.url());
        let again = url.clone();
        let asked = tokio::spawn(async move { http::get(&url).await });
        let (mut first, second) = picked(&one, &other).await;
        first.until("\r\n\r\n").await;
        assert!(first.send(STRANGE).await);
        let mut second = second.accept().await;
        second.until("\r\n\r\n").await;
        assert!(second.send(OK).await);
        assert_eq!(asked.await.expect("it is answered").text(), "here!");

        // who knows what it did with an order
        let asked = tokio::spawn(async move { http::post(&again, "an order").await });
        tokio::select! {
            _ = first.until("an order") => assert!(first.send(STRANGE).await),
            _ = second.until("an order") => assert!(second.send(STRANGE).await),
        }
        assert_eq!(asked.await.expect("it is answered").status, 404);
        assert_eq!(gateway.metric("steading_gateway_sent_again_total").await, 1.0);
    });
}

#[test]
fn a_worker_that_fails_again_and_again_is_left_alone_until_it_answers_a_probe() {
    run(async {
        let (one, other, gateway) = two().await;
        let address = one.url();
        drop(one);
        let url = format!("{}/api/f/x", gateway.url());
        let served = tokio::spawn(async move {
            loop {
                let mut line = other.accept().await;
                tokio::spawn(async move {
                    line.until("\r\n\r\n").await;
                    line.send(OK_ONCE).await;
                });
            }
        });
        eventually("the dead worker to be left alone", Duration::from_secs(10), || async {
            assert_eq!(http::get(&url).await.status, 200);
            let ejected = gateway.metric("steading_gateway_ejected{").await;
            if ejected == 1.0 { Ok(()) } else { Err(ejected) }
        })
        .await;

        let back = FakeWorker::open_at(&address).await;
        let mut probe = back.accept().await;
        assert!(probe.until("\r\n\r\n").await.starts_with("GET /live HTTP/1.1\r\n"));
        assert!(probe.send(STRANGE).await);
        let mut probe = back.accept().await;
        assert_eq!(gateway.metric("steading_gateway_ejected{").await, 1.0, "that was no worker");
        assert!(probe.until("\r\n\r\n").await.starts_with("GET /live HTTP/1.1\r\n"));
        let unknown = "HTTP/1.1 404 Not Found\r\nx-steading-refused: route_unknown\r\n\
                       content-length: 0\r\n\r\n";
        assert!(probe.send(unknown).await);
        eventually("the worker to be called again", Duration::from_secs(10), || async {
            let ejected = gateway.metric("steading_gateway_ejected{").await;
            if ejected == 0.0 { Ok(()) } else { Err(ejected) }
        })
        .await;
        served.abort();
    });
}
