//! What an instance does not survive: whatever is no good end of a call. Each is told by the call after it, which is
//! the first of its instance.

use steading_tests::{Cluster, http, run};

use super::super::BOTH;
use super::{SOON, assert_calls, get, said, serving};

/// Little of everything, and reuse.
const SMALL: &str = "[limits]\ndeadline_ms_max = 4000\ncpu_ms_max = 300\nmemory_mib_max = 16\nresponse_body_kib_max = 64\n[grants]\nreuse = { idle_ms = 60000 }\n";

/// Asserts that the instance which answers now is gone after what this does to it.
async fn assert_ends(cluster: &Cluster, guest: &str, path: &str, code: Option<&str>) {
    let reused =
        async || http::metric(cluster.control(0), "steading_instances_reused_total ").await;
    let before = reused().await;
    assert_eq!(said(cluster, guest, "count").await, "1", "{guest}, before {path}");
    let became = http::try_send(get(cluster, guest, path)).await;
    match (&became, code) {
        (Ok(reply), Some(code)) => assert_eq!(reply.problem().code, code, "{guest} {path}"),
        (Ok(reply), None) => assert_eq!(reply.status, 200, "{guest} {path}"),
        // its head had left
        (Err(error), _) => assert!(!error.contains("timed out"), "{guest} {path}: {error}"),
    }
    assert_eq!(reused().await, before + 1.0, "{path} ran in the instance that was kept");
    http::metric_becomes(cluster.control(0), "steading_instances_idle ", 0.0, SOON).await;
}

#[test]
fn a_fault_an_exit_or_a_limit_ends_the_instance() {
    run(async {
        let cluster = serving(SMALL, "").await;
        for guest in BOTH {
            for (path, code) in [
                ("trap", Some("guest_trapped")),
                ("recurse", Some("stack_exhausted")),
                ("late", None),
                ("broken", Some("guest_trapped")),
                ("error", Some("guest_failed")),
                ("exit/1", Some("guest_failed")),
                ("exit/0", Some("no_response")),
                ("sleep", Some("deadline_exceeded")),
                ("spin", Some("cpu_exceeded")),
                ("grow", Some("memory_exceeded")),
                // it was refused memory and got on well without
                ("reserve", None),
                ("flood", Some("response_too_large")),
                ("fields", Some("guest_trapped")),
                ("unfinished", (guest == "wasi03").then_some("response_invalid")),
            ] {
                assert_ends(&cluster, guest, path, code).await;
            }
        }
        assert_ends(&cluster, "wasi02", "none", Some("no_response")).await;
    });
}

#[test]
fn a_caller_that_leaves_in_mid_call_ends_the_instance() {
    run(async {
        let manifest = "[grants]\nreuse = { idle_ms = 60000 }\n";
        let cluster = serving(manifest, "").await;
        for guest in BOTH {
            assert_eq!(said(&cluster, guest, "count").await, "1");
            let mut reply = get(&cluster, guest, "hang").send().await.expect("the head arrives");
            assert_eq!(reply.chunk().await.unwrap().expect("a piece"), "first\n", "{guest}");
            drop(reply);
            let cancelled = format!(
                "steading_invocations_total{{app=\"{guest}\",version=\"1\",function=\"{guest}\",outcome=\"cancelled\"}}"
            );
            http::metric_becomes(cluster.control(0), &cancelled, 1.0, SOON).await;
            http::metric_becomes(cluster.control(0), "steading_instances_idle ", 0.0, SOON).await;
            // the last one leaks too much to be kept, so that none is idle when the next guest is asked
            assert_calls(&cluster, guest, &[("count", "1"), ("keep/101", "2")]).await;
        }
    });
}

#[test]
fn an_instance_that_leaks_the_workers_things_is_dropped() {
    run(async {
        let cluster = serving(SMALL, "").await;
        for guest in BOTH {
            let calls = [("keep/60", "1"), ("hold/960", "2"), ("keep/60", "3"), ("count", "1")];
            assert_calls(&cluster, guest, &calls).await;
            let reply = http::send(get(&cluster, guest, "hold/1100")).await;
            assert_eq!(reply.problem().code, "guest_trapped", "{guest}");
            assert_calls(&cluster, guest, &[("count", "1")]).await;
        }
    });
}

#[test]
fn memory_stays_below_the_limit_over_the_life_of_an_instance() {
    run(async {
        let cluster = serving(SMALL, "").await;
        for guest in BOTH {
            let calls = [("retain/4", "1"), ("retain/4", "2"), ("retain/4", "3")];
            assert_calls(&cluster, guest, &calls).await;
            let reply = http::send(get(&cluster, guest, "retain/4")).await;
            assert_eq!(reply.problem().code, "memory_exceeded", "{guest}");
            assert_calls(&cluster, guest, &[("retain/4", "1")]).await;
        }
    });
}
