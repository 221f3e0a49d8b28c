//! A gateway in front of real workers: only those that have a version ready are called, and callers
//! notice neither a new version nor a worker, a manager or a gateway that dies.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use steading_protocol::desired::PlacementState;
use steading_tests::{
    ADMIN_PASSWORD, Api, Cluster, Gateway, JOIN_TOKEN, Load, Process, eventually, http, packages,
    run, scratch,
};

use crate::setup::{binary, built, cluster, steading};

/// On a busy machine; a worker counts as lost after 3 s.
const SOON: Duration = Duration::from_secs(20);

/// Two workers with the guests as the app `app`, and a gateway.
async fn two() -> (Cluster, Gateway, Vec<u8>) {
    let cluster = cluster().workers(2).start().await;
    let guests = packages::module_of(&built("tests/guests").await);
    cluster.api().publish_ready("app", &guests, 2).await;
    let gateway = Gateway::start(binary(), cluster.manager(), "").await;
    answers(&steady(&gateway)).await;
    (cluster, gateway, guests)
}

fn steady(gateway: &Gateway) -> String {
    format!("{}/api/steady", gateway.url())
}

async fn answers(url: &str) {
    eventually("the gateway to know the app", SOON, || async {
        let reply = http::get(url).await;
        if reply.status == 200 { Ok(()) } else { Err(reply.text()) }
    })
    .await;
}

