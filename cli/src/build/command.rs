//! Runs the build command of a `steading.toml`, as its author would: by the system's shell, in the app's folder,
//! with the environment as it is. What it prints goes to stderr, so that stdout carries results only.
//!
//! It is code of whoever wrote the app, as a `build.rs` is. Only a folder on this machine brings one: out of
//! a package nothing is ever run.

use std::path::Path;
use std::process::Stdio;

use anyhow::Context as _;
use steading_protocol::BuildSection;
use tokio::process::Command;

use crate::exit::{Exit, Failure};
use crate::terminal;

/// Runs the command and sees to it that the modules are there.
pub(super) async fn run(folder: &Path, build: &BuildSection) -> Result<(), Failure> {
    let modules = build.modules.iter().map(|path| folder.join(path.as_str()));
    for parent in modules.clone().filter_map(|module| module.parent().map(Path::to_owned)) {
        // few compilers make the folder that they write to
        std::fs::create_dir_all(&parent)
            .with_context(|| format!("cannot make {}", parent.display()))?;
    }
    terminal::remark(format!("running {}", build.command.trim()));
    let status = shell(&build.command)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(std::io::stderr())
        .kill_on_drop(true)
        .status()
        .await
        .context("cannot run the shell")?;
    if !status.success() {
        let message = format!("`{}` failed ({status}), see above", build.command.trim());
        return Err(Failure::new(Exit::Data, message));
    }
    match modules.clone().find(|module| !module.is_file()) {
        None => Ok(()),
        Some(missing) => {
            let message = format!(
                "`{}` has not made {}, which build.modules names",
                build.command.trim(),
                missing.display()
            );
            Err(Failure::new(Exit::Data, message))
        }
    }
}

#[cfg(unix)]
fn shell(line: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", line]);
    shell
}

#[cfg(windows)]
fn shell(line: &str) -> Command {
    let mut shell = Command::new("cmd");
    // as it is: cmd does not read the quotes that Rust would put around it
    shell.arg("/C").raw_arg(line);
    shell
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build(command: &str) -> BuildSection {
        BuildSection { command: command.into(), modules: vec!["out/a.wasm".parse().unwrap()] }
    }

    #[tokio::test]
    async fn a_command_that_fails_or_makes_nothing_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let failure = run(folder.path(), &build("exit 3")).await.unwrap_err();
        assert_eq!(failure.code(), 65);
        assert!(failure.line().starts_with("`exit 3` failed (exit "), "{}", failure.line());
        let failure = run(folder.path(), &build("echo done")).await.unwrap_err();
        assert!(failure.line().contains("has not made"), "{}", failure.line());
        assert!(failure.line().contains("a.wasm"), "{}", failure.line());
        run(folder.path(), &build("echo x > out/a.wasm")).await.unwrap();
    }
}
