//! What the next call sees of the one before, and how long.

use steading_tests::{http, run};

use super::super::BOTH;
use super::{REUSE, assert_calls, idle, package, said, serving, three_at_once, url};

#[test]
fn what_a_component_keeps_in_memory_is_seen_by_the_next_call_with_reuse_and_not_without() {
    run(async {
        let cluster = serving(REUSE, "").await;
        for guest in BOTH {
            assert_calls(&cluster, guest, &[("count", "1"), ("count", "2"), ("count", "3")]).await;
            let fresh = package(guest, "").await;
            cluster.api().publish_ready(&format!("{guest}-fresh"), &fresh, 1).await;
            assert_calls(&cluster, &format!("{guest}-fresh"), &[("count", "1"), ("count", "1")])
                .await;
        }
        let metric = async |name| http::metric(cluster.control(0), name).await;
        assert_eq!(metric("steading_instances_made_total ").await, 2.0);
        assert_eq!(metric("steading_instances_reused_total ").await, 4.0);
        assert_eq!(metric("steading_in_flight ").await, 0.0, "an idle instance is not in flight");
    });
}

#[test]
fn an_instance_serves_as_many_requests_as_it_may() {
    run(async {
        let manifest = "[grants]\nreuse = { requests = 2, idle_ms = 60000 }\n";
        let cluster = serving(manifest, "").await;
        for guest in BOTH {
            let calls = [("count", "1"), ("count", "2"), ("count", "1"), ("count", "2")];
            assert_calls(&cluster, guest, &calls).await;
        }
        idle(&cluster, 0.0).await;
    });
}

#[test]
fn calls_leave_nothing_behind_that_adds_up() {
    run(async {
        let manifest = "[grants]\nreuse = { requests = 10000, idle_ms = 60000 }\n";
        let cluster = serving(manifest, "").await;
        for guest in BOTH {
            for call in 1..=150 {
                assert_eq!(said(&cluster, guest, "log").await, "logged");
                let body = http::post(&url(&cluster, guest, "length"), "a body").await;
                assert_eq!(body.text(), "6");
                assert_eq!(said(&cluster, guest, "count").await, call.to_string(), "{guest}");
            }
        }
    });
}

#[test]
fn an_instance_that_nobody_calls_goes_when_its_time_is_over() {
    run(async {
        let cluster = serving("[grants]\nreuse = { idle_ms = 300 }\n", "").await;
        for guest in BOTH {
            assert_eq!(said(&cluster, guest, "count").await, "1");
            idle(&cluster, 0.0).await;
            assert_eq!(said(&cluster, guest, "count").await, "1", "{guest}");
        }
    });
}

#[test]
fn an_instance_that_streams_or_goes_on_after_its_response_is_kept_when_it_has_ended() {
    run(async {
        let cluster = serving(REUSE, "").await;
        for guest in BOTH {
            assert_eq!(said(&cluster, guest, "count").await, "1");
            let long = vec![b'x'; 3 << 20];
            let echo = http::post(&url(&cluster, guest, "echo"), long.clone()).await;
            assert_eq!(echo.text().len(), long.len(), "{guest}");
            assert_eq!(said(&cluster, guest, "stream").await, "first\nsecond\n");
            assert_calls(&cluster, guest, &[("count", "2")]).await;
            assert_eq!(said(&cluster, guest, "after").await, "answered");
            // it is busy, so this is another one
            assert_calls(&cluster, guest, &[("count", "1")]).await;
            idle(&cluster, 2.0).await;
            // the one that was kept last
            assert_calls(&cluster, guest, &[("count", "3"), ("count", "4")]).await;
            // an unread body is out of the way of the next call
            let unread = http::post(&url(&cluster, guest, "count"), long).await;
            assert_eq!(unread.text(), "5", "{guest}");
            assert_calls(&cluster, guest, &[("count", "6")]).await;
            cluster.api().publish_ready(guest, &package(guest, "").await, 1).await;
            idle(&cluster, 0.0).await;
        }
    });
}

#[test]
fn calls_at_once_have_an_instance_each() {
    run(async {
        let cluster = serving(REUSE, "").await;
        for (guest, all) in BOTH.into_iter().zip([3.0, 6.0]) {
            three_at_once(&cluster, guest).await;
            idle(&cluster, all).await;
        }
    });
}