/// How many invocations of the guest `steady` a worker has ended.
async fn invocations(cluster: &Cluster, worker: usize) -> f64 {
    let page = http::get(&format!("{}/metrics", cluster.control(worker))).await.text();
    let ended = |line: &&str| {
        line.starts_with(r#"steading_invocations_total{app="app","#)
            && line.contains(r#"function="steady",outcome="ok""#)
    };
    let count = |line: &str| line.rsplit(' ').next().and_then(|count| count.parse::<f64>().ok());
    page.lines().filter(ended).map(|line| count(line).expect("a metric is a number")).sum()
}

async fn state_of(cluster: &Cluster, worker: &str, state: PlacementState) {
    eventually(&format!("{worker} to be {state}"), SOON, || async {
        let placements = cluster.api().placements("app").await;
        let states = placements.iter().filter(|it| it.worker_name == worker).map(|it| it.state);
        let states: Vec<_> = states.collect();
        if states == [state] { Ok(()) } else { Err(format!("{states:?}")) }
    })
    .await;
}

#[test]
fn both_workers_answer_and_a_new_version_costs_no_request() {
    run(async {
        let (cluster, gateway, guests) = two().await;
        let load = Load::start(steady(&gateway));
        for version in 2..=4 {
            let module = packages::steady(&guests, version);
            cluster.api().publish_ready("app", &module, 2).await;
        }
        let text = "the steady guest, version 4";
        eventually("the gateway to call the newest version", SOON, || async {
            let seen = http::get(&steady(&gateway)).await.text();
            if seen == text { Ok(()) } else { Err(seen) }
        })
        .await;
        let report = load.stop().await;
        report.assert_no_failure("the gateway");
        assert!(report.replies.contains_key(text), "{:?}", report.replies);
        for worker in 0..2 {
            assert!(invocations(&cluster, worker).await > 0.0, "worker {worker} was called");
        }
    });
}

#[test]
fn a_worker_killed_under_load_fails_no_get_request_and_is_called_again_when_it_is_back() {
    run(async {
        let (mut cluster, gateway, _) = two().await;
        let loads: Vec<Load> = (0..4).map(|_| Load::start(steady(&gateway))).collect();
        cluster.sigkill_worker(0).await;
        state_of(&cluster, "worker-0", PlacementState::Lost).await;
        cluster.start_worker_again(0).await;
        state_of(&cluster, "worker-0", PlacementState::Ready).await;
        eventually("the worker that is back to be called", SOON, || async {
            let seen = invocations(&cluster, 0).await;
            if seen > 0.0 { Ok(()) } else { Err(seen) }
        })
        .await;
        for load in loads {
            load.stop().await.assert_no_failure("the gateway");
        }
    });
}

#[test]
fn a_worker_told_to_end_is_called_no_more() {
    run(async {
        let (mut cluster, gateway, _) = two().await;
        let load = Load::start(steady(&gateway));
        cluster.worker_process(1).sigterm();
        cluster.live(1).await;
        load.stop().await.assert_no_failure("the gateway");
    });
}

#[test]
fn a_gateway_goes_on_without_its_manager_also_when_it_is_started_again() {
    run(async {
        let (mut cluster, mut gateway, guests) = two().await;
        let load = Load::start(steady(&gateway));
        cluster.sigkill_manager().await;
        for _ in 0..20 {
            assert_eq!(http::get(&steady(&gateway)).await.status, 200);
        }
        load.stop().await.assert_no_failure("the gateway without a manager");
        gateway.start_again().await;
        assert_eq!(http::get(&steady(&gateway)).await.status, 200);

        cluster.start_manager_again().await;
        cluster.live(2).await;
        cluster.api().publish_ready("later", &packages::steady(&guests, 7), 2).await;
        answers(&format!("{}/functions/later/api/steady", gateway.url())).await;
    });
}

#[test]
fn a_host_leads_to_its_app_through_the_gateway() {
    run(async {
        let (cluster, gateway, guests) = two().await;
        let module = packages::steady(&guests, 8);
        let manifest = b"[app]\nname = \"hosted\"\nhosts = [\"shop.example.org\"]\n";
        let package = packages::zipped(&[("steading.toml", manifest), ("hosted.wasm", &module)]);
        cluster.api().publish_ready("hosted", &package, 2).await;
        answers(&format!("{}/functions/hosted/api/steady", gateway.url())).await;
        let asked = http::request(reqwest::Method::GET, &steady(&gateway));
        let hosted = http::send(asked.header("host", "shop.example.org")).await;
        assert_eq!(hosted.text(), "the steady guest, version 8");
        assert_eq!(http::get(&steady(&gateway)).await.text(), "the steady guest, version 1");
    });
}

/// A role started with flags alone; its process, and the line that says it is ready.
async fn role(folder: &Path, flags: &[&str]) -> (Process, Value) {
    let command = steading()
        .within(folder)
        .args(flags)
        .args(["--json", "--listen", "127.0.0.1:0"])
        .env("STEADING_ADMIN_PASSWORD", ADMIN_PASSWORD)
        .env("STEADING_JOIN_TOKEN", JOIN_TOKEN)
        .into_command();
    let mut process = Process::start(flags[0], command).await;
    let ready = |line: &str| serde_json::from_str(line).ok().filter(Value::is_object);
    let ready = process.line("its address", ready).await;
    (process, ready)
}

#[test]
fn a_manager_runs_a_gateway_in_its_own_process() {
    run(async {
        let folder = scratch();
        let (manager, ready) = role(folder.path(), &["manager", "--gateway", "127.0.0.1:0"]).await;
        let url = format!("http://{}", ready["address"].as_str().expect("an address"));
        let gateway = format!("http://{}", ready["gateway"].as_str().expect("an address"));
        let worker = ["worker", "--control", "127.0.0.1:0", "--manager", &url];
        let (worker, _) = role(folder.path(), &worker).await;
        let guests = packages::module_of(&built("tests/guests").await);
        Api::sign_in(&url).await.publish_ready("app", &guests, 1).await;
        answers(&format!("{gateway}/api/steady")).await;
        drop((manager, worker));
    });
}

#[test]
fn a_configuration_that_is_wrong_ends_with_64_before_a_port_is_bound() {
    run(async {
        let folder = scratch();
        let file = folder.path().join("gateway.toml");
        for (text, said) in [
            ("listn = \"127.0.0.1:0\"", "`listn`"),
            ("trust_forwarded_from = [\"all\"]", "`all`"),
            ("token = \"x\"", "`token`"),
            ("[upstream]\neject_after = 0", "eject_after"),
            ("[server]\nheaders_max = 0", "headers_max"),
        ] {
            std::fs::write(&file, text).expect("the folder takes a file");
            let ended = steading().within(folder.path()).args(["gateway", "--config"]);
            let ended = ended.args([&file]).ended().await;
            assert!(ended.failed(64).contains(said), "{text}: {ended}");
        }
    });
}
