//! The guest that is called: `examples/hello`, built by the product's own `steading build`.

use std::path::{Path, PathBuf};
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
        let path = report["wasm"].as_str().context("`steading build --json` names the wasm")?;
        Self::read(&root.join(PathBuf::from(path)))
    }

    fn read(path: &Path) -> anyhow::Result<Self> {
        let wasm = std::fs::read(path).with_context(|| path.display().to_string())?;
        let mut records = vec![];
        for payload in wasmparser::Parser::new(0).parse_all(&wasm) {
            if let wasmparser::Payload::CustomSection(section) = payload?
                && section.name() == FunctionRecord::SECTION
            {
                records = FunctionRecord::parse_section(section.data())?;
            }
        }
        let record = records.into_iter().next().context("hello has one function")?;
        Ok(Self { wasm, record })
    }
}
