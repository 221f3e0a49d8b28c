//! A store that cannot be written for half a minute: another process holds the file, as a backup tool or
//! a full-text scanner might.

use std::time::Duration;

use reqwest::StatusCode;
use steading_protocol::api::WorkerState;
use steading_tests::{packages, run};

use super::{APP, Scene};
use crate::setup::cluster;

/// Long past the time after which a silent worker counts as lost.
const AWAY: Duration = Duration::from_secs(30);

#[test]
fn a_store_out_of_reach_for_half_a_minute_loses_no_worker_and_no_call() {
    run(async {
        let mut scene = Scene::start(cluster(), 2).await;
        let load = scene.load();
        let held = scene.cluster.hold_store();
        let since = tokio::time::Instant::now();
        let module = packages::steady(&scene.guests, 2);
        let refusal =
            scene.cluster.api().publish(APP, &module).await.expect_err("no room to write");
        assert_eq!(refusal.status, StatusCode::SERVICE_UNAVAILABLE, "{refusal}");
        assert_eq!(refusal.error.code, "store_unreachable");
        tokio::time::sleep_until(since + AWAY).await;
        drop(held);
        // Nobody is lost for a silence that was the store's.
        for _ in 0..20 {
            let status = scene.cluster.api().status().await;
            let live = status.workers.iter().filter(|w| w.state == WorkerState::Live).count();
            assert_eq!(live, 2, "{:?}", status.workers);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        scene.publish(APP, 3).await;
        scene.in_service().await;
        load.stop().await.assert_no_failure("the gateway");
        scene.invariants().await;
    });
}
