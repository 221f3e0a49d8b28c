//! How a component may end, and what its caller and its operator are told.

use std::time::Duration;

use steading_tests::{eventually, http, run};

use super::{BOTH, get, serving, shared, small, url};

const SOON: Duration = Duration::from_secs(10);

#[track_caller]
fn assert_problem(guest: &str, reply: &http::Reply, wanted: (u16, &str), reason: &str) {
    let problem = reply.problem();
    assert_eq!((problem.status, problem.code.as_str()), wanted, "{guest}: {problem:?}");
    assert!(problem.title.contains(reason), "{guest}: `{reason}` in `{}`", problem.title);
    assert!(problem.invocation.is_some(), "a problem names its invocation");
}

#[test]
fn each_fault_answers_with_its_name_and_the_next_call_is_answered() {
    run(async {
        for guest in BOTH {
            for (path, status, code, reason) in [
                ("trap", 500, "guest_trapped", "unreachable"),
                ("recurse", 500, "stack_exhausted", "stack"),
                ("error", 500, "guest_failed", "no luck"),
                ("exit/1", 500, "guest_failed", "code 1"),
            ] {
                assert_problem(guest, &get(guest, path).await, (status, code), reason);
            }
            assert_eq!(get(guest, "length").await.text(), "0", "{guest}");
        }
    });
}

#[test]
fn a_component_that_returns_without_a_response_answers_500() {
    run(async {
        assert_problem("wasi02", &get("wasi02", "none").await, (500, "no_response"), "without");
    });
}

#[test]
fn a_fault_after_the_whole_response_is_only_in_the_log() {
    run(async {
        for guest in BOTH {
            let reply = get(guest, "late").await;
            assert_eq!((reply.status.as_u16(), &*reply.text()), (200, "all is well"), "{guest}");
        }
    });
}

#[test]
fn a_fault_in_the_middle_of_a_response_breaks_it_off() {
    run(async {
        let cluster = shared().await;
        for guest in BOTH {
            let request = http::request(reqwest::Method::GET, &url(&cluster, guest, "broken"));
            match http::try_send(request).await {
                Ok(reply) => assert_problem(guest, &reply, (500, "guest_trapped"), "unreachable"),
                Err(error) => assert!(!error.contains("timed out"), "{guest}: {error}"),
            }
        }
    });
}

#[test]
fn a_body_that_0_3_ends_with_an_error_is_broken_off_and_one_that_0_2_leaves_open_ends_with_it() {
    run(async {
        let cluster = shared().await;
        let broken = url(&cluster, "wasi03", "unfinished");
        let broken = http::try_send(http::request(reqwest::Method::GET, &broken)).await;
        if let Ok(reply) = broken {
            assert_problem("wasi03", &reply, (500, "response_invalid"), "that was not all");
        }
        assert_eq!(get("wasi02", "unfinished").await.text(), "what there is");
    });
}

#[test]
fn a_component_that_waits_is_ended_at_its_deadline_with_504() {
    run(async {
        for guest in BOTH {
            let reply = get(&small(guest), "sleep").await;
            assert_problem(guest, &reply, (504, "deadline_exceeded"), "2000 ms");
        }
    });
}

#[test]
fn a_component_that_computes_is_ended_when_its_processor_time_is_used_up() {
    run(async {
        for guest in BOTH {
            let reply = get(&small(guest), "spin").await;
            assert_problem(guest, &reply, (500, "cpu_exceeded"), "100 ms");
        }
    });
}

#[test]
fn growth_without_end_answers_500_and_names_the_limit() {
    run(async {
        for guest in BOTH {
            let reply = get(&small(guest), "grow").await;
            assert_problem(guest, &reply, (500, "memory_exceeded"), "16 MiB");
        }
    });
}

#[test]
fn the_workers_own_memory_is_not_a_components_to_fill() {
    run(async {
        for guest in BOTH {
            assert_problem(guest, &get(guest, "fields").await, (500, "guest_trapped"), "");
        }
        // 64 MiB in one go: refused in 0.2; in 0.3, where less may be given, it is
        assert_problem("wasi02", &get("wasi02", "random").await, (500, "guest_trapped"), "limit");
        assert_eq!(get("wasi03", "random").await.text(), (16 << 20).to_string());
    });
}

#[test]
fn a_response_over_its_limit_answers_500_or_breaks_off() {
    run(async {
        let cluster = shared().await;
        for guest in BOTH {
            let app = small(guest);
            let flood = http::request(reqwest::Method::GET, &url(&cluster, &app, "flood"));
            match http::try_send(flood).await {
                Ok(reply) => {
                    assert_problem(guest, &reply, (500, "response_too_large"), "65536 bytes");
                }
                // the head had left
                Err(error) => assert!(!error.contains("timed out"), "{guest}: {error}"),
            }
            let counted = format!(
                "steading_invocations_total{{app=\"{app}\",version=\"1\",function=\"{app}\",outcome=\"response_too_large\"}}"
            );
            http::metric_becomes(cluster.control(0), &counted, 1.0, SOON).await;
        }
    });
}

#[test]
fn a_caller_that_leaves_ends_its_component() {
    run(async {
        let cluster = serving().await;
        for guest in BOTH {
            let hang = http::request(reqwest::Method::GET, &url(&cluster, guest, "hang"));
            let mut reply = hang.send().await.expect("the head arrives");
            let first = reply.chunk().await.expect("the body begins").expect("it has a piece");
            assert_eq!(first, "first\n", "{guest}");
            drop(reply);
            let cancelled = format!(
                "steading_invocations_total{{app=\"{guest}\",version=\"1\",function=\"{guest}\",outcome=\"cancelled\"}}"
            );
            http::metric_becomes(cluster.control(0), &cancelled, 1.0, SOON).await;
            http::metric_becomes(cluster.control(0), "steading_in_flight ", 0.0, SOON).await;
        }
    });
}

#[test]
fn stdout_and_stderr_are_in_the_functions_log() {
    run(async {
        let cluster = serving().await;
        for guest in BOTH {
            let reply = http::get(&url(&cluster, guest, "log")).await;
            assert_eq!(reply.text(), "logged", "{guest}");
            let invocation = reply.header("x-steading-invocation").to_owned();
            eventually("the words in the worker's log", SOON, || async {
                let lines = cluster.worker_lines(0);
                let has = |word: &str| {
                    lines.iter().any(|line| line.contains(word) && line.contains(&invocation))
                };
                let both = has("a word to stdout") && has("a word to stderr");
                if both { Ok(()) } else { Err(lines.join("\n")) }
            })
            .await;
        }
    });
}
