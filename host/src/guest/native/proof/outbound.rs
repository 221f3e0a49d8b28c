//! Outgoing requests as a hostile guest sends them: without a grant, with pointers of anywhere, with heads that are
//! none. What becomes of good ones is tested where there are hosts.

use steading_protocol::Limits;

use super::{Lab, NativeFunction, call, run};
use crate::engine::MemoryReset;
use crate::guest::GuestError;

/// Calls one import with these arguments, and returns what it returned plus 100: never 0, which would be
/// good news. In memory: `GET`, `http://a.example/`, no patience, no headers; 36 bytes.
fn guest(lab: &Lab, call: &str) -> NativeFunction {
    let wat = format!(
        r#"(module
        (import "steading_v1" "http_send" (func $send (param i32 i32 i32 i32) (result i32)))
        (import "steading_v1" "http_body_read" (func $read (param i32 i32) (result i32)))
        (memory (export "memory") 800)
        (data (i32.const 0) "\03\00\00\00GET\11\00\00\00http://a.example/\00\00\00\00\00\00\00\00")
        (data (i32.const 64) "\03\00\00\00G T\11\00\00\00http://a.example/\00\00\00\00\00\00\00\00")
        (func (export "run") (param i32) (result i32) (i32.add (i32.const 100) {call})))"#
    );
    NativeFunction::new(lab.module(&wat), "run", Limits::default()).unwrap()
}

fn returned(function: &NativeFunction) -> i32 {
    match run(call(function)) {
        Err(GuestError::Failed(code)) => code - 100,
        other => panic!("{other:?}"),
    }
}

const NONE: &str = "(i32.const 0) (i32.const 0)";

#[test]
fn without_a_grant_nothing_is_sent_and_there_is_nothing_to_read() {
    let lab = Lab::new(1, MemoryReset::KeepResident);
    let good = format!("(call $send (i32.const 0) (i32.const 36) {NONE})");
    assert_eq!(returned(&guest(&lab, &good)), -1);
    let bad = format!("(call $send (i32.const 64) (i32.const 36) {NONE})");
    assert_eq!(returned(&guest(&lab, &bad)), -3);
    let long = "(call $send (i32.const 0) (i32.const 36) (i32.const 0) (i32.const 52000000))";
    assert_eq!(returned(&guest(&lab, long)), -7);
    assert_eq!(returned(&guest(&lab, "(call $read (i32.const 0) (i32.const 9))")), 0);
}

#[test]
fn what_is_no_head_or_outside_of_its_memory_ends_the_guest_and_leaves_the_slot_clean() {
    let lab = Lab::new(1, MemoryReset::KeepResident);
    let wild = "(i32.const -1) (i32.const -1)";
    for (call, told) in [
        (format!("(call $send (i32.const 0) (i32.const 35) {NONE})"), "malformed"),
        (format!("(call $send (i32.const 0) (i32.const 37) {NONE})"), "malformed"),
        (format!("(call $send {NONE} {NONE})"), "malformed"),
        (format!("(call $send {wild} {NONE})"), "outside"),
        (format!("(call $send (i32.const 0) (i32.const 36) {wild})"), "outside"),
        (format!("(call $read {wild})"), "outside"),
    ] {
        let ended = run(super::call(&guest(&lab, &call))).unwrap_err();
        let named = matches!(&ended, GuestError::Trapped { reason } if reason.contains(told));
        assert!(named, "{call}: {ended:?}");
        assert_eq!(lab.in_use(), [0; 4]);
    }
}
