//! What a Windows process is refused or held to by its system, as far as Wine has that: job objects and ports.

use std::time::Duration;

use steading_tests::desk::version;
use steading_tests::wine::told;
use steading_tests::{Desk, DeskWorker, Ended, Steading, Wine, run, scratch, wasm};

use super::{SMALL_POOL, wine};

/// A worker that starts all the same would run for ever.
const ENDS_WITHIN: Duration = Duration::from_secs(60);

/// What a worker ends with that has this in its configuration and cannot start.
async fn refusal(wine: &Wine, more: &str) -> Ended {
    let folder = scratch();
    let steading = wine.steading();
    let state_dir = told(&steading, &folder.path().join("state"));
    let text = format!("control = \"127.0.0.1:0\"\nstate_dir = {state_dir:?}\n{more}");
    let config = folder.path().join("worker.toml");
    std::fs::write(&config, text).expect("the temporary folder takes a file");
    let command = Steading::at(&steading).args(["worker", "--config"]);
    command.args([told(&steading, &config)]).ended().await
}

#[test]
fn a_windows_worker_puts_itself_into_a_job_object_and_serves() {
    run(async {
        let wine = wine!();
        let desk = Desk::open().await;
        let caps = format!("{SMALL_POOL}[caps]\nmemory_mib = 2048\n");
        let worker = DeskWorker::start(&wine.steading(), &desk, &caps).await;
        let module = desk.module(wasm::saying("capped"));
        desk.applied(desk.want(vec![version("shop", 1, 100, &module)], vec![])).await;
        assert_eq!(worker.hello("shop").await, (200, "capped".into()));
        let told = worker.lines().into_iter().find(|line| line.contains("capped by a job object"));
        let told = told.expect("the worker says that it is capped");
        assert!(told.contains("processes=1") && told.contains("memory_mib=2048"), "{told}");
    });
}

#[test]
fn a_cap_that_the_system_refuses_keeps_the_worker_from_starting() {
    run(async {
        let wine = wine!();
        let caps = "listen = \"127.0.0.1:0\"\n[caps]\ncpu_percent = 50\n";
        let ended = refusal(&wine, caps).await;
        let why = ended.failed(1);
        assert!(why.contains("cannot cap the processor time of this process"), "{why}");
    });
}

#[test]
fn a_port_in_use_is_named_by_a_windows_worker() {
    run(async {
        let wine = wine!();
        let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let address = taken.local_addr().expect("it is bound");
        let listen = format!("listen = \"{address}\"\n");
        let ended = tokio::time::timeout(ENDS_WITHIN, refusal(&wine, &listen));
        let ended = ended.await.expect("the worker ends");
        let why = ended.failed(1);
        assert!(why.contains(&format!("cannot listen on {address}: another process")), "{why}");
    });
}
