//! Guests that misbehave: what the caller is told, and that nobody else notices.
//!
//! Every guest of `tests/guests/src` must have a row in [`test_of`] that names its test; one without
//! does not compile.

mod abi;
mod limits;
mod process;

use reqwest::{Method, RequestBuilder, StatusCode};
use steading_protocol::problem::Problem;
use steading_tests::{Watched, http};

use crate::setup::shared;
use crate::{capabilities, cluster, files, outbound, streaming, versions};

/// The test of each guest.
macro_rules! test_of {
    (block) => {
        limits::a_call_of_the_worker_that_never_returns_is_ended_at_the_deadline
    };
    (chatter) => {
        limits::a_log_without_end_is_ended_at_the_deadline
    };
    (compute) => {
        limits::a_computation_without_end_is_ended_by_its_processor_time_with_500
    };
    (crowded) => {
        abi::more_headers_than_may_be_are_not_sent
    };
    (echo) => {
        streaming::a_gigabyte_is_echoed_in_constant_memory
    };
    (exit) => {
        process::a_guest_that_exits_answers_500
    };
    (fail) => {
        process::a_failure_without_a_response_answers_500
    };
    (fetch) => {
        outbound::a_granted_host_answers_every_kind_of_guest
    };
    (flood) => {
        limits::a_response_over_its_limit_answers_500
    };
    (folder) => {
        files::every_kind_of_guest_finds_its_folders
    };
    (garbled) => {
        abi::a_malformed_response_head_is_a_trap_that_is_named
    };
    (grow) => {
        limits::growth_without_end_answers_500_and_names_the_limit
    };
    (gush) => {
        limits::a_guest_that_writes_on_after_being_told_to_stop_is_ended
    };
    (late) => {
        process::a_complete_response_survives_the_trap_after_it
    };
    (levels) => {
        capabilities::records_have_the_levels_that_their_function_gave_them
    };
    (recurse) => {
        limits::recursion_without_end_answers_500
    };
    (silent) => {
        process::a_return_without_a_response_answers_500
    };
    (slow) => {
        cluster::a_worker_told_to_end_finishes_what_is_in_flight_and_takes_nothing_new
    };
    (slurp) => {
        limits::a_request_over_its_limit_answers_413_announced_or_not
    };
    (smuggle) => {
        abi::a_header_that_would_split_the_response_is_not_sent
    };
    (spin) => {
        limits::a_loop_is_ended_at_its_deadline_with_504
    };
    (steady) => {
        versions::version_2_takes_over_under_load_with_no_failed_request
    };
    (trap) => {
        process::a_panic_answers_500
    };
    (twice) => {
        abi::a_second_response_is_a_trap_that_is_named
    };
    (verbose) => {
        abi::a_longer_head_than_may_be_is_not_sent
    };
    (wild) => {
        abi::a_pointer_outside_memory_is_a_trap_that_is_named
    };
    ($guest:ident) => {
        compile_error!(concat!("the guest `", stringify!($guest), "` has no test"))
    };
}

macro_rules! demand_a_test {
    ($($guest:ident)*) => {
        $(const _: fn() = test_of!($guest);)*
    };
}

steading_tests::for_each_guest!(demand_a_test);

/// A call of one guest on the first worker of the shared cluster.
struct Call {
    cluster: Watched,
    guest: &'static str,
}

impl Call {
    async fn of(guest: &'static str) -> Self {
        Self { cluster: shared().await, guest }
    }

    fn request(&self) -> RequestBuilder {
        let worker = self.cluster.worker(0);
        http::request(Method::POST, &format!("{worker}/functions/guests/api/{}", self.guest))
    }

    /// The problem that the guest is answered for with. Many callers at once get the same, and then
    /// the guest's neighbour on the same worker answers as if nothing had been.
    async fn problem(&self) -> Problem {
        let calls: Vec<_> = (0..8).map(|_| tokio::spawn(http::send(self.request()))).collect();
        let mut problems = vec![];
        for call in calls {
            problems.push(call.await.expect("the call does not panic").problem());
        }
        self.assert_neighbour_answers().await;
        let first = problems.swap_remove(0);
        for other in &problems {
            assert_eq!((other.status, &other.code), (first.status, &first.code));
        }
        assert!(first.invocation.is_some(), "a problem names its invocation");
        first
    }

    async fn assert_neighbour_answers(&self) {
        let url = format!("{}/functions/guests/api/steady", self.cluster.worker(0));
        let reply = http::get(&url).await;
        let answered = (reply.status, reply.text());
        assert_eq!(answered, (StatusCode::OK, "the steady guest, version 1".to_owned()));
    }
}

/// Asserts status, code and a word of the sentence for people.
#[track_caller]
fn assert_problem(problem: &Problem, status: u16, code: &str, word: &str) {
    assert_eq!((problem.status, problem.code.as_str()), (status, code), "{problem:?}");
    assert!(problem.title.contains(word), "`{word}` in `{}`", problem.title);
}
