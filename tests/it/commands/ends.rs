//! How a command may end, and what its caller and its operator are told.

use std::time::Duration;

use reqwest::Method;
use steading_tests::{eventually, http, run};

use super::{call, get, serving, shared};

#[track_caller]
fn assert_problem(reply: &http::Reply, status: u16, code: &str, reason: &str) {
    let problem = reply.problem();
    assert_eq!((problem.status, problem.code.as_str()), (status, code), "{problem:?}");
    assert!(problem.title.contains(reason), "`{reason}` in `{}`", problem.title);
    assert!(problem.invocation.is_some(), "a problem names its invocation");
}

#[test]
fn an_exit_with_another_code_than_0_answers_500_and_names_it() {
    run(async {
        assert_problem(&get("three").await, 500, "guest_failed", "code 3");
    });
}

#[test]
fn a_program_that_writes_nothing_answers_500() {
    run(async {
        assert_problem(&get("silent").await, 500, "no_response", "without a response");
    });
}

#[test]
fn every_call_is_the_first_of_its_instance() {
    run(async {
        for _ in 0..20 {
            assert_eq!(get("calls").await.text(), "1");
        }
    });
}

#[test]
fn a_trap_answers_500_and_the_next_call_is_answered() {
    run(async {
        assert_problem(&get("trap").await, 500, "guest_trapped", "unreachable");
        assert_problem(&get("recurse").await, 500, "stack_exhausted", "stack");
        assert_eq!(get("length").await.text(), "0");
    });
}

#[test]
fn a_loop_is_ended_at_its_deadline_with_504() {
    run(async {
        assert_problem(&get("small/1/spin").await, 504, "deadline_exceeded", "500 ms");
    });
}

#[test]
fn a_body_that_never_comes_is_waited_for_until_the_deadline() {
    run(async {
        let (_cluster, request) = call(Method::POST, "small/1/length").await;
        let body = never();
        assert_problem(&http::send(request.body(body)).await, 504, "deadline_exceeded", "500 ms");
    });
}

/// A body of which nothing ever comes.
fn never() -> reqwest::Body {
    let (reader, writer) = tokio::io::duplex(1);
    // the other end stays open for longer than the test
    std::mem::forget(writer);
    reqwest::Body::wrap_stream(tokio_util::io::ReaderStream::new(reader))
}

#[test]
fn growth_without_end_answers_500_and_names_the_limit() {
    run(async {
        assert_problem(&get("small/1/grow").await, 500, "memory_exceeded", "16 MiB");
    });
}

#[test]
fn a_response_over_its_limit_answers_500_or_breaks_off() {
    run(async {
        let cluster = shared().await;
        let flood = http::request(Method::GET, &format!("{}/api/small/1/flood", cluster.worker(0)));
        match http::try_send(flood).await {
            Ok(reply) => assert_problem(&reply, 500, "response_too_large", "65536 bytes"),
            // the head had left
            Err(error) => assert!(!error.contains("timed out"), "{error}"),
        }
        let counted = "steading_invocations_total{app=\"behave\",version=\"1\",function=\"small\",outcome=\"response_too_large\"}";
        http::metric_becomes(cluster.control(0), counted, 1.0, Duration::from_secs(10)).await;
    });
}

#[test]
fn what_is_written_to_stderr_is_in_the_functions_log() {
    run(async {
        let cluster = serving().await;
        let reply = http::get(&format!("{}/api/stderr", cluster.worker(0))).await;
        assert_eq!(reply.text(), "logged");
        let wanted = format!("a word from {}", reply.header("x-steading-invocation"));
        eventually("the word in the worker's log", Duration::from_secs(10), || async {
            let lines = cluster.worker_lines(0);
            let found = lines.iter().any(|line| line.contains(&wanted) && line.contains("behave"));
            if found { Ok(()) } else { Err(lines.join("\n")) }
        })
        .await;
    });
}
