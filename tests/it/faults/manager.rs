//! A manager that is killed while it is published to, and two managers on one folder.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use steading_tests::{Process, packages, run, scratch};

use super::{APP, Scene};
use crate::setup::{cluster, steading};

/// How often it is killed.
const KILLS: u64 = 10;

/// A publish of the guests takes some milliseconds here; the kill falls before, within or after it.
const WITHIN_MS: u64 = 60;

#[test]
fn a_manager_killed_at_any_point_of_a_publish_has_what_it_acknowledged() {
    run(async {
        let mut scene = Scene::start(cluster(), 2).await;
        let load = scene.load();
        let seed =
            SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos() as u64;
        println!("seed {seed}");
        let mut random = seed;
        for kill in 0..KILLS {
            let digit = 2 + (kill % 8) as u8;
            let module = packages::steady(&scene.guests, digit);
            let (api, package) = (scene.cluster.api().clone(), module.clone());
            let app = format!("{APP}{kill}");
            let name = app.clone();
            let publish = tokio::spawn(async move { api.try_publish(&name, &package).await });
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            tokio::time::sleep(Duration::from_millis((random >> 33) % WITHIN_MS)).await;
            scene.cluster.sigkill_manager().await;
            let acknowledged = publish.await.expect("the caller does not panic");
            scene.cluster.start_manager_again().await;
            if let Some(reply) = &acknowledged {
                scene.acknowledged.push((app.clone(), reply.version, digit));
            }
            // Whoever got no answer asks again, and finds one version whichever way it went.
            let again = scene.cluster.api().publish(&app, &module).await;
            let again = again.unwrap_or_else(|refusal| panic!("{app}: {refusal}"));
            assert_eq!(again.version.0, 1, "{app}: the first, or the same");
            assert!(acknowledged.is_none() || !again.created, "{app}: acknowledged, and not there");
            if acknowledged.is_none() {
                scene.acknowledged.push((app, again.version, digit));
            }
        }
        load.stop().await.assert_no_failure("the gateway");
        scene.invariants().await;
    });
}

#[test]
fn of_two_managers_started_at_once_on_one_folder_one_serves_and_one_says_why_not() {
    run(async {
        let folder = scratch();
        let start = |name: &'static str| {
            let command = steading()
                .within(folder.path())
                .args(["manager", "--json", "--listen", "127.0.0.1:0", "--data-dir", "data"])
                .env("STEADING_ADMIN_PASSWORD", steading_tests::ADMIN_PASSWORD)
                .into_command();
            Process::start(name, command)
        };
        let (one, two) = tokio::join!(start("one"), start("two"));
        let mut managers = [one, two];
        let mut ended = vec![];
        for manager in &mut managers {
            ended.push(manager.outcome(Duration::from_secs(20)).await);
        }
        let refusals: Vec<_> = ended.iter().flatten().collect();
        assert_eq!(refusals.len(), 1, "{ended:?}");
        assert!(!refusals[0].success());
        let loser = ended.iter().position(Option::is_some).expect("one has ended");
        let said = managers[loser].lines().join("\n");
        assert!(said.contains("another manager"), "{said}");
        let winner = &mut managers[1 - loser];
        let address = |line: &str| serde_json::from_str::<serde_json::Value>(line).ok();
        assert!(winner.line("its address", address).await["address"].is_string());
    });
}
