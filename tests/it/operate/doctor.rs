//! `steading doctor` on this machine, whatever that is: what must not depend on it.

use std::net::TcpListener;

use serde_json::Value;
use steading_tests::{Ended, JOIN_TOKEN, Steading, own_address, run, scratch};

use crate::setup::{shared, steading};

/// The findings, by what was looked at.
fn findings(ended: &Ended) -> impl Fn(&str) -> Value {
    let all: Vec<Value> = serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{ended}"));
    for finding in &all {
        let is_ok = finding["verdict"] == "ok";
        assert_eq!(finding["advice"].is_string(), !is_ok, "what is not ok has advice: {finding}");
    }
    move |check| {
        let found = all.iter().find(|finding| finding["check"] == check);
        found.unwrap_or_else(|| panic!("nothing on {check} in {all:?}")).clone()
    }
}

async fn doctor(role: &str, text: &str, with: impl FnOnce(Steading) -> Steading) -> Ended {
    let folder = scratch();
    let config = folder.path().join("role.toml");
    std::fs::write(&config, text).expect("a temporary folder takes a file");
    let call = steading().within(folder.path()).args(["doctor", role, "--json", "--config"]);
    with(call.args([&config])).ended().await
}

#[test]
fn the_machine_is_looked_at_without_a_role() {
    run(async {
        let ended = steading().args(["doctor"]).ended().await.succeeded();
        for check in ["processor", "system", "swap", "memory", "address space"] {
            assert!(ended.stdout.contains(&format!("  {check}  ")), "{check}\n{ended}");
        }
        let ended = steading().args(["doctor", "--config", "x.toml"]).ended().await;
        assert_eq!(ended.code, 64, "a file without a role\n{ended}");
    });
}

#[test]
fn a_port_in_use_a_missing_manager_and_a_missing_token_fail_with_what_to_do() {
    run(async {
        let busy = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = busy.local_addr().unwrap();
        let nobody = TcpListener::bind(own_address()).unwrap().local_addr().unwrap();
        let text = format!(
            "listen = \"{address}\"\ncontrol = \"127.0.0.1:0\"\nmanager = \"http://{nobody}\"\n\
             state_dir = \"absent/state\""
        );
        for role in ["worker", "gateway"] {
            let ended = doctor(role, &text, |call| call).await;
            let line = ended.failed(1);
            assert!(line.starts_with("3 of ") && line.ends_with(" checks failed"), "{line}");
            let found = findings(&ended);
            for check in ["listen", "join token", "manager"] {
                assert_eq!(found(check)["verdict"], "fail", "{check}\n{ended}");
            }
            assert_eq!(found("listen")["found"], format!("{address} is in use"));
            assert_eq!(found("control")["verdict"], "ok");
            assert_eq!(found("state folder")["verdict"], "ok");
        }
    });
}

#[test]
fn a_worker_that_can_start_passes_and_its_clock_is_compared_with_the_managers() {
    run(async {
        let cluster = shared().await;
        let text = format!(
            "listen = \"127.0.0.1:0\"\ncontrol = \"127.0.0.1:0\"\nmanager = \"{}\"\n",
            cluster.manager()
        );
        let token = |call: Steading| call.env("STEADING_JOIN_TOKEN", JOIN_TOKEN);
        for role in ["worker", "gateway"] {
            let ended = doctor(role, &text, token).await.succeeded();
            let found = findings(&ended);
            assert_eq!(found("manager")["verdict"], "ok");
            assert_eq!(found("clock")["found"], "as the manager's");
            assert_eq!(found("join token")["found"], "there");
        }
    });
}

#[test]
fn a_role_that_runs_already_is_told_apart_from_a_stranger_on_its_port() {
    run(async {
        let cluster = shared().await;
        let address = cluster.manager().trim_start_matches("http://");
        let ended = doctor("manager", &format!("listen = \"{address}\""), |call| call).await;
        let listen = findings(&ended.succeeded())("listen");
        assert_eq!(listen["found"], format!("{address} is in use by a role of Steading"));
    });
}

#[test]
fn a_managers_store_is_looked_at_as_store_check_does() {
    run(async {
        let text = "listen = \"127.0.0.1:0\"\nstore = \"sqlite:here\"\n";
        let ended = doctor("manager", text, |call| call).await.succeeded();
        let store = findings(&ended)("store");
        let said = store["found"].as_str().unwrap();
        assert!(said.starts_with("none yet at ") && said.ends_with("the manager makes it"));
        let text = "listen = \"127.0.0.1:0\"\nstore = \"sqlserver:\"\n";
        let ended = doctor("manager", text, |call| call).await;
        let store = findings(&ended)("store");
        assert_eq!(store["verdict"], "fail");
        assert!(store["found"].as_str().unwrap().contains("STEADING_STORE_CONNECTION"), "{store}");
    });
}

#[test]
fn a_pool_that_does_not_fit_is_a_finding() {
    run(async {
        let text = "[engine]\ninstances_max = 1000\n[capacity]\nmemory_mib = 64\n";
        let ended = doctor("worker", text, |call| call).await;
        let memory = findings(&ended)("memory");
        assert_eq!(memory["verdict"], "fail");
        assert!(memory["found"].as_str().unwrap().ends_with(" would fit"), "{memory}");
    });
}
