//! An idle instance takes a place of the worker, and is the first to go; no other function, version or setting finds it.

use std::time::Duration;

use reqwest::Method;
use steading_tests::{Cluster, eventually, http, packages, run};

use super::super::BOTH;
use super::{REUSE, SOON, assert_calls, idle, package, said, serving, three_at_once};
use crate::setup::cluster;

#[test]
fn an_idle_instance_makes_room_for_a_call_of_another_app() {
    run(async {
        let cluster = serving(REUSE, "[engine]\ninstances_max = 1\n").await;
        for (one, other) in [("wasi02", "wasi03"), ("wasi03", "wasi02")] {
            assert_eq!(said(&cluster, one, "count").await, "1");
            idle(&cluster, 1.0).await;
            assert_eq!(http::metric(cluster.control(0), "steading_in_flight ").await, 0.0);
            assert_eq!(said(&cluster, other, "count").await, "1");
            idle(&cluster, 1.0).await;
            assert_eq!(said(&cluster, one, "count").await, "1", "its own had to go");
        }
    });
}

#[test]
fn a_full_pool_of_idle_instances_refuses_nobody_and_serves_on() {
    run(async {
        let cluster = serving(REUSE, "[engine]\ninstances_max = 3\n").await;
        let (one, other) = BOTH.into();
        for guest in [one, other, one, other] {
            three_at_once(&cluster, guest).await;
            idle(&cluster, 3.0).await;
        }
        let reused =
            async || http::metric(cluster.control(0), "steading_instances_reused_total ").await;
        let before = reused().await;
        for _ in 0..10 {
            assert_eq!(said(&cluster, other, "hello").await, "Hello from a component\n");
        }
        assert!(reused().await > before, "where the pool is full, instances are still reused");
    });
}

#[test]
fn functions_of_one_component_have_instances_of_their_own() {
    run(async {
        let cluster = cluster().workers(1).start().await;
        for guest in BOTH {
            let manifest = format!(
                "{REUSE}[functions.one]\nmodule = \"guest.wasm\"\nroute = \"count\"\n[functions.two]\nmodule = \"guest.wasm\"\nroute = \"count/two\"\nlimits = {{ memory_mib_max = 8 }}\n"
            );
            cluster.api().publish_ready(guest, &package(guest, &manifest).await, 1).await;
            let calls = [("count", "1"), ("count/two", "1"), ("count", "2"), ("count/two", "2")];
            assert_calls(&cluster, guest, &calls).await;
        }
    });
}

async fn becomes_first(cluster: &Cluster, guest: &str) {
    eventually("an instance of its own", SOON, || async {
        match said(cluster, guest, "count").await {
            first if first == "1" => Ok(()),
            later => Err(later),
        }
    })
    .await;
}

#[test]
fn a_new_version_and_a_changed_setting_find_no_instance_of_the_old_one() {
    run(async {
        let cluster = cluster().workers(1).start().await;
        let manifest = "[grants]\nsettings = [\"A\"]\nreuse = { idle_ms = 60000 }\n";
        for guest in BOTH {
            cluster.api().publish_ready(guest, &package(guest, manifest).await, 1).await;
            assert_calls(&cluster, guest, &[("count", "1"), ("count", "2")]).await;
            let set = ["settings", "set", guest, "A=1"];
            cluster.steading().args(set).ended().await.succeeded();
            becomes_first(&cluster, guest).await;
            idle(&cluster, 1.0).await;
            let next = package(guest, &format!("{manifest}[limits]\ncpu_ms_max = 900\n")).await;
            cluster.api().publish_ready(guest, &next, 1).await;
            becomes_first(&cluster, guest).await;
            idle(&cluster, 1.0).await;
            let without = package(guest, "").await;
            cluster.api().publish_ready(guest, &without, 1).await;
            idle(&cluster, 0.0).await;
        }
    });
}

#[test]
fn a_worker_that_stops_does_not_wait_for_idle_instances() {
    run(async {
        let mut cluster = serving(REUSE, "").await;
        assert_eq!(said(&cluster, "wasi02", "count").await, "1");
        idle(&cluster, 1.0).await;
        cluster.worker_process(0).sigterm();
        let status = cluster.worker_process(0).ended(Duration::from_secs(10)).await;
        assert!(status.success(), "the worker ends with {status}");
    });
}

#[test]
fn what_cannot_be_reused_is_refused_by_name_and_reuse_needs_a_yes() {
    run(async {
        let cluster = cluster().workers(0).start().await;
        let native = packages::module_of(&crate::setup::built("examples/hello").await);
        let (old, new) = (packages::component("wasi02").await, packages::component("wasi03").await);
        for (module, reuse, part) in [
            (&old, "{ concurrent = 16 }", "`guest.wasm` is of WASI 0.2, of which an instance"),
            (&new, "{ concurrent = 16 }", "`guest.wasm` is of WASI 0.3, and a worker could not"),
            (&packages::command().await, "{}", "`guest.wasm` is a command"),
            (&native, "{}", "`guest.wasm` is a native module"),
            (&old, "{ requests = 0 }", "reuse.requests = 0 is not within 1 to 10000"),
        ] {
            let manifest = format!("[grants]\nreuse = {reuse}\n");
            let files: [(&str, &[u8]); 2] =
                [("steading.toml", manifest.as_bytes()), ("guest.wasm", module)];
            let refused = cluster.api().publish("bad", &packages::zipped(&files)).await;
            let text = refused.unwrap_err().to_string();
            assert!(text.contains("manifest_invalid") && text.contains(part), "{text}");
        }
        cluster.api().publish("shop", &package("wasi02", "").await).await.unwrap();
        let asking = package("wasi02", REUSE).await;
        let request =
            cluster.api().request(Method::POST, "apps/shop/versions").body(asking.clone());
        let refused = cluster.api().send::<serde_json::Value>(request).await.unwrap_err();
        assert_eq!(refused.error.code, "grants_new");
        assert!(refused.to_string().contains("an instance serves up to 128"), "{refused}");
        let reply = cluster.api().publish("shop", &asking).await.unwrap();
        assert_eq!(reply.grants.reuse.unwrap().idle_ms, 60_000);
        let status = cluster.steading().args(["status", "--json"]).ended().await.succeeded();
        let status: serde_json::Value = serde_json::from_str(&status.stdout).unwrap();
        assert_eq!(status["apps"][0]["grants"]["reuse"]["requests"], 128, "{status}");
    });
}
