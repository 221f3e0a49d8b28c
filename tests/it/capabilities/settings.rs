//! Settings and secrets through real workers: they reach functions without a publish, are on no disk in
//! clear text, and one that cannot be opened keeps its app from starting and no other.

use std::path::Path;
use std::time::Duration;

use reqwest::Method;
use steading_protocol::desired::PlacementState;
use steading_tests::{Cluster, eventually, http, packages, run, wasm};

use super::{reset, visited, visits};
use crate::setup::{built, cluster};

/// A change reaches a worker on a busy machine within this.
const WITHIN: Duration = Duration::from_secs(30);

/// What no file, log or answer may hold.
const SECRET: &str = "open-sesame-4711";

async fn set_secret(cluster: &Cluster) {
    let command = cluster.steading().env("VISITS_KEY", SECRET);
    let command = command.args(["settings", "set", "visits", "RESET_KEY", "--secret"]);
    let ended = command.args(["--env", "VISITS_KEY"]).ended().await.succeeded();
    assert!(!format!("{ended}").contains(SECRET), "{ended}");
}

/// Waits until the function has the secret: then it refuses a wrong key, where it failed before.
async fn has_secret(cluster: &Cluster) {
    eventually("the secret", WITHIN, || async {
        let status = reset(cluster, "home", "wrong").await;
        if status == 403 { Ok(()) } else { Err(status.to_string()) }
    })
    .await;
}

fn assert_secret_is_nowhere(folder: &Path) {
    for entry in std::fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("it can be listed").path();
        if path.is_dir() {
            assert_secret_is_nowhere(&path);
        } else {
            let bytes = std::fs::read(&path).expect("it can be read");
            let found = bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes());
            assert!(!found, "{}", path.display());
        }
    }
}

#[test]
fn a_changed_setting_reaches_the_function_without_a_publish() {
    run(async {
        let cluster = visited(2).await;
        assert_eq!(visits(&cluster, 0).await["site"], "this site");
        let set = ["settings", "set", "visits", "SITE_NAME=The Farm", "UNUSED=1"];
        let ended = cluster.steading().args(set).ended().await.succeeded();
        assert!(ended.stderr.contains("does not name UNUSED"), "{ended}");
        for (worker, site) in [(0, "The Farm"), (1, "The Farm")] {
            eventually("the name", WITHIN, || async {
                let seen = visits(&cluster, worker).await["site"].clone();
                if seen == site { Ok(()) } else { Err(seen.to_string()) }
            })
            .await;
        }
        let unset = ["settings", "unset", "visits", "site_name"];
        cluster.steading().args(unset).ended().await.succeeded();
        eventually("the default", WITHIN, || async {
            let seen = visits(&cluster, 0).await["site"].clone();
            if seen == "this site" { Ok(()) } else { Err(seen.to_string()) }
        })
        .await;
        let again = cluster.steading().args(unset).ended().await;
        assert!(again.failed(65).contains("has no setting `site_name`"), "{again}");
    });
}

#[test]
fn a_secret_is_used_and_shown_nowhere_and_is_there_after_a_restart_without_the_manager() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let builder = cluster().workers(1).worker_state_dir(0, folder.path());
        let mut cluster = builder.start().await;
        cluster.api().publish_ready("visits", &built("examples/visits").await, 1).await;
        assert_eq!(reset(&cluster, "home", "").await, 500, "it is not set");
        set_secret(&cluster).await;
        has_secret(&cluster).await;
        assert_eq!(reset(&cluster, "home", SECRET).await, 204);

        let listed = cluster.steading().args(["settings", "list", "visits"]).ended().await;
        assert!(listed.succeeded().stdout.contains("(secret)"));
        let answer = cluster.api().request(Method::GET, "apps/visits/settings");
        let text = http::send(answer).await.text();
        assert!(text.contains("\"secret\":true") && !text.contains(SECRET), "{text}");
        eventually("the state on disk", WITHIN, || async {
            let text = std::fs::read_to_string(folder.path().join("desired.json")).unwrap();
            if text.contains("\"sealed\"") { Ok(()) } else { Err(text) }
        })
        .await;
        assert_secret_is_nowhere(folder.path());
        assert_secret_is_nowhere(&cluster.manager_dir());

        cluster.sigkill_manager().await;
        cluster.sigkill_worker(0).await;
        cluster.start_worker_again(0).await;
        has_secret(&cluster).await;
        assert!(cluster.worker_lines(0).iter().all(|line| !line.contains(SECRET)));
    });
}

#[test]
fn a_secret_that_cannot_be_opened_keeps_its_app_from_starting_and_no_other() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let builder = cluster().workers(1).worker_state_dir(0, folder.path());
        let mut cluster = builder.start().await;
        cluster.api().publish_ready("visits", &built("examples/visits").await, 1).await;
        cluster.api().publish_ready("hello", &wasm::module(&[("hello", "hello")]), 1).await;
        set_secret(&cluster).await;
        has_secret(&cluster).await;

        cluster.sigkill_manager().await;
        cluster.start_manager_with(|secrets| secrets.secrets_key = "ab".repeat(32)).await;
        cluster.sigkill_worker(0).await;
        std::fs::remove_file(folder.path().join("desired.json")).unwrap();
        cluster.start_worker_again(0).await;
        let why = eventually("the failure", WITHIN, || async {
            let placements = cluster.api().placements("visits").await;
            let failed = placements.iter().find(|p| p.state == PlacementState::Failed);
            failed.and_then(|p| p.detail.clone()).ok_or_else(|| format!("{placements:?}"))
        })
        .await;
        assert!(why.starts_with("setting `RESET_KEY` cannot be decrypted: it was sealed"), "{why}");
        let counted = http::metric(cluster.control(0), "steading_secrets_unreadable_total").await;
        assert!(counted >= 1.0, "{counted}");
        let hello = http::get(&format!("{}/api/hello", cluster.worker(0))).await;
        assert!(hello.status.is_success(), "{}", hello.text());
        assert_eq!(reset(&cluster, "home", SECRET).await, 404, "it is not started");

        set_secret(&cluster).await;
        eventually("the app", WITHIN, || async {
            let status = reset(&cluster, "home", SECRET).await;
            if status == 204 { Ok(()) } else { Err(status.to_string()) }
        })
        .await;
    });
}

#[test]
fn a_command_finds_the_settings_that_it_names_in_its_environment() {
    run(async {
        let cluster = cluster().workers(1).start().await;
        let manifest = "[grants]\nsettings = [\"GREETING\"]\n";
        let module = packages::command().await;
        let package = packages::zipped(&[
            ("steading.toml", manifest.as_bytes()),
            ("bin/behave.wasm", &module),
        ]);
        cluster.api().publish_ready("behave", &package, 1).await;
        let set = ["settings", "set", "behave", "GREETING=Good day", "OTHER=hidden"];
        cluster.steading().args(set).ended().await.succeeded();
        let seen = eventually("the setting", WITHIN, || async {
            let url = format!("{}/api/environment", cluster.worker(0));
            let text = http::get(&url).await.text();
            if text.contains("GREETING=Good day") { Ok(text) } else { Err(text) }
        })
        .await;
        assert!(!seen.contains("hidden"), "{seen}");
    });
}
