//! A Windows worker at a Linux manager: it joins, fetches, compiles and serves, is rolled back, drains, and
//! comes back from its own cache.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use reqwest::StatusCode;
use serde_json::Value;
use steading_tests::desk::version;
use steading_tests::{
    Cluster, Desk, DeskWorker, eventually, http, packages, repository, run, wasm,
};

use super::{SMALL_POOL, wine};
use crate::setup::{built, cluster};

/// Compiling under Wine, in a test build, beside other tests.
const SOON: Duration = Duration::from_secs(120);

/// A Linux manager and a Windows worker that serves the guests as the app `app`.
async fn serving(steading: &std::path::Path) -> (Cluster, DeskWorker) {
    let cluster = cluster().start().await;
    let worker = DeskWorker::join(steading, cluster.manager(), SMALL_POOL).await;
    cluster.live(1).await;
    let guests = packages::module_of(&built("tests/guests").await);
    cluster.api().publish_ready("app", &guests, 1).await;
    (cluster, worker)
}

async fn steady(worker: &DeskWorker) -> String {
    http::get(&format!("{}/functions/app/api/steady", worker.url())).await.text()
}

/// Waits for this answer.
async fn serves(worker: &DeskWorker, expected: &str) {
    eventually(expected, SOON, || async {
        let answer = steady(worker).await;
        if answer == expected { Ok(()) } else { Err(answer) }
    })
    .await;
}

#[test]
fn a_windows_worker_serves_the_examples_of_a_linux_manager() {
    run(async {
        let wine = wine!();
        let cluster = cluster().start().await;
        // with the pool that a worker has that is not configured
        let worker = DeskWorker::join(&wine.steading(), cluster.manager(), "").await;
        cluster.live(1).await;
        for app in ["hello", "orders", "thumbnail"] {
            let package = built(&format!("examples/{app}")).await;
            cluster.api().publish_ready(app, &package, 1).await;
        }
        let api = |path: &str| format!("{}/api/{path}", worker.url());
        let hello = http::get(&api("hello")).await;
        assert_eq!(hello.status, StatusCode::OK, "{}", hello.text());

        let sample = std::fs::read(repository().join("examples/orders/sample.json")).unwrap();
        let order = http::post(&api("orders"), sample).await;
        assert!(order.json::<Value>().get("total").is_some(), "{}", order.text());

        let photo = std::fs::read(repository().join("examples/thumbnail/photo.png")).unwrap();
        let thumbnail = http::post(&api("thumbnail?width=64"), photo).await;
        assert_eq!(thumbnail.status, StatusCode::OK, "{}", thumbnail.text());
        let picture = image::load_from_memory(&thumbnail.body).expect("the reply is a picture");
        assert_eq!(picture.width(), 64);

        let ready = http::get(&format!("{}/ready", worker.control())).await;
        assert_eq!(ready.status, StatusCode::OK, "{}", ready.text());
        let read = "Compiled code cannot be mapped from its volume and is read instead";
        let said = worker.lines().iter().any(|line| line.contains(read));
        assert!(said, "Wine refuses to map code, which the worker says and gets over");
    });
}

#[test]
fn a_windows_worker_is_rolled_back_without_a_second_compilation() {
    run(async {
        let wine = wine!();
        let (cluster, worker) = serving(&wine.steading()).await;
        let guests = packages::module_of(&built("tests/guests").await);
        cluster.api().publish_ready("app", &packages::steady(&guests, 2), 1).await;
        // a version that is ready takes over a moment later
        serves(&worker, "the steady guest, version 2").await;
        let code = written(&worker);
        assert_eq!(code.len(), 2, "both versions are held");

        cluster.steading().args(["rollback", "app"]).ended().await.succeeded();
        serves(&worker, "the steady guest, version 1").await;
        assert_eq!(written(&worker), code, "nothing was written again");
    });
}

#[test]
fn a_windows_worker_comes_back_from_its_cache_and_fetches_nothing_again() {
    run(async {
        let wine = wine!();
        let desk = Desk::open().await;
        let mut worker = DeskWorker::start(&wine.steading(), &desk, SMALL_POOL).await;
        let module = desk.module(wasm::saying("kept"));
        desk.applied(desk.want(vec![version("shop", 1, 100, &module)], vec![])).await;
        assert_eq!(worker.hello("shop").await, (200, "kept".into()));
        let code = written(&worker);
        assert_eq!(code.len(), 1);

        worker.restart().await;
        eventually("the app to be served again", SOON, || async {
            let answer = worker.hello("shop").await;
            if answer == (200, "kept".into()) { Ok(()) } else { Err(format!("{answer:?}")) }
        })
        .await;
        assert_eq!(desk.fetches(&module), 1);
        assert_eq!(written(&worker), code, "the same file, as it was");
    });
}

/// The files of code, and when each was written.
fn written(worker: &DeskWorker) -> Vec<(PathBuf, SystemTime)> {
    let time = |path: &PathBuf| {
        path.metadata().and_then(|metadata| metadata.modified()).expect("it is there")
    };
    let mut files: Vec<_> =
        worker.code().into_iter().map(|path| (path.clone(), time(&path))).collect();
    files.sort();
    files
}

#[test]
fn a_windows_worker_finishes_what_is_in_flight_after_ctrl_c_and_takes_nothing_new() {
    run(async {
        let wine = wine!();
        let (_cluster, mut worker) = serving(&wine.steading()).await;
        let slow = format!("{}/functions/app/api/slow?ms=4000", worker.url());
        let in_flight = tokio::spawn(async move { http::get(&slow).await });
        let metrics = format!("{}/metrics", worker.control());
        eventually("the slow request to be in flight", SOON, || async {
            let page = http::get(&metrics).await.text();
            if page.contains("steading_in_flight 1") { Ok(()) } else { Err(page) }
        })
        .await;

        // Wine makes the console's Ctrl-C event of a SIGINT
        worker.process_mut().signal("INT");
        let url = format!("{}/functions/app/api/steady", worker.url());
        http::connections_refused(&url).await;
        assert!(!in_flight.is_finished(), "the slow request is still in flight by then");
        let reply = in_flight.await.expect("the slow request is answered");
        assert_eq!((reply.status, reply.text().as_str()), (StatusCode::OK, "answered in the end"));
        let status = worker.process_mut().ended(Duration::from_secs(20)).await;
        assert!(status.success(), "the worker ends with {status}");
        assert!(worker.lines().iter().any(|line| line.contains("Ctrl-C")), "{:?}", worker.lines());
    });
}

#[test]
fn a_windows_worker_keeps_its_state_in_a_folder_with_a_path_of_300_characters() {
    run(async {
        let wine = wine!();
        let desk = Desk::open().await;
        let deep = ["a-folder-whose-name-takes-its-part-of-the-length-of-the-path"; 5].join("/");
        let worker = DeskWorker::below(&wine.steading(), &desk, &deep).await;
        let module = desk.module(wasm::saying("deep"));
        desk.applied(desk.want(vec![version("shop", 1, 100, &module)], vec![])).await;
        assert_eq!(worker.hello("shop").await, (200, "deep".into()));
        assert!(worker.code()[0].as_os_str().len() > 300);
    });
}
