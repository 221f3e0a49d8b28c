//! What an orchestrator reads to add and remove workers, while calls are in flight.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use steading_protocol::api::Scale;
use steading_tests::http::{self, Reply};
use steading_tests::{Cluster, JOIN_TOKEN, eventually, packages, run};
use tokio::task::JoinHandle;

use crate::setup::{built, cluster};

/// A heartbeat comes every 600 ms here, and a lost worker is noticed within 3 s; the rest is for a busy
/// machine.
const TOLD_WITHIN: Duration = Duration::from_secs(20);

/// Calls of the guest `slow` on one worker, which last until they are broken off, or the worker is.
fn calls(cluster: &Cluster, worker: usize, count: usize) -> Vec<JoinHandle<()>> {
    let url = format!("{}/functions/app/api/slow?ms=60000", cluster.worker(worker));
    let call = || {
        let request = http::request(Method::GET, &url);
        tokio::spawn(async { drop(http::try_send(request).await) })
    };
    (0..count).map(|_| call()).collect()
}

/// The answer as a scaler gets it, with the join token.
async fn asked(cluster: &Cluster, app: &str) -> Reply {
    let url = format!("{}/api/v1/scale/{app}", cluster.manager());
    http::send(http::request(Method::GET, &url).bearer_auth(JOIN_TOKEN)).await
}

async fn told(cluster: &Cluster, what: &str, wanted: impl Fn(&Scale) -> bool) -> Scale {
    eventually(what, TOLD_WITHIN, || async {
        let reply = asked(cluster, "app").await;
        let scale: Scale = reply.json();
        if wanted(&scale) { Ok(scale) } else { Err(reply.text()) }
    })
    .await
}

#[test]
fn calls_in_flight_on_all_workers_are_told_and_how_many_workers_they_need() {
    run(async {
        let tables = "[engine]\ninstances_max = 10\n[ceilings]\napp_in_flight_max = 9\n";
        let mut cluster = cluster().workers(2).worker_tables(tables).start().await;
        let guests = packages::module_of(&built("tests/guests").await);
        let manifest = b"[limits]\ndeadline_ms_max = 120000\n";
        let package = packages::zipped(&[("a.wasm", &guests), ("steading.toml", manifest)]);
        cluster.api().publish_ready("app", &package, 2).await;
        let idle = told(&cluster, "both workers idle", |s| s.workers == 2).await;
        assert_eq!((idle.in_flight, idle.capacity, idle.capacity_all), (0, 18, 20));
        assert_eq!(idle.suggested_workers, 1);

        let first = calls(&cluster, 0, 8);
        let second = calls(&cluster, 1, 6);
        let busy = told(&cluster, "14 calls in flight", |scale| scale.in_flight == 14).await;
        assert_eq!((busy.in_flight_all, busy.capacity, busy.workers), (14, 18, 2));
        assert_eq!(busy.suggested_workers, 3, "14 of 18 are more than 70 %");
        let answer = r#"{"app":"app","in_flight":14,"capacity":18,"workers":2,"in_flight_all":14,"capacity_all":20,"suggested_workers":3}"#;
        assert_eq!(asked(&cluster, "app").await.text(), answer);
        assert_eq!(asked(&cluster, "nothing").await.status, StatusCode::NOT_FOUND);

        first.iter().for_each(JoinHandle::abort);
        let fewer = told(&cluster, "the calls broken off", |scale| scale.in_flight == 6).await;
        assert_eq!((fewer.capacity, fewer.suggested_workers), (18, 1));

        cluster.sigkill_worker(1).await;
        let alone = told(&cluster, "the killed worker lost", |scale| scale.workers == 1).await;
        assert_eq!((alone.in_flight, alone.capacity, alone.suggested_workers), (0, 9, 1));
        drop(second);
    });
}
