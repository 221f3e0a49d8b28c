//! A hundred thousand invocations of good and misbehaving guests leave the worker as it was after the
//! first ten thousand: as much resident memory, as many slots.
//!
//! Resident memory is a process's, so the test runs itself again as a process of its own.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::canary::SHAPES;
use super::{Lab, NativeFunction, NativeModule, call, export, resident_kib};
use crate::engine::MemoryReset;

/// Set in the process that the test starts.
const INNER: &str = "STEADING_PROOF_SOAK";

/// Invocations before memory is measured for the first time, and in all.
const WARM: usize = 10_000;
const ALL: usize = 100_000;

/// Calls at once, which is also the size of the pool.
const LANES: u32 = 4;

/// Resident memory may change by this part of itself, both ways.
const PART: f64 = 0.05;

/// What most guests are: small, and quick to answer.
const HELLO: &str = r#"(module
    (import "steading_v1" "response_send" (func $send (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (table 2 funcref)
    (data (i32.const 0) "\c8\00\00\00\00\00\00\00hello")
    (func (export "run") (param i32) (result i32)
      (call $send (i32.const 0) (i32.const 8) (i32.const 8) (i32.const 5))))"#;

/// Answers with 64 KiB in pieces and floods its log.
const TALKER: &str = r#"(module
    (import "steading_v1" "response_start" (func $start (param i32 i32) (result i32)))
    (import "steading_v1" "response_write" (func $write (param i32 i32) (result i32)))
    (import "steading_v1" "log_write" (func $log (param i32 i32 i32)))
    (memory (export "memory") 2)
    (data (i32.const 0) "\c8\00\00\00\00\00\00\00")
    (func (export "run") (param i32) (result i32) (local $left i32)
      (drop (call $start (i32.const 0) (i32.const 8)))
      (local.set $left (i32.const 16))
      (loop $next
        (drop (call $write (i32.const 8) (i32.const 4096)))
        (call $log (i32.const 1) (i32.const 8) (i32.const 8192))
        (br_if $next (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
      (i32.const 0)))"#;

/// The guests, by how they end.
struct Guests {
    hello: Arc<NativeFunction>,
    talker: Arc<NativeFunction>,
    modules: Vec<Arc<NativeModule>>,
}

impl Guests {
    fn new(lab: &Lab) -> Self {
        let modules = SHAPES.iter().map(|shape| lab.module(&shape.wat())).collect();
        let function = |wat| lab.function(wat, 60_000);
        Self { hello: function(HELLO), talker: function(TALKER), modules }
    }

    /// The guest of one index, and whether its caller goes away: most behave, the expensive faults
    /// are rare, and every kind comes in each thousand.
    fn pick(&self, index: usize) -> (Arc<NativeFunction>, bool) {
        let (how, deadline_ms) = match index % 1000 {
            0 => ("spin", 10),
            1 => ("sleep", 10),
            2 | 502 => ("starve", 60_000),
            3 => ("sleep", 60_000),
            4 | 504 => ("spin", 60_000),
            5 | 505 => ("overflow", 60_000),
            n if n % 200 == 6 => ("panic", 60_000),
            n if n % 50 == 7 => ("exit", 60_000),
            n if n % 20 == 8 => ("trap", 60_000),
            n if n % 50 == 9 => return (Arc::clone(&self.talker), false),
            n if n % 20 == 10 => ("run", 60_000),
            _ => return (Arc::clone(&self.hello), false),
        };
        let module = &self.modules[index / 7 % self.modules.len()];
        let abandoned = matches!((how, deadline_ms), ("spin" | "sleep", 60_000));
        (export(module, how, deadline_ms), abandoned)
    }
}

async fn invoke(guests: &Guests, index: usize) {
    let (guest, abandoned) = guests.pick(index);
    let called = tokio::spawn(async move { call(&guest).await.map(drop) });
    if abandoned {
        tokio::time::sleep(Duration::from_millis(3)).await;
        called.abort();
    }
    // good and bad, both are meant
    let _ = called.await;
}

async fn invoke_up_to(guests: &Arc<Guests>, next: &Arc<AtomicUsize>, end: usize) {
    let lanes: Vec<_> = (0..LANES)
        .map(|_| {
            let (guests, next) = (Arc::clone(guests), Arc::clone(next));
            tokio::spawn(async move {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= end {
                        break;
                    }
                    invoke(&guests, index).await;
                }
            })
        })
        .collect();
    for lane in lanes {
        lane.await.unwrap();
    }
    next.store(end, Ordering::Relaxed);
}

fn soak() {
    std::panic::set_hook(Box::new(|info| {
        let text = info.to_string();
        if !text.contains("on purpose") {
            eprintln!("{text}");
        }
    }));
    let lab = Lab::new(LANES, MemoryReset::KeepResident);
    let guests = Arc::new(Guests::new(&lab));
    let next = Arc::new(AtomicUsize::new(0));
    let threads =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    threads.unwrap().block_on(async {
        invoke_up_to(&guests, &next, WARM).await;
        let before = (resident_kib().unwrap(), lab.slots());
        invoke_up_to(&guests, &next, ALL).await;
        let after = (resident_kib().unwrap(), lab.slots());
        println!(
            "resident memory in KiB, and slots: {before:?} after {WARM}, {after:?} after {ALL}"
        );
        assert_eq!(before.1, after.1, "slots");
        let change = (after.0 as f64 - before.0 as f64) / before.0 as f64;
        assert!(change.abs() <= PART, "resident memory changed by {:.1} %", change * 100.0);
        lab.assert_whole().await;
    });
}

#[test]
fn memory_and_slots_stay_the_same_over_a_hundred_thousand_invocations() {
    if resident_kib().is_none() {
        println!("SKIPPED: there is no /proc to read resident memory from");
        return;
    }
    if std::env::var_os(INNER).is_some() {
        return soak();
    }
    let (_, module) = module_path!().split_once("::").expect("this is not the crate's root");
    let name =
        format!("{module}::memory_and_slots_stay_the_same_over_a_hundred_thousand_invocations");
    let ran = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &name, "--nocapture"])
        .env(INNER, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    println!("{said}");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    assert!(said.contains("1 passed"), "the test ran: {name}");
}
