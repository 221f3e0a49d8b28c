//! C for WASI as a user has it: Debian's `clang`, its linker for wasm, and `wasi-libc`.

use std::path::Path;

use tokio::process::Command;

use crate::{repository, scratch};

/// What is needed, with the file by which it is told.
const NEEDED: [(&str, &str); 3] = [
    ("clang", "/usr/bin/clang"),
    ("lld", "/usr/bin/wasm-ld"),
    ("wasi-libc", "/usr/include/wasm32-wasi/stdio.h"),
];

/// Set to `1` where a missing compiler is a failure, as in CI.
const REQUIRE: &str = "STEADING_REQUIRE_CLANG";

/// The module of a C file of the repository. Says `SKIPPED: why` and gives none where there is no compiler,
/// and panics where the environment promises one.
pub async fn compiled(source: &str) -> Option<Vec<u8>> {
    if let Some((package, path)) = NEEDED.iter().find(|(_, path)| !Path::new(path).exists()) {
        let required = std::env::var(REQUIRE).is_ok_and(|value| value == "1");
        assert!(!required, "{REQUIRE} is set and there is no {path}");
        println!("SKIPPED: there is no {path}; install {package} to run this");
        return None;
    }
    let folder = scratch();
    let module = folder.path().join("program.wasm");
    let mut clang = Command::new(NEEDED[0].1);
    clang.args(["--target=wasm32-wasi", "-O2", "-Wall", "-Wextra", "-Werror", "-Wl,-s", "-o"]);
    let output = clang.arg(&module).arg(repository().join(source)).output().await;
    let output = output.expect("the compiler can be started");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(std::fs::read(module).expect("the compiler has made a module"))
}
