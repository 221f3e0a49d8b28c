//! What the tests publish: the examples and the guests, each built once in a test run by the real
//! `steading build`, and packages put together by hand.

use std::collections::HashMap;
use std::io::{Cursor, Read, Write};
use std::path::Path;
use std::sync::LazyLock;

use tokio::sync::Mutex;
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

use crate::{Steading, repository};

/// The text in the guest `steady` that tells its versions apart.
const STEADY_VERSION: &[u8] = b"the steady guest, version 1";

/// One build at a time: two would wait for the same target folder anyway.
static BUILT: LazyLock<Mutex<HashMap<String, Vec<u8>>>> = LazyLock::new(Mutex::default);

/// The package that `steading build` makes of a folder of the repository, such as `examples/hello`.
pub async fn built(steading: &Path, folder: &str) -> Vec<u8> {
    let mut built = BUILT.lock().await;
    if let Some(package) = built.get(folder) {
        return package.clone();
    }
    let command = Steading::at(steading).within(repository()).args(["build", "--json", folder]);
    let ended = command.ended().await.succeeded();
    let reply: serde_json::Value = serde_json::from_str(&ended.stdout)
        .unwrap_or_else(|error| panic!("`build --json` prints JSON ({error})\n{ended}"));
    let path = reply["path"].as_str().unwrap_or_else(|| panic!("it names the package\n{ended}"));
    let package = std::fs::read(repository().join(path)).expect("the package is a file");
    built.insert(folder.to_owned(), package.clone());
    package
}

/// The program `behave` of `tests/commands`, as plain cargo builds it.
pub async fn command() -> Vec<u8> {
    compiled("steading-test-commands", "wasm32-wasip1").await
}

/// A component of `tests/components`, as plain cargo builds it: `wasi02` or `wasi03`.
pub async fn component(name: &str) -> Vec<u8> {
    compiled(&format!("steading-test-{name}"), "wasm32-wasip2").await
}

/// The one module that plain cargo makes of a package of the repository.
async fn compiled(package: &str, target: &str) -> Vec<u8> {
    let mut built = BUILT.lock().await;
    if let Some(module) = built.get(package) {
        return module.clone();
    }
    let mut cargo = tokio::process::Command::new(env!("CARGO"));
    cargo.current_dir(repository()).args(["build", "--quiet", "--package", package]);
    cargo.args(["--target", target, "--profile", "guest", "--message-format", "json"]);
    let output = cargo.stderr(std::process::Stdio::inherit()).output().await;
    let output = output.expect("cargo can be started");
    assert!(output.status.success(), "{package} compiles");
    let messages = String::from_utf8_lossy(&output.stdout);
    let messages =
        messages.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let files = messages.flat_map(|message| match &message["filenames"] {
        serde_json::Value::Array(files) => files.clone(),
        _ => vec![],
    });
    // the package's own comes last
    let path = files.filter_map(|file| file.as_str().map(str::to_owned));
    let path = path.filter(|path| path.ends_with(".wasm")).reduce(|_, last| last);
    let module = std::fs::read(path.expect("cargo names the module")).expect("it is a file");
    built.insert(package.to_owned(), module.clone());
    module
}

/// A module in which the guest `steady` says that it is version `version`, a single digit.
pub fn steady(guests: &[u8], version: u8) -> Vec<u8> {
    let mut module = guests.to_vec();
    let found: Vec<usize> = (0..module.len() - STEADY_VERSION.len())
        .filter(|at| module[*at..].starts_with(STEADY_VERSION))
        .collect();
    assert_eq!(found.len(), 1, "the text stands once in the module");
    module[found[0] + STEADY_VERSION.len() - 1] = b'0' + version;
    module
}

/// A zip archive of the given files.
pub fn zipped(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(vec![]));
    for (name, bytes) in files {
        archive.start_file(*name, SimpleFileOptions::default()).expect("memory takes a file");
        archive.write_all(bytes).expect("memory takes bytes");
    }
    archive.finish().expect("memory takes a directory").into_inner()
}

/// The one module in a package: the package itself, or the `.wasm` in its archive.
pub fn module_of(package: &[u8]) -> Vec<u8> {
    if package.starts_with(b"\0asm") {
        return package.to_vec();
    }
    let mut archive = ZipArchive::new(Cursor::new(package)).expect("the package is an archive");
    let names: Vec<String> = archive.file_names().map(ToOwned::to_owned).collect();
    let modules: Vec<&String> = names.iter().filter(|name| name.ends_with(".wasm")).collect();
    assert_eq!(modules.len(), 1, "the package has one module");
    let mut module = vec![];
    let mut file = archive.by_name(modules[0]).expect("it was listed");
    file.read_to_end(&mut module).expect("the file can be unpacked");
    module
}
