//! What the attribute makes of a function once it is a module: builds `examples/hello` as
//! `steading build` does and reads the result. Running modules is the worker's tests' business.

#![allow(clippy::unwrap_used, reason = "all of this file is a test")]

use std::path::{Path, PathBuf};
use std::process::Command;

use steading_protocol::{FunctionRecord, Trigger, abi};
use wasmparser::{ExternalKind, Parser, Payload};

const TARGET: &str = "wasm32-wasip1";

/// What `hello` may take, bytes: what it takes today with room for a new compiler. Every byte is
/// fetched, compiled and kept by every worker, so a jump is worth a look.
const HELLO_BYTES_MAX: usize = 40 << 10;

#[test]
fn hello_is_a_small_module_that_describes_itself_and_starts_at_no_cost() {
    let Some(file) = build_hello() else {
        return println!(
            "SKIPPED: the target {TARGET} is not installed (rustup target add {TARGET})"
        );
    };
    let wasm = std::fs::read(file).unwrap();
    let module = Module::read(&wasm);

    let records = FunctionRecord::parse_section(&module.section).unwrap();
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].name.as_str(), "hello");
    let Trigger::Http(http) = &records[0].trigger;
    assert_eq!(http.route.as_str(), "hello");

    // Neither `_initialize` nor a wrapper by the linker: one call is one call.
    let exports =
        [("memory".into(), ExternalKind::Memory), (records[0].export.clone(), ExternalKind::Func)];
    assert_eq!(module.exports, exports);

    for (from, name) in &module.imports {
        assert!(abi::is_provided(from, name), "{from}.{name}");
        // What std's panic message needs; clocks, randomness and files would be a surprise.
        let expected = ["environ_get", "environ_sizes_get", "fd_write", "proc_exit"];
        assert!(from == abi::IMPORT_MODULE || expected.contains(&name.as_str()), "{from}.{name}");
    }

    // One page of stack, one of data whose rest is the first of the heap.
    assert_eq!(module.memory_pages, 2);
    assert!(wasm.len() <= HELLO_BYTES_MAX, "{} bytes", wasm.len());
}

/// Builds the example with its own target folder, because the outer `cargo` may hold the usual one;
/// `None` without the target.
fn build_hello() -> Option<PathBuf> {
    let libdir =
        Command::new("rustc").args(["--print", "target-libdir", "--target", TARGET]).output();
    let libdir = String::from_utf8(libdir.unwrap().stdout).unwrap();
    if !Path::new(libdir.trim()).is_dir() {
        return None;
    }
    let target_dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("guest");
    let built = Command::new(env!("CARGO"))
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/hello"))
        .args([
            "rustc",
            "--lib",
            "--crate-type",
            "cdylib",
            "--target",
            TARGET,
            "--profile",
            "guest",
        ])
        .args(["--", "-C", "link-arg=-zstack-size=65536"])
        .env("CARGO_TARGET_DIR", &target_dir)
        .env_remove("RUSTFLAGS")
        .output()
        .unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    Some(target_dir.join(TARGET).join("guest/hello.wasm"))
}

/// What the test looks at.
#[derive(Default)]
struct Module {
    imports: Vec<(String, String)>,
    exports: Vec<(String, ExternalKind)>,
    memory_pages: u64,
    section: Vec<u8>,
}

impl Module {
    fn read(wasm: &[u8]) -> Self {
        let mut module = Self::default();
        for payload in Parser::new(0).parse_all(wasm) {
            match payload.unwrap() {
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        let import = import.unwrap();
                        module.imports.push((import.module.into(), import.name.into()));
                    }
                }
                Payload::ExportSection(section) => {
                    for export in section {
                        let export = export.unwrap();
                        module.exports.push((export.name.into(), export.kind));
                    }
                }
                Payload::MemorySection(section) => {
                    module.memory_pages = section.into_iter().map(|m| m.unwrap().initial).sum();
                }
                Payload::CustomSection(section) if section.name() == FunctionRecord::SECTION => {
                    module.section.extend_from_slice(section.data());
                }
                _ => {}
            }
        }
        module
    }
}
