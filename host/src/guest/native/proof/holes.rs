//! Holes that hosts of this kind have had (the advisories of wasmtime and its users), as guests that try
//! them: host memory through output, handles, tables, start functions that do not end.
//! What concerns the HTTP edge is tested there.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use steading_protocol::Limits;

use super::{Lab, NativeFunction, call, call_with, conduit, resident_kib, run};
use crate::engine::MemoryReset;
use crate::guest::GuestError;

/// What the worker may need at most while a guest tries to make it need hundreds of MiB. Not less,
/// because other tests run in the same process.
const GROWTH_KIB_MAX: u64 = 96 << 10;

/// Far more than a call that ends by itself needs on a busy machine.
const PATIENCE_MS: u64 = 60_000;

/// Runs `act` and fails when resident memory went up by more than [`GROWTH_KIB_MAX`] meanwhile.
fn assert_bounded<T>(what: &str, act: impl FnOnce() -> T) -> T {
    let Some(before) = resident_kib() else {
        println!("SKIPPED: there is no /proc to read resident memory from");
        return act();
    };
    let done = Arc::new(AtomicBool::new(false));
    let (sender, peak) = mpsc::channel();
    let watched = Arc::clone(&done);
    std::thread::spawn(move || {
        let mut peak = 0;
        while !watched.load(Ordering::Relaxed) {
            peak = peak.max(resident_kib().unwrap_or_default());
            std::thread::sleep(Duration::from_millis(2));
        }
        sender.send(peak)
    });
    let result = act();
    done.store(true, Ordering::Relaxed);
    let growth = peak.recv().unwrap().saturating_sub(before);
    assert!(growth <= GROWTH_KIB_MAX, "{what}: resident memory grew by {growth} KiB");
    result
}

fn limited(lab: &Lab, wat: &str, limits: Limits) -> NativeFunction {
    NativeFunction::new(lab.module(wat), "run", limits).unwrap()
}

