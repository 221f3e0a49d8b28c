//! `steading health`, as a container's health check calls it.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use steading_tests::{Desk, DeskWorker, Ended, JOIN_TOKEN, Process, own_address, run, scratch};

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
        let nobody = TcpListener::bind(own_address()).unwrap().local_addr().unwrap();
        let folder = scratch();
        let command = steading()
            .within(folder.path())
            .args(["worker", "--json", "--listen", "127.0.0.1:0", "--control", "127.0.0.1:0"])
            .args(["--manager", &format!("http://{nobody}")])
            .env("STEADING_JOIN_TOKEN", JOIN_TOKEN)
            .into_command();
        let mut worker = Process::start("worker", command).await;
        let ready = |line: &str| serde_json::from_str::<serde_json::Value>(line).ok();
        let ready = worker.line("its address", ready).await;
        let control = ready["control"].as_str().unwrap();
        let ended = health(&["worker", "--control", control]).await;
        let why = "it has not heard yet what to serve";
        assert_eq!(ended.failed(1), format!("the worker at {control} is not ready: {why}"));
        health(&["--live", "--control", control]).await.succeeded();
        let gone = health(&["--control", &nobody.to_string()]).await;
        assert_eq!(gone.failed(1), format!("nobody listens at {nobody} (role)"));
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
