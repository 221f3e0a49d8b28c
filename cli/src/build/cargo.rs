//! Runs cargo: asks it about a package, and has it compile that package to a wasm module. The only
//! place that knows cargo's JSON.
//!
//! Compiling goes through `cargo rustc`, so that the linker flags below reach the app's own module
//! and nothing else: given as `RUSTFLAGS` they would replace those of the user and rebuild every
//! dependency. Compiler messages go straight to stderr, as the user knows them.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use anyhow::Context as _;
use serde::Deserialize;
use tokio::process::Command;

use crate::exit::{Exit, Failure, OrExit as _};

/// The target of native guests.
pub(super) const TARGET: &str = "wasm32-wasip1";
/// The profile that is used when the workspace defines it; `release` otherwise.
const GUEST_PROFILE: &str = "guest";
/// A small shadow stack: Rust's default of 1 MiB would make 17 pages of every instance, and pages are
/// what starting one costs. A project that needs more sets it in its own `.cargo/config.toml`; cargo
/// puts the user's flags after these, and the last one wins.
const LINK_ARGS: [&str; 1] = ["link-arg=-zstack-size=65536"];

/// A cargo package that is an app.
#[derive(Debug)]
pub(crate) struct Member {
    id: String,
    /// The package's name.
    pub(super) name: String,
    folder: PathBuf,
    target_folder: PathBuf,
    profile: &'static str,
}

impl Member {
    /// Where its `Cargo.toml` is.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where cargo writes.
    pub(super) fn target_folder(&self) -> &Path {
        &self.target_folder
    }
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<PackageEntry>,
    workspace_root: PathBuf,
    target_directory: PathBuf,
}

#[derive(Deserialize)]
struct PackageEntry {
    id: String,
    name: String,
    manifest_path: PathBuf,
    targets: Vec<TargetEntry>,
}

#[derive(Deserialize)]
struct TargetEntry {
    crate_types: Vec<String>,
}

/// A line of cargo's build output; lines of other kinds have neither field.
#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    package_id: String,
    #[serde(default)]
    filenames: Vec<PathBuf>,
}

/// The package whose `Cargo.toml` stands in this folder.
pub(super) async fn member(folder: &Path) -> Result<Member, Failure> {
    let mut command = cargo(folder);
    command.args(["metadata", "--no-deps", "--format-version", "1"]);
    let output = run(command).await?;
    if !output.status.success() {
        let message = format!("cargo cannot read {}, see above", folder.display());
        return Err(Failure::new(Exit::Data, message));
    }
    let metadata: Metadata =
        serde_json::from_slice(&output.stdout).context("cannot read the answer of cargo")?;
    choose(metadata, folder)
}

/// Compiles the package and returns where its module is.
pub(super) async fn compile(member: &Member) -> Result<PathBuf, Failure> {
    let mut command = cargo(&member.folder);
    command
        .args(["rustc", "--lib", "--crate-type", "cdylib"])
        .args(["--package", &member.id])
        .args(["--target", TARGET])
        .args(["--profile", member.profile])
        .args(["--message-format", "json-render-diagnostics"])
        .arg("--")
        .args(LINK_ARGS.iter().flat_map(|arg| ["-C", arg]));
    let output = run(command).await?;
    if !output.status.success() {
        let message = format!("`{}` does not compile, see above", member.name);
        return Err(Failure::new(Exit::Data, message));
    }
    let module = artifact(&output.stdout, &member.id);
    Ok(module.with_context(|| format!("cargo has made no wasm module of `{}`", member.name))?)
}

fn cargo(folder: &Path) -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
    command
}

async fn run(mut command: Command) -> anyhow::Result<Output> {
    let child = command.spawn().context("cannot run cargo; get Rust from https://rustup.rs")?;
    child.wait_with_output().await.context("cannot read from cargo")
}

fn choose(metadata: Metadata, folder: &Path) -> Result<Member, Failure> {
    let refuse = |message: String| Err(Failure::new(Exit::Data, message));
    let here = |package: &&PackageEntry| {
        package.manifest_path.parent().and_then(|path| path.canonicalize().ok())
            == folder.canonicalize().ok()
    };
    let Some(package) = metadata.packages.iter().find(here) else {
        return refuse(format!("{} is a workspace; name one of its packages", folder.display()));
    };
    let is_library = |target: &TargetEntry| {
        target.crate_types.iter().any(|kind| matches!(kind.as_str(), "lib" | "rlib" | "cdylib"))
    };
    if !package.targets.iter().any(is_library) {
        return refuse(format!(
            "package `{}` has no library; the functions of an app stand in src/lib.rs",
            package.name
        ));
    }
    let profile =
        if has_guest_profile(&metadata.workspace_root)? { GUEST_PROFILE } else { "release" };
    Ok(Member {
        id: package.id.clone(),
        name: package.name.clone(),
        folder: folder.to_owned(),
        target_folder: metadata.target_directory,
        profile,
    })
}

fn has_guest_profile(workspace: &Path) -> Result<bool, Failure> {
    let path = workspace.join("Cargo.toml");
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("cannot read {}", path.display()))
        .or_exit(Exit::Data)?;
    let table: toml::Table = toml::from_str(&text)
        .with_context(|| format!("cannot read {}", path.display()))
        .or_exit(Exit::Data)?;
    Ok(table.get("profile").is_some_and(|profiles| profiles.get(GUEST_PROFILE).is_some()))
}

/// The module among the files that cargo says it made for this package.
fn artifact(messages: &[u8], package: &str) -> Option<PathBuf> {
    let lines = messages.split(|byte| *byte == b'\n');
    let messages = lines.filter_map(|line| serde_json::from_slice::<Message>(line).ok());
    let files = messages.filter(|message| message.package_id == package);
    files
        .flat_map(|message| message.filenames)
        .rfind(|file| file.extension().is_some_and(|extension| extension == "wasm"))
}
