//! A worker that dies under load, and one that stands still for half a minute.

use std::time::Duration;

use reqwest::StatusCode;
use steading_protocol::desired::PlacementState;
use steading_tests::{eventually, http, run};

use super::{APP, SOON, Scene};
use crate::setup::cluster;

/// Long past the time after which a silent worker counts as lost.
const STILL: Duration = Duration::from_secs(30);

async fn is(scene: &Scene, name: &str, state: PlacementState) {
    eventually(&format!("{name} to be {state}"), SOON, || async {
        let placements = scene.cluster.api().placements(APP).await;
        let found = placements.iter().find(|row| row.worker_name == name && row.state == state);
        found.map(drop).ok_or_else(|| format!("{placements:?}"))
    })
    .await;
}

#[test]
fn a_worker_killed_under_load_costs_nothing() {
    run(async {
        let mut scene = Scene::start(cluster(), 2).await;
        let loads: Vec<_> = (0..3).map(|_| scene.load()).collect();
        scene.cluster.sigkill_worker(0).await;
        is(&scene, "worker-0", PlacementState::Lost).await;
        scene.publish(APP, 2).await;
        scene.cluster.start_worker_again(0).await;
        is(&scene, "worker-0", PlacementState::Ready).await;
        scene.in_service().await;
        for load in loads {
            let report = load.stop().await;
            report.assert_no_failure("the gateway");
            assert!(report.answered() > 0);
        }
        scene.invariants().await;
    });
}

#[test]
fn a_worker_that_stands_still_for_half_a_minute_is_left_out_and_taken_back() {
    run(async {
        let mut scene = Scene::start(cluster(), 2).await;
        let load = scene.load();
        scene.cluster.worker_process(0).signal("STOP");
        let stopped = tokio::time::Instant::now();
        is(&scene, "worker-0", PlacementState::Lost).await;
        // What is called from now on goes to the other one.
        scene.publish(APP, 2).await;
        eventually("the gateway to call the healthy worker alone", SOON, || async {
            let call = tokio::time::timeout(Duration::from_secs(5), http::get(&scene.url())).await;
            let reply = call.map_err(|_| "no answer within 5 s".to_owned())?;
            let (status, text) = (reply.status, reply.text());
            let answered = status == StatusCode::OK && text == "the steady guest, version 2";
            if answered { Ok(()) } else { Err(text) }
        })
        .await;
        tokio::time::sleep_until(stopped + STILL).await;
        scene.cluster.worker_process(0).signal("CONT");
        is(&scene, "worker-0", PlacementState::Ready).await;
        load.stop().await.assert_no_failure("the gateway");
        scene.invariants().await;
    });
}
