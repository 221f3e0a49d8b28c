//! `steading health`, as a container's health check calls it.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use steading_tests::{Desk, DeskWorker, Ended, run};

use crate::setup::{binary, shared, steading};

async fn health(arguments: &[&str]) -> Ended {
    steading().args(["health"]).args(arguments).ended().await
}

#[test]
fn a_role_that_is_ready_ends_it_with_0_by_address_and_by_url() {
    run(async {
        let cluster = shared().await;
        let address = cluster.control(0).trim_start_matches("http://");
        let ended = health(&["worker", "--control", address]).await.succeeded();
        assert_eq!(ended.stdout, format!("the worker at {address} is ready\n"));
        let ended = health(&["manager", "--control", cluster.manager()]).await.succeeded();
        assert!(ended.stdout.ends_with(" is ready\n"), "{ended}");
        let ended = health(&["--live", "--control", cluster.manager()]).await.succeeded();
        assert!(ended.stdout.ends_with(" is live\n"), "{ended}");
    });
}

#[test]
fn a_worker_that_has_heard_of_nothing_is_live_and_not_ready() {
    run(async {
        let desk = Desk::open().await;
        let away = desk.url().to_owned();
        drop(desk);
        let desk = Desk::open().await;
        let worker = DeskWorker::start(binary(), &desk, "").await;
        let ready = health(&["worker", "--control", worker.control()]).await;
        // it hears of its empty state at any time
        assert!(ready.code == 0 || ready.failed(1).contains("is not ready: "), "{ready}");
        health(&["--live", "--control", worker.control()]).await.succeeded();
        let gone = health(&["--control", &away]).await;
        let address = away.trim_start_matches("http://");
        assert_eq!(gone.failed(1), format!("nobody listens at {address} (role)"));
    });
}

#[test]
fn a_role_that_is_not_ready_ends_it_with_1_and_why() {
    run(async {
        let desk = Desk::open().await;
        let closed = "[availability]\nwindows = [\"Mon 00:00-00:01\", \"Thu 00:00-00:01\"]\nclosing_ms = 0\n";
        let worker = DeskWorker::start(binary(), &desk, closed).await;
        let ended = health(&["worker", "--control", worker.control()]).await;
        assert!(ended.failed(1).contains(" is not ready: "), "{ended}");
    });
}

#[test]
fn what_is_no_control_address_is_told() {
    run(async {
        let cluster = shared().await;
        let ended = health(&["--control", cluster.worker(0)]).await;
        assert!(ended.failed(1).ends_with("answers 404 to /ready; is this its control address?"));
        let ended = health(&["--control", "7072"]).await;
        assert_eq!(ended.code, 64, "{ended}");
        assert!(ended.stderr.contains("write it as 127.0.0.1:7072"), "{ended}");
        let ended = health(&["landlord"]).await;
        assert_eq!(ended.code, 64, "{ended}");
        assert!(ended.stderr.contains("manager, worker, gateway"), "{ended}");
    });
}

#[test]
fn who_listens_and_says_nothing_is_not_waited_for() {
    run(async {
        let mute = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = mute.local_addr().unwrap().to_string();
        let started = Instant::now();
        let ended = health(&["--control", &address]).await;
        assert!(ended.failed(1).ends_with("does not answer: no answer within 2 s"), "{ended}");
        assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    });
}
