//! A worker whose disk has no room for compiled code: a file system of its own, made small. Mounting one
//! takes the rights for it; without them the test says so and is skipped.

use steading_protocol::api::RolloutState;
use steading_protocol::desired::PlacementState;
use steading_tests::{Mount, eventually, http, run};

use super::{APP, SOON, Scene};
use crate::setup::cluster;

#[test]
fn a_full_disk_of_the_module_cache_stops_nothing_and_is_got_over() {
    run(async {
        let folder = steading_tests::scratch();
        let state = folder.path().join("small");
        let Some(small) = Mount::over(&state, "size=4096k") else { return };
        let builder = cluster().worker_state_dir(0, &state);
        let mut scene = Scene::start(builder, 2).await;
        let load = scene.load();
        let ballast = state.join("ballast");
        let filled = std::fs::write(&ballast, vec![0_u8; 4 << 20]);
        assert!(filled.is_err(), "the disk is full");

        scene.publish(APP, 2).await;
        eventually("the worker to say that its disk is full", SOON, || async {
            let placements = scene.cluster.api().placements(APP).await;
            let full = placements.iter().find(|row| {
                row.worker_name == "worker-0"
                    && row.state == PlacementState::Loading
                    && row.detail.as_deref().is_some_and(|why| why.contains("No space left"))
            });
            full.map(drop).ok_or_else(|| format!("{placements:?}"))
        })
        .await;
        let rolling = scene.cluster.api().status().await.apps[0].rollout.clone();
        assert_eq!(rolling.map(|rollout| rollout.state), Some(RolloutState::Rolling));
        assert_eq!(http::get(&scene.url()).await.text(), "the steady guest, version 1");

        std::fs::remove_file(&ballast).expect("the ballast can be removed");
        small.remount("size=64m");
        scene.in_service().await;
        assert_eq!(http::get(&scene.url()).await.text(), "the steady guest, version 2");
        load.stop().await.assert_no_failure("the gateway");
        scene.invariants().await;
        drop(scene);
    });
}