/// A guest of 2 pages that carries out `code` this many times and returns 0.
fn repeating(times: u32, code: &str) -> String {
    format!(
        r#"(module
        (import "steading_v1" "response_start" (func $start (param i32 i32) (result i32)))
        (import "steading_v1" "response_write" (func $write (param i32 i32) (result i32)))
        (import "steading_v1" "log_write" (func $log (param i32 i32 i32)))
        (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_renumber" (func $fd_renumber (param i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_fdstat_get" (func $fdstat (param i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "path_open"
          (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "sock_accept" (func $accept (param i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 2)
        (data (i32.const 0) "\c8\00\00\00\00\00\00\00")
        (data (i32.const 16) "\00\00\01\00\00\00\01\00")
        (func (export "run") (param i32) (result i32) (local $left i32)
          (drop (call $start (i32.const 0) (i32.const 8)))
          (local.set $left (i32.const {times}))
          (loop $next
            {code}
            (br_if $next (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
          (i32.const 0)))"#
    )
}

#[test]
fn a_gibibyte_of_output_needs_no_memory_of_the_worker() {
    let lab = Lab::new(1, MemoryReset::KeepResident);
    // 64 KiB, 16,384 times
    for (what, code) in [
        (
            "stdout",
            "(drop (call $fd_write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 24)))",
        ),
        ("log_write", "(call $log (i32.const 0) (i32.const 65536) (i32.const 65536))"),
        ("response_write", "(drop (call $write (i32.const 65536) (i32.const 65536)))"),
    ] {
        let limits = Limits {
            deadline_ms_max: PATIENCE_MS,
            response_body_bytes_max: 1 << 20,
            ..Limits::default()
        };
        let guest = limited(&lab, &repeating(16_384, code), limits);
        let log = conduit();
        let answer = assert_bounded(what, || run(call_with(&guest, bytes::Bytes::new(), &log)));
        let timed_out = matches!(answer, Err(GuestError::DeadlineExceeded(_)));
        assert!(!timed_out, "{what} ended by itself");
    }
}

#[test]
fn descriptors_cannot_be_hoarded() {
    let lab = Lab::new(1, MemoryReset::KeepResident);
    let code = "(drop (call $fd_renumber (i32.const 1) (local.get $left)))
        (drop (call $fdstat (i32.const 1) (i32.const 1000)))
        (drop (call $accept (i32.const 0) (i32.const 0) (i32.const 1000)))
        (drop (call $open (i32.const 3) (i32.const 0) (i32.const 40) (i32.const 1) (i32.const 0)
          (i64.const 0) (i64.const 0) (i32.const 0) (i32.const 1000)))";
    let guest = lab.function(&repeating(50_000, code), PATIENCE_MS);
    assert_bounded("descriptors", || run(call(&guest))).unwrap();
    // a thousand subscriptions to a clock that has passed already, over and over
    let code =
        "(drop (call $poll (i32.const 1024) (i32.const 65536) (i32.const 1000) (i32.const 8)))";
    let guest = lab.function(&repeating(50, code), PATIENCE_MS);
    assert_bounded("subscriptions", || run(call(&guest))).unwrap();
}

#[test]
fn memory_that_many_instances_grew_to_the_limit_is_given_back() {
    let lab = Lab::new(4, MemoryReset::KeepResident);
    // grows to 64 MiB, writes to every page, may not grow further
    let guest = lab.module(
        r#"(module (memory (export "memory") 1)
        (func (export "run") (param i32) (result i32) (local $at i32)
          (if (i32.eq (memory.grow (i32.const 1023)) (i32.const -1)) (then (return (i32.const 1))))
          (if (i32.ne (memory.grow (i32.const 1)) (i32.const -1)) (then (return (i32.const 2))))
          (loop $next
            (i32.store8 (local.get $at) (i32.const 1))
            (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 4096)))
              (i32.const 0x4000000))))
          (i32.const 3)))"#,
    );
    let limits =
        Limits { memory_bytes_max: 64 << 20, deadline_ms_max: PATIENCE_MS, ..Limits::default() };
    let guest = Arc::new(NativeFunction::new(guest, "run", limits).unwrap());
    let before = resident_kib().unwrap_or_default();
    run(async {
        for _ in 0..4 {
            let calls = [(); 4].map(|()| {
                let guest = Arc::clone(&guest);
                tokio::spawn(async move { call(&guest).await.map(drop) })
            });
            for called in calls {
                let ended = called.await.unwrap().unwrap_err();
                assert!(matches!(ended, GuestError::Failed(3)), "{ended}");
            }
        }
        lab.assert_whole().await;
    });
    let growth = resident_kib().unwrap_or_default().saturating_sub(before);
    assert!(growth <= GROWTH_KIB_MAX, "{growth} KiB of 256 MiB stayed");
}

#[test]
fn tables_end_at_the_size_of_their_slot() {
    let lab = Lab::new(2, MemoryReset::KeepResident);
    let guest = lab.function(
        r#"(module (memory (export "memory") 1) (table $table 1 funcref)
        (func (export "run") (param i32) (result i32)
          (if (i32.eq (table.grow $table (ref.null func) (i32.const 99999)) (i32.const -1))
            (then (return (i32.const 1))))
          (if (i32.ne (table.grow $table (ref.null func) (i32.const 1)) (i32.const -1))
            (then (return (i32.const 2))))
          (i32.const 3)))"#,
        PATIENCE_MS,
    );
    for _ in 0..100 {
        let ended = run(call(&guest)).unwrap_err();
        assert!(matches!(ended, GuestError::Failed(3)), "{ended}");
    }
}

#[test]
fn a_start_that_does_not_end_is_ended() {
    let lab = Lab::new(1, MemoryReset::KeepResident);
    let rest = r#"(memory (export "memory") 1)
        (func (export "run") (param i32) (result i32) (i32.const 0))"#;
    let spin = "(loop (br 0))";
    for (how, header) in
        [("start", "(start $first)"), ("_initialize", "(export \"_initialize\" (func $first))")]
    {
        for (code, spins) in [(spin, true), ("(unreachable)", false)] {
            let wat = format!("(module {header} (func $first {code}) {rest})");
            let guest = lab.function(&wat, 50);
            let began = Instant::now();
            let ended = run(call(&guest)).unwrap_err();
            match spins {
                true => assert!(matches!(ended, GuestError::DeadlineExceeded(_)), "{how}: {ended}"),
                false => assert!(matches!(ended, GuestError::Trapped { .. }), "{how}: {ended}"),
            }
            assert!(began.elapsed() < Duration::from_secs(5), "{how}: {:?}", began.elapsed());
        }
    }
    run(lab.assert_whole());
}

#[test]
fn a_deadline_of_nothing_is_a_deadline() {
    let lab = Lab::new(1, MemoryReset::KeepResident);
    for deadline_ms_max in [0, u64::from(u32::MAX)] {
        let limits = Limits { deadline_ms_max, ..Limits::default() };
        let guest = limited(&lab, &repeating(1, ""), limits);
        let answer = run(call(&guest)).map(|response| response.status.as_u16());
        let ok = matches!(answer, Ok(200) | Err(GuestError::DeadlineExceeded(_)));
        assert!(ok, "{answer:?}");
    }
    let spinner = limited(&lab, super::SPINNER, Limits { deadline_ms_max: 0, ..Limits::default() });
    let ended = run(call(&spinner)).unwrap_err();
    assert!(matches!(ended, GuestError::DeadlineExceeded(_)), "{ended}");
}
