//! Limits of a worker's own that a module runs into: tables, stack, the size of an instance, and the log.

use std::time::Duration;

use steading_protocol::Limits;
use steading_protocol::desired::PlacementState::{Failed, Ready};
use steading_tests::desk::{app_of, version};
use steading_tests::{Desk, DeskWorker, eventually, packages, run, wasm};

use super::state;
use crate::setup::{binary, built};

/// What a worker with this configuration says of a module that it must not load.
async fn refusal(config: &str, wasm: Vec<u8>) -> String {
    let desk = Desk::open().await;
    let _worker = DeskWorker::start(binary(), &desk, config).await;
    let module = desk.module(wasm);
    let report = desk.applied(desk.want(vec![version("large", 1, 100, &module)], vec![])).await;
    assert_eq!(state(&report, "large", 1), Some(Failed), "{report:?}");
    report.placements[0].detail.clone().expect("a failure has its reason")
}

/// What a worker with this configuration answers with a module that it loads.
async fn answer(config: &str, wasm: Vec<u8>) -> (u16, String) {
    let desk = Desk::open().await;
    let worker = DeskWorker::start(binary(), &desk, config).await;
    let module = desk.module(wasm);
    let report = desk.applied(desk.want(vec![version("fits", 1, 100, &module)], vec![])).await;
    assert_eq!(state(&report, "fits", 1), Some(Ready), "{report:?}");
    worker.hello("fits").await
}

#[test]
fn a_table_begins_and_grows_within_the_workers_limit() {
    run(async {
        let config = "[engine]\ntable_elements_max = 50\n";
        let detail = refusal(config, wasm::computing("(table 51 funcref)", "", "")).await;
        assert!(detail.contains("limit of 50"), "{detail}");

        // grows to 50, may not grow to 51
        let grow = |by, expected| {
            format!(
                "(if (i32.ne (table.grow $t (ref.null func) (i32.const {by})) (i32.const {expected}))
                    (then (unreachable)))"
            )
        };
        let growing = grow(49, 1) + &grow(1, -1);
        let module = wasm::computing("(table $t 1 funcref)", &growing, "grown");
        assert_eq!(answer(config, module).await, (200, "grown".into()));
    });
}

#[test]
fn the_stack_is_as_deep_as_the_worker_says() {
    run(async {
        // calls itself 3,000 times
        let dive = "(func $dive (param i32) (result i32)
            (if (result i32) (local.get 0)
                (then (i32.add (i32.const 1) (call $dive (i32.sub (local.get 0) (i32.const 1)))))
                (else (i32.const 0))))";
        let module = wasm::computing(dive, "(drop (call $dive (i32.const 3000)))", "surfaced");
        assert_eq!(answer("", module.clone()).await, (200, "surfaced".into()));
        let (status, body) = answer("[engine]\nstack_kib_max = 16\n", module).await;
        assert!(status == 500 && body.contains("stack_exhausted"), "{status} {body}");
    });
}

#[test]
fn a_module_of_many_functions_is_served_and_one_of_too_many_globals_refused_by_its_size() {
    run(async {
        let functions = "(func (param i32) (result i32) (local.get 0))".repeat(10_000);
        let module = wasm::computing(&functions, "", "served");
        assert_eq!(answer("", module).await, (200, "served".into()));
        // 16 bytes each: more than the 1 MiB that the data of an instance may take
        let globals = "(global (mut i64) (i64.const 1))".repeat(100_000);
        let detail = refusal("", wasm::computing(&globals, "", "")).await;
        assert!(detail.contains("1048576 bytes"), "{detail}");
    });
}

#[test]
fn a_log_over_its_limit_is_cut_off_and_says_so() {
    run(async {
        let desk = Desk::open().await;
        let mut worker = DeskWorker::start(binary(), &desk, "").await;
        let module = desk.module(packages::module_of(&built("tests/guests").await));
        let limits = Limits { log_bytes_max: 1 << 10, deadline_ms_max: 300, ..Limits::default() };
        desk.applied(desk.want(vec![app_of("logs", "chatter", &module, limits)], vec![])).await;
        let url = format!("{}/functions/logs/api/chatter", worker.url());
        let problem = steading_tests::http::get(&url).await.problem();
        assert_eq!(problem.code, "deadline_exceeded");
        let process = worker.process_mut();
        let lines = eventually("the mark in the log", Duration::from_secs(10), || async {
            let lines = process.lines();
            let marked =
                lines.iter().any(|l| l.contains("cut off") && l.contains("bytes_max=1024"));
            if marked { Ok(lines) } else { Err(lines.join("\n")) }
        })
        .await;
        let kept: usize = lines.iter().map(|line| line.matches("chatter ").count()).sum();
        assert!(kept <= 1024 / 8 + 4, "no more than the limit, and the names: {kept}");
    });
}
