//! Key-value stores as a hostile guest calls them: without a grant, with pointers of anywhere, with texts
//! that are none. What a manager does with what gets through is tested where there is a manager.

use std::sync::Arc;

use steading_protocol::Limits;

use super::{Lab, NativeFunction, call, run};
use crate::capability::{Capabilities, Directories, Exit, KvRemote, OutboundConfig, Providers};
use crate::engine::MemoryReset;
use crate::guest::GuestError;
use crate::metrics::Metrics;

/// Calls one import with these arguments, and returns what it returned plus 100: never 0, which would be
/// good news.
fn guest(lab: &Lab, call: &str) -> NativeFunction {
    let wat = format!(
        r#"(module
        (import "steading_v1" "kv_get" (func $get (param i32 i32 i32 i32) (result i32)))
        (import "steading_v1" "kv_set" (func $set (param i32 i32 i32 i32 i32 i32) (result i32)))
        (import "steading_v1" "kv_list"
          (func $list (param i32 i32 i32 i32 i32 i32 i32) (result i32)))
        (import "steading_v1" "kv_compare_and_set"
          (func $swap (param i32 i32 i32 i32 i64 i32 i32) (result i32)))
        (import "steading_v1" "result_read" (func $read (param i32 i32) (result i32)))
        (memory (export "memory") 1 1)
        (data (i32.const 0) "default") (data (i32.const 16) "key") (data (i32.const 32) "\ff\00\0a")
        (func (export "run") (param i32) (result i32) (i32.add (i32.const 100) {call})))"#
    );
    NativeFunction::new(lab.module(&wat), "run", Limits::default()).unwrap()
}

/// A version that is granted a store, whose manager nobody has reached yet.
fn granted() -> Arc<Capabilities> {
    let app = serde_json::json!({
        "app": "shop", "version": 1, "hosts": [], "modules": [], "functions": [],
        "grants": { "kv": ["default"] },
    });
    let metrics = Metrics::new();
    let exit = Exit::new(&OutboundConfig::default(), &metrics).unwrap();
    let (kv, directories) = (KvRemote::new(metrics), Directories::default());
    let providers = Providers { kv, exit, directories };
    Capabilities::of(&serde_json::from_value(app).unwrap(), &providers, None).unwrap()
}

fn returned(function: &NativeFunction) -> i32 {
    match run(call(function)) {
        Err(GuestError::Failed(code)) => code - 100,
        other => panic!("{other:?}"),
    }
}

const S: &str = "(i32.const 0) (i32.const 7)";
const K: &str = "(i32.const 16) (i32.const 3)";

#[test]
fn without_a_grant_and_for_another_store_there_is_no_store() {
    let lab = Lab::new(1, MemoryReset::KeepResident);
    let get = guest(&lab, &format!("(call $get {S} {K})"));
    assert_eq!(returned(&get), -1);
    let other = guest(&lab, &format!("(call $get {K} {K})")).granted(granted());
    assert_eq!(returned(&other), -1);
}

#[test]
fn a_worker_without_its_manager_says_that_it_cannot_be_reached() {
    let lab = Lab::new(1, MemoryReset::KeepResident);
    let get = guest(&lab, &format!("(call $get {S} {K})")).granted(granted());
    assert_eq!(returned(&get), -7);
}

#[test]
fn texts_that_are_none_and_values_that_nobody_takes_are_refused_before_anyone_is_asked() {
    let lab = Lab::new(1, MemoryReset::KeepResident);
    for (call, code) in [
        (format!("(call $get {S} (i32.const 32) (i32.const 1))"), -2),
        (format!("(call $get {S} (i32.const 33) (i32.const 1))"), -2),
        (format!("(call $get {S} (i32.const 34) (i32.const 1))"), -2),
        (format!("(call $get {S} (i32.const 16) (i32.const 0))"), -2),
        (format!("(call $get {S} (i32.const 0) (i32.const 65536))"), -2),
        (
            format!(
                "(call $list {S} (i32.const 0) (i32.const 0) (i32.const 34) (i32.const 1) (i32.const 9))"
            ),
            -2,
        ),
        ("(call $get (i32.const 32) (i32.const 1) (i32.const 16) (i32.const 3))".to_owned(), -2),
    ] {
        assert_eq!(returned(&guest(&lab, &call).granted(granted())), code, "{call}");
    }
}

#[test]
fn pointers_outside_of_its_memory_end_the_guest_and_leave_the_slot_clean() {
    let lab = Lab::new(1, MemoryReset::KeepResident);
    let end = "(i32.const 65535) (i32.const 2)";
    let wild = "(i32.const -1) (i32.const -1)";
    for call in [
        format!("(call $get {end} {K})"),
        format!("(call $get {S} {wild})"),
        format!("(call $set {S} {K} {end})"),
        format!("(call $set {S} {K} {wild})"),
        format!("(call $list {S} {wild} {K} (i32.const 1))"),
        format!("(call $list {S} {K} {end} (i32.const 1))"),
        format!("(call $swap {S} {K} (i64.const 1) {wild})"),
        "(call $read (i32.const 65535) (i32.const 2))".to_owned(),
    ] {
        let ended = run(super::call(&guest(&lab, &call).granted(granted()))).unwrap_err();
        let named = matches!(&ended, GuestError::Trapped { reason } if reason.contains("outside"));
        assert!(named, "{call}: {ended:?}");
        assert_eq!(lab.in_use(), [0; 4]);
    }
}
