//! Fuzz target: the host's functions. The guest is an interpreter of scripts, so that the functions are
//! called in any order with any pointers, lengths, levels and heads.
//!
//! What must hold: a call ends with an answer or a named fault within its deadline, the worker does not
//! panic, nothing stays in use, and no limit is passed.

use std::fmt::Write as _;

use bytes::Bytes;
use steading_fuzz::{Corpus, Script};

use super::{Lab, NativeFunction, call_with, conduit, run};
use crate::engine::MemoryReset;

/// Host calls that wait, such as `poll_oneoff`, may take as long.
const DEADLINE_MS: u64 = 50;

/// A record of a script: the number of the function, and four arguments.
const RECORD_BYTES: usize = 17;

/// The functions, with the types of their parameters. Where there are more than four, the record's
/// arguments begin anew.
const FUNCTIONS: [(&str, &str); 35] = [
    ("request_head_read", "i32 i32"),
    ("request_body_read", "i32 i32"),
    ("response_send", "i32 i32 i32 i32"),
    ("response_start", "i32 i32"),
    ("response_write", "i32 i32"),
    ("log_write", "i32 i32 i32"),
    ("args_sizes_get", "i32 i32"),
    ("args_get", "i32 i32"),
    ("environ_sizes_get", "i32 i32"),
    ("environ_get", "i32 i32"),
    ("clock_res_get", "i32 i32"),
    ("clock_time_get", "i32 i64 i32"),
    ("random_get", "i32 i32"),
    ("poll_oneoff", "i32 i32 i32 i32"),
    ("fd_write", "i32 i32 i32 i32"),
    ("fd_read", "i32 i32 i32 i32"),
    ("fd_pwrite", "i32 i32 i32 i64 i32"),
    ("fd_close", "i32"),
    ("fd_renumber", "i32 i32"),
    ("fd_fdstat_get", "i32 i32"),
    ("fd_filestat_get", "i32 i32"),
    ("fd_prestat_get", "i32 i32"),
    ("fd_prestat_dir_name", "i32 i32 i32"),
    ("fd_seek", "i32 i64 i32 i32"),
    ("path_open", "i32 i32 i32 i32 i32 i64 i64 i32 i32"),
    ("sock_recv", "i32 i32 i32 i32 i32 i32"),
    ("result_read", "i32 i32"),
    ("kv_get", "i32 i32 i32 i32"),
    ("kv_set", "i32 i32 i32 i32 i32 i32"),
    ("kv_delete", "i32 i32 i32 i32"),
    ("kv_list", "i32 i32 i32 i32 i32 i32 i32"),
    ("kv_increment", "i32 i32 i32 i32 i64"),
    ("kv_compare_and_set", "i32 i32 i32 i32 i64 i32 i32"),
    ("http_send", "i32 i32 i32 i32"),
    ("http_body_read", "i32 i32"),
];

/// The interpreter. Its script is the request's body, at 0; see the corpus for the rest of memory.
fn interpreter() -> String {
    let (mut imports, mut cases) = (String::new(), String::new());
    for (number, (name, parameters)) in FUNCTIONS.into_iter().enumerate() {
        let ours = steading_protocol::abi::IMPORTS.contains(&name);
        let module = if ours { "steading_v1" } else { "wasi_snapshot_preview1" };
        let result = if name == "log_write" { "" } else { "(result i32)" };
        let drop = if result.is_empty() { "" } else { "drop" };
        writeln!(
            imports,
            r#"(import "{module}" "{name}" (func ${name} (param {parameters}) {result}))"#
        )
        .unwrap();
        let mut arguments = String::new();
        for (index, kind) in parameters.split(' ').enumerate() {
            let load = format!("(i32.load offset={} (local.get $at))", 1 + index % 4 * 4);
            let widened = format!("(i64.extend_i32_s {load})");
            arguments.push_str(if kind == "i64" { &widened } else { &load });
        }
        writeln!(
            cases,
            "(if (i32.eq (local.get $op) (i32.const {number})) (then (call ${name} {arguments}) {drop}))"
        )
        .unwrap();
    }
    let count = FUNCTIONS.len();
    format!(
        r#"(module {imports}
        (memory (export "memory") 2 2)
        (data (i32.const 65536) "\c8\00\00\00\01\00\00\00\0c\00\00\00content-type\0a\00\00\00text/plain")
        (data (i32.const 65600) "\70\11\01\00\e8\03\00\00")
        (data (i32.const 65632) "\01\00\00\00\00\00\00\00\40\42\0f\00")
        (func (export "run") (param i32) (result i32) (local $at i32) (local $end i32) (local $op i32)
          (local.set $end (call $request_body_read (i32.const 0) (i32.const 60000)))
          (loop $next
            (if (i32.gt_s (i32.add (local.get $at) (i32.const {RECORD_BYTES})) (local.get $end))
              (then (return (i32.const 0))))
            (local.set $op (i32.rem_u (i32.load8_u (local.get $at)) (i32.const {count})))
            {cases}
            (local.set $at (i32.add (local.get $at) (i32.const {RECORD_BYTES})))
            (br $next))
          (unreachable)))"#
    )
}

/// A script from its text: a function and four numbers a line.
fn assemble(text: &str) -> Vec<u8> {
    let mut script = vec![];
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let mut words = line.split_whitespace();
        let name = words.next().expect("a line begins with a function");
        let number = FUNCTIONS.iter().position(|(function, _)| *function == name);
        script.push(u8::try_from(number.expect("the function is in the table")).unwrap());
        for word in words {
            script.extend_from_slice(&word.parse::<u32>().unwrap().to_le_bytes());
        }
        assert_eq!(script.len() % RECORD_BYTES, 0, "four numbers: {line}");
    }
    script
}

fn check(lab: &Lab, guest: &NativeFunction, script: Vec<u8>) {
    let log = conduit();
    let answer = run(call_with(guest, Bytes::from(script), &log));
    assert_eq!(lab.in_use(), [0; 4]);
    if let Ok(response) = answer {
        assert!((200..=599).contains(&response.status.as_u16()), "{}", response.status);
    }
}

#[test]
fn fuzz_host_functions() {
    let lab = Lab::new(1, MemoryReset::KeepResident);
    let guest = lab.function(&interpreter(), DEADLINE_MS);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let corpus = Corpus::of("abi").map(|_, bytes| assemble(&text(bytes)));
    for (_, script) in corpus.seeds() {
        check(&lab, &guest, script.to_vec());
    }
    let subject = std::panic::AssertUnwindSafe((&lab, &guest, &corpus));
    bolero::check!()
        .with_type::<Script>()
        .with_iterations(usize::MAX)
        .with_test_time(steading_fuzz::time())
        .for_each(|script| {
            let (lab, guest, corpus) = *subject;
            check(lab, guest, corpus.mutate(script));
        });
}

#[test]
fn a_script_is_carried_out() {
    let lab = Lab::new(1, MemoryReset::KeepResident);
    let guest = lab.function(&interpreter(), DEADLINE_MS);
    let script = assemble("response_send 65536 38 65564 10");
    let answer = run(call_with(&guest, script.into(), &conduit())).unwrap();
    assert_eq!(answer.headers["content-type"], "text/plain");
}
