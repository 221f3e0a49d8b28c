//! Guests that take more than they may: time, memory, stack, bytes.

use std::time::Instant;

use reqwest::StatusCode;
use steading_tests::{http, run};

use super::{Call, assert_problem};

#[test]
pub(crate) fn a_loop_is_ended_at_its_deadline_with_504() {
    run(async {
        let call = Call::of("spin").await;
        assert_problem(&call.problem().await, 504, "deadline_exceeded", "300 ms");
    });
}

#[test]
pub(crate) fn a_computation_without_end_is_ended_by_its_processor_time_with_500() {
    run(async {
        let call = Call::of("compute").await;
        assert_problem(&call.problem().await, 500, "cpu_exceeded", "200 ms");
    });
}

#[test]
pub(crate) fn a_call_of_the_worker_that_never_returns_is_ended_at_the_deadline() {
    run(async {
        let call = Call::of("block").await;
        assert_problem(&call.problem().await, 504, "deadline_exceeded", "300 ms");
    });
}

#[test]
pub(crate) fn a_log_without_end_is_ended_at_the_deadline() {
    run(async {
        let call = Call::of("chatter").await;
        assert_problem(&call.problem().await, 504, "deadline_exceeded", "300 ms");
    });
}

#[test]
pub(crate) fn growth_without_end_answers_500_and_names_the_limit() {
    run(async {
        let call = Call::of("grow").await;
        assert_problem(&call.problem().await, 500, "memory_exceeded", "32 MiB");
    });
}

#[test]
pub(crate) fn recursion_without_end_answers_500() {
    run(async {
        let call = Call::of("recurse").await;
        assert_problem(&call.problem().await, 500, "stack_exhausted", "stack");
    });
}

#[test]
pub(crate) fn a_response_over_its_limit_answers_500() {
    run(async {
        let call = Call::of("flood").await;
        assert_problem(&call.problem().await, 500, "response_too_large", "65536 bytes");
    });
}

#[test]
pub(crate) fn a_guest_that_writes_on_after_being_told_to_stop_is_ended() {
    run(async {
        let call = Call::of("gush").await;
        let started = Instant::now();
        let problem = call.problem().await;
        assert!(problem.status >= 500, "{problem:?}");
        assert!(started.elapsed().as_secs() < 10, "it ended at its deadline");
    });
}

#[test]
pub(crate) fn a_request_over_its_limit_answers_413_announced_or_not() {
    run(async {
        let call = Call::of("slurp").await;
        let within = http::send(call.request().body(vec![b'x'; 64 << 10])).await;
        assert_eq!((within.status, within.text().as_str()), (StatusCode::OK, "read 65536 bytes"));

        // the caller's client must not be left with a connection that the worker has given up
        for _ in 0..5 {
            let announced = http::send(call.request().body(vec![b'x'; 100 << 10])).await;
            assert_problem(&announced.problem(), 413, "request_too_large", "65536 bytes");
            call.assert_neighbour_answers().await;
        }
        // without a length in front, only reading tells
        for _ in 0..5 {
            let body = http::unannounced(vec![b'x'; 100 << 10]);
            let unannounced = http::send(call.request().body(body)).await;
            assert_problem(&unannounced.problem(), 413, "request_too_large", "65536 bytes");
            call.assert_neighbour_answers().await;
        }
    });
}
