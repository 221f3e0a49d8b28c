//! The guests that are called: built by the product's own `steading build`, which is itself built
//! first, in release.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};
use steading_protocol::FunctionRecord;

/// A built module and one function of it.
pub struct Guest {
    /// The wasm.
    pub wasm: Vec<u8>,
    /// What its custom section says of the function.
    pub record: FunctionRecord,
}

impl Guest {
    /// `examples/hello`, the smallest function.
    pub fn hello() -> anyhow::Result<Self> {
        Self::of("examples/hello", "hello")
    }

    /// `examples/orders`, a module of about 100 KB.
    pub fn orders() -> anyhow::Result<Self> {
        Self::of("examples/orders", "orders")
    }

    /// `examples/thumbnail`, whose image codecs make it the largest.
    pub fn thumbnail() -> anyhow::Result<Self> {
        Self::of("examples/thumbnail", "thumbnail")
    }

    /// A function that loops for ever, from the guests that misbehave.
    pub fn spin() -> anyhow::Result<Self> {
        Self::of("tests/guests", "spin")
    }

    fn of(folder: &str, function: &str) -> anyhow::Result<Self> {
        let built = Command::new(binary()?)
            .current_dir(root()?)
            .args(["build", folder, "--json"])
            .output()?;
        ensure!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        let report: serde_json::Value = serde_json::from_slice(&built.stdout)?;
        let package =
            report["path"].as_str().context("`steading build --json` names the package")?;
        let functions: Vec<FunctionRecord> = serde_json::from_value(report["functions"].clone())?;
        let record = functions.into_iter().find(|record| record.name.as_str() == function);
        let record = record.with_context(|| format!("{folder} has a function {function}"))?;
        Ok(Self { wasm: module_of(&root()?.join(package))?, record })
    }
}

/// The product's binary, in release; built when it is not there or older than its sources.
pub fn binary() -> anyhow::Result<PathBuf> {
    static BUILT: std::sync::OnceLock<PathBuf> = std::sync::OnceLock::new();
    if let Some(path) = BUILT.get() {
        return Ok(path.clone());
    }
    let built = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .current_dir(root()?)
        .args(["build", "--quiet", "--release", "--package", "steading-cli"])
        .args(["--message-format", "json-render-diagnostics"])
        .output()?;
    ensure!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let text = String::from_utf8(built.stdout)?;
    let messages = text.lines().filter_map(|line| serde_json::from_str(line).ok());
    let path = messages
        .filter_map(|message: serde_json::Value| Some(message["executable"].as_str()?.into()))
        .next_back();
    let path: PathBuf = path.context("cargo names the executable")?;
    Ok(BUILT.get_or_init(|| path).clone())
}

/// The repository.
pub(crate) fn root() -> anyhow::Result<&'static Path> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    root.context("benches lies in the repository")
}

/// The one module of a package.
fn module_of(package: &Path) -> anyhow::Result<Vec<u8>> {
    let bytes = std::fs::read(package).with_context(|| package.display().to_string())?;
    if bytes.starts_with(b"\0asm") {
        return Ok(bytes);
    }
    let mut package = zip::ZipArchive::new(File::open(package)?)?;
    let name = package.file_names().find(|name| name.ends_with(".wasm")).map(str::to_owned);
    let mut wasm = vec![];
    package.by_name(&name.context("a package holds a module")?)?.read_to_end(&mut wasm)?;
    Ok(wasm)
}
