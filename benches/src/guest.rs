//! The guest that is called: `examples/hello`, built by the product's own `steading build`.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};
use steading_protocol::FunctionRecord;

/// A built module and its one function.
pub struct Guest {
    /// The wasm.
    pub wasm: Vec<u8>,
    /// What its custom section says of the function.
    pub record: FunctionRecord,
}

impl Guest {
    /// Builds `examples/hello`.
    pub fn hello() -> anyhow::Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .context("benches lies in the repository")?;
        let built = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
            .current_dir(root)
            .args(["run", "--quiet", "--release", "--package", "steading-cli", "--"])
            .args(["build", "examples/hello", "--json"])
            .output()?;
        ensure!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        let report: serde_json::Value = serde_json::from_slice(&built.stdout)?;
        let package =
            report["path"].as_str().context("`steading build --json` names the package")?;
        let record = serde_json::from_value(report["functions"][0].clone())?;
        Ok(Self { wasm: module_of(&root.join(package))?, record })
    }
}

/// The one module of a package.
fn module_of(package: &Path) -> anyhow::Result<Vec<u8>> {
    let file = File::open(package).with_context(|| package.display().to_string())?;
    let mut package = zip::ZipArchive::new(file)?;
    let name = package.file_names().find(|name| name.ends_with(".wasm")).map(str::to_owned);
    let mut wasm = vec![];
    package.by_name(&name.context("a package holds a module")?)?.read_to_end(&mut wasm)?;
    Ok(wasm)
}
