//! Sees to it that the compiler can compile to wasm: asks it for the target's libraries, and when
//! they are missing has rustup add them. The one place that changes something outside the project,
//! so it says what it does.

use std::path::Path;
use std::process::Stdio;

use anyhow::Context as _;
use tokio::process::Command;

use super::cargo::TARGET;
use crate::exit::{Exit, Failure};
use crate::terminal;

/// Makes the target available to the toolchain that this folder uses.
pub(super) async fn ensure(folder: &Path) -> Result<(), Failure> {
    if is_installed(folder).await? {
        return Ok(());
    }
    terminal::remark(format!(
        "the Rust target {TARGET} is missing; running `rustup target add {TARGET}`"
    ));
    let added = Command::new("rustup")
        .args(["target", "add", TARGET])
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .status()
        .await;
    match added {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(failure("`rustup target add` failed, see above")),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(failure(
            "rustup is not installed; get it from https://rustup.rs, or add the target's libraries to your own toolchain",
        )),
        Err(error) => Err(anyhow::Error::new(error).context("cannot run rustup").into()),
    }
}

fn failure(why: &str) -> Failure {
    Failure::new(Exit::Other, format!("the Rust target {TARGET} is missing: {why}"))
}

async fn is_installed(folder: &Path) -> anyhow::Result<bool> {
    let output = Command::new("rustc")
        .args(["--print", "target-libdir", "--target", TARGET])
        .current_dir(folder)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .output()
        .await
        .context("cannot run rustc; get Rust from https://rustup.rs")?;
    let libraries = String::from_utf8_lossy(&output.stdout);
    Ok(output.status.success() && Path::new(libraries.trim()).is_dir())
}
