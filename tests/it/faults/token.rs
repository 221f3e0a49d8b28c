//! A worker whose join token was revoked: the manager was started with another one.

use steading_tests::{JOIN_TOKEN, eventually, run};

use super::{APP, SOON, Scene};
use crate::setup::cluster;

#[test]
fn a_worker_whose_join_token_was_revoked_serves_on_and_says_what_is_wrong() {
    run(async {
        let mut scene = Scene::start(cluster(), 2).await;
        let load = scene.load();
        scene.cluster.sigkill_manager().await;
        scene.cluster.start_manager_with(|s| s.join_token = "another join token".into()).await;
        // A worker that runs has a token of its own; one that starts again has to join.
        scene.cluster.sigkill_worker(1).await;
        scene.cluster.start_worker_again(1).await;
        let refused = "the worker to say that it is refused";
        eventually(refused, SOON, || async {
            let said = scene.cluster.worker_lines(1).join("\n");
            let names = said.contains("cannot be joined") && said.contains("join token");
            if names { Ok(()) } else { Err(said) }
        })
        .await;
        let own = format!("{}/functions/{APP}/api/steady", scene.cluster.worker(1));
        assert_eq!(steading_tests::http::get(&own).await.text(), "the steady guest, version 1");
        scene.publish(APP, 2).await;
        // Nobody tells it of the new version until the token is good again.
        scene.cluster.sigkill_manager().await;
        scene.cluster.start_manager_with(|s| s.join_token = JOIN_TOKEN.into()).await;
        scene.cluster.live(2).await;
        scene.in_service().await;
        load.stop().await.assert_no_failure("the gateway");
        scene.invariants().await;
    });
}
