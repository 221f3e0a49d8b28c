//! Fuzz target: the admission of packages, bare modules and zips. And packages that are made to be
//! expensive: each is answered in bounded time.
//!
//! What must hold: a package is refused with a message or becomes a version whose functions workers can
//! find; nothing panics.

use std::io::{Cursor, Write as _};
use std::time::{Duration, Instant};

use steading_fuzz::{Corpus, Script};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::{Package, PackageLimits, read};
use crate::error::ApiError;
use crate::store::NewVersion;

/// Far more than any package of a test needs on a busy machine in an unoptimised build.
const PATIENCE: Duration = Duration::from_secs(10);

fn admit(bytes: Vec<u8>) -> Result<NewVersion, ApiError> {
    let package = Package {
        app: "shop".parse().unwrap(),
        bytes: bytes.into(),
        default: false,
        percent: 100,
        new_grants: crate::store::NewGrants::Refused,
    };
    let began = Instant::now();
    let limits = PackageLimits { bytes_max: 4 << 20, files_max: 1000, folders_bytes_max: 1 << 20 };
    let answer = read(&package, limits);
    assert!(began.elapsed() < PATIENCE, "answered after {:?}", began.elapsed());
    answer
}

fn check(bytes: Vec<u8>) {
    match admit(bytes) {
        Err(error) => assert!(!error.message().is_empty()),
        Ok(version) => {
            assert!(!version.functions.is_empty() && !version.modules.is_empty());
            for function in &version.functions {
                assert!(version.modules.iter().any(|module| module.digest == function.module));
            }
        }
    }
}

fn zipped(wasm: &[u8]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(vec![]));
    let manifest =
        &b"[app]\nname = \"shop\"\n[grants]\nfiles = [{ host = \"x\", guest = \"/x\" }]\n"[..];
    for (name, bytes) in [("steading.toml", manifest), ("a.wasm", wasm), ("x/y", b"file")] {
        writer.start_file(name, SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

#[test]
fn fuzz_admission() {
    let corpus = Corpus::of("module").map(|path, text| {
        wat::parse_bytes(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display())).into_owned()
    });
    let zips = corpus.clone().map(|_, wasm| zipped(&wasm));
    for (path, bytes) in corpus.seeds().chain(zips.seeds()) {
        let admitted = admit(bytes.to_vec());
        assert!(admitted.is_ok(), "{}: {:?}", path.display(), admitted.err());
    }
    bolero::check!()
        .with_type::<(bool, Script)>()
        .with_iterations(usize::MAX)
        .with_test_time(steading_fuzz::time())
        .for_each(|(zip, script)| check((if *zip { &zips } else { &corpus }).mutate(script)));
}

/// A module around `fields`, with the one function that every module needs.
fn module(fields: &str, code: &str) -> Vec<u8> {
    let record = r#"{\"v\":1,\"name\":\"f\",\"export\":\"run\",\"trigger\":{\"type\":\"http\",\"route\":\"f\",\"auth\":\"anonymous\"}}\n"#;
    let text = format!(
        r#"(module {fields} (memory (export "memory") 1)
        (func (export "run") (param i32) (result i32) {code} (i32.const 0))
        (@custom "steading.functions" "{record}"))"#
    );
    wat::parse_str(text).unwrap_or_else(|error| panic!("{error}"))
}

fn repeated(count: usize, field: impl Fn(usize) -> String) -> String {
    (0..count).map(field).collect()
}

#[test]
fn expensive_modules_are_answered_in_bounded_time() {
    let import = r#"(import "wasi_snapshot_preview1" "fd_close" (func (param i32) (result i32)))"#;
    let cases = [
        ("functions", module(&"(func)".repeat(50_000), "")),
        ("imports", module(&import.repeat(50_000), "")),
        ("exports", module(&repeated(50_000, |n| format!("(func (export \"e{n}\"))")), "")),
        ("globals", module(&"(global (mut i64) (i64.const 0))".repeat(50_000), "")),
        (
            "types",
            module(
                &repeated(20_000, |n| format!("(type (func (param {})))", "i32 ".repeat(n % 20))),
                "",
            ),
        ),
        ("nesting", module("", &format!("{}{}", "block ".repeat(50_000), "end ".repeat(50_000)))),
        ("locals", module(&"(func (local i64 i64 i64 i64 i64 i64 i64 i64))".repeat(10_000), "")),
        ("segments", module(&"(data \"x\")".repeat(50_000), "")),
        ("a table", module("(table 10000000 funcref)", "")),
    ];
    for (what, wasm) in cases {
        match admit(wasm) {
            Ok(version) => assert_eq!(version.functions.len(), 1, "{what}"),
            Err(error) => assert!(!error.message().is_empty(), "{what}"),
        }
    }
}
