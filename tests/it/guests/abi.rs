//! Guests that break the ABI.

use steading_tests::{http, run};

use super::{Call, assert_problem};

#[test]
pub(crate) fn a_pointer_outside_memory_is_a_trap_that_is_named() {
    run(async {
        let call = Call::of("wild").await;
        assert_problem(&call.problem().await, 500, "guest_trapped", "outside the module's memory");
    });
}

#[test]
pub(crate) fn a_malformed_response_head_is_a_trap_that_is_named() {
    run(async {
        let call = Call::of("garbled").await;
        assert_problem(&call.problem().await, 500, "guest_trapped", "malformed response head");
    });
}

#[test]
pub(crate) fn a_second_response_is_a_trap_that_is_named() {
    run(async {
        let call = Call::of("twice").await;
        assert_problem(&call.problem().await, 500, "guest_trapped", "a second response");
    });
}

#[test]
pub(crate) fn a_header_that_would_split_the_response_is_not_sent() {
    run(async {
        let call = Call::of("smuggle").await;
        assert_problem(&call.problem().await, 500, "response_invalid", "x-guest");
        let reply = http::send(call.request()).await;
        assert!(reply.header("x-smuggled").is_empty() && reply.header("x-guest").is_empty());
    });
}

#[test]
pub(crate) fn more_headers_than_may_be_are_not_sent() {
    run(async {
        let call = Call::of("crowded").await;
        assert_problem(&call.problem().await, 500, "response_head_too_large", "128 headers");
        let reply = http::send(call.request()).await;
        assert!(reply.header("x-guest").is_empty());
    });
}

#[test]
pub(crate) fn a_longer_head_than_may_be_is_not_sent() {
    run(async {
        let call = Call::of("verbose").await;
        assert_problem(&call.problem().await, 500, "response_head_too_large", "65536 bytes");
        let control = call.cluster.control(0);
        let metrics = http::get(&format!("{control}/metrics")).await.text();
        let counted = metrics.lines().any(|line| {
            line.contains("function=\"verbose\"") && line.contains("response_head_too_large")
        });
        assert!(counted, "{metrics}");
    });
}
