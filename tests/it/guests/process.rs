//! Guests that end in a way they should not.

use reqwest::StatusCode;
use steading_tests::{http, run};

use super::{Call, assert_problem};

#[test]
pub(crate) fn a_panic_answers_500() {
    run(async {
        let call = Call::of("trap").await;
        assert_problem(&call.problem().await, 500, "guest_trapped", "trapped");
    });
}

#[test]
pub(crate) fn a_guest_that_exits_answers_500() {
    run(async {
        let call = Call::of("exit").await;
        assert_problem(&call.problem().await, 500, "guest_trapped", "exit");
    });
}

#[test]
pub(crate) fn a_return_without_a_response_answers_500() {
    run(async {
        let call = Call::of("silent").await;
        assert_problem(&call.problem().await, 500, "no_response", "without a response");
    });
}

#[test]
pub(crate) fn a_failure_without_a_response_answers_500() {
    run(async {
        let call = Call::of("fail").await;
        assert_problem(&call.problem().await, 500, "guest_failed", "code 7");
    });
}

#[test]
pub(crate) fn a_complete_response_survives_the_trap_after_it() {
    run(async {
        let call = Call::of("late").await;
        let reply = http::send(call.request()).await;
        let answered = (reply.status, reply.text());
        assert_eq!(answered, (StatusCode::OK, "sent before the trap".to_owned()));
        assert_eq!(reply.header("x-guest"), "late");
        call.assert_neighbour_answers().await;
    });
}
