//! More invocations at once than may run: of a function, of an app, of the worker.

use std::time::Duration;

use reqwest::StatusCode;
use steading_tests::http::{self, Reply};
use steading_tests::{Cluster, eventually, packages, run};
use tokio::task::JoinHandle;

use crate::setup::{built, cluster};

/// Starts a call that takes a while, and waits until the worker counts so many as running.
async fn occupy(cluster: &Cluster, path: &str, running: u32) -> JoinHandle<Reply> {
    let url = format!("{}{path}", cluster.worker(0));
    let call = tokio::spawn(async move { http::get(&url).await });
    let control = format!("{}/metrics", cluster.control(0));
    eventually("the call to run", Duration::from_secs(20), || async {
        let metrics = http::get(&control).await.text();
        let line =
            metrics.lines().find(|line| line.starts_with("steading_in_flight ")).unwrap_or("");
        if line == format!("steading_in_flight {running}") { Ok(()) } else { Err(line.to_owned()) }
    })
    .await;
    call
}

async fn assert_refused(cluster: &Cluster, path: &str, status: u16, code: &str, max: u32) {
    let reply = http::get(&format!("{}{path}", cluster.worker(0))).await;
    let problem = reply.problem();
    assert_eq!((problem.status, problem.code.as_str()), (status, code), "{problem:?}");
    assert!(problem.title.contains(&max.to_string()), "{problem:?}");
    assert_eq!(reply.header("retry-after"), "1");
    let metrics = http::get(&format!("{}/metrics", cluster.control(0))).await.text();
    let counted = format!("steading_requests_refused_total{{code=\"{code}\"}} 1");
    assert!(metrics.contains(&counted), "{metrics}");
}

#[test]
fn each_cap_refuses_by_name_and_is_free_again_afterwards() {
    run(async {
        let tables = "[engine]\ninstances_max = 3\n";
        let cluster = cluster().workers(1).worker_tables(tables).start().await;
        let guests = packages::module_of(&built("tests/guests").await);
        let manifest = b"[app]\nin_flight_max = 2\n[functions.slow.limits]\nin_flight_max = 1\n";
        let package = packages::zipped(&[("a.wasm", &guests), ("steading.toml", manifest)]);
        cluster.api().publish_ready("capped", &package, 1).await;
        cluster.api().publish_ready("free", &guests, 1).await;

        let (capped, free) = ("/functions/capped/api", "/functions/free/api");
        let first = occupy(&cluster, &format!("{capped}/slow?ms=4000"), 1).await;
        assert_refused(&cluster, &format!("{capped}/slow"), 429, "function_busy", 1).await;
        let second = occupy(&cluster, &format!("{capped}/block"), 2).await;
        assert_refused(&cluster, &format!("{capped}/steady"), 429, "app_busy", 2).await;
        let third = occupy(&cluster, &format!("{free}/slow?ms=4000"), 3).await;
        assert_refused(&cluster, &format!("{free}/steady"), 503, "worker_busy", 3).await;

        for call in [first, third] {
            assert_eq!(call.await.expect("the call ends").status, StatusCode::OK);
        }
        second.abort();
        eventually("the places to be free", Duration::from_secs(20), || async {
            let reply = http::get(&format!("{}{capped}/slow?ms=1", cluster.worker(0))).await;
            if reply.status == StatusCode::OK { Ok(()) } else { Err(reply.text()) }
        })
        .await;
    });
}
