//! From a folder to a package that can be published.
//!
//! A folder whose `steading.toml` has a build command is made by that ([`command`]); any other cargo package is
//! compiled ([`cargo`], after [`target`] has seen to the compiler's target); a folder of finished modules with a
//! `steading.toml`, or a finished file, is taken as it is. [`package`] then makes the bytes, with what [`files`] finds
//! beside the modules, and [`section`] reads which functions are in them. The manager checks all of it again; what is
//! found here is only found sooner.
//!
//! Invariant: the same modules and the same manifest give the same bytes, so publishing twice
//! changes nothing.

mod cargo;
mod command;
mod files;
mod package;
mod project;
mod section;
mod target;

use std::path::{Path, PathBuf};

use serde::Serialize;
use sha2::{Digest as _, Sha256};
use steading_protocol::{AppName, Digest, FunctionRecord};

use crate::exit::{Exit, Failure};

pub(crate) use package::Package;
pub(crate) use project::Project;

/// The outcome of a build.
#[derive(Debug, Serialize)]
pub(crate) struct Built {
    /// The name to publish under.
    pub(crate) app: AppName,
    /// The package: a bare module or a zip.
    pub(crate) path: PathBuf,
    /// Its length, bytes.
    pub(crate) size_bytes: u64,
    /// SHA-256 of its bytes.
    pub(crate) digest: Digest,
    /// The functions in it.
    pub(crate) functions: Vec<FunctionRecord>,
    /// Its bytes.
    #[serde(skip)]
    pub(crate) bytes: Vec<u8>,
}

/// Builds what is in this project under the name chosen, or its own.
pub(crate) async fn build(project: &Project, app: Option<&AppName>) -> Result<Built, Failure> {
    let package = match project {
        Project::Cargo(member) => {
            target::ensure(member.folder()).await?;
            let module = cargo::compile(member).await?;
            Package::of_member(member, &module)?
        }
        Project::Sources { folder, build } => {
            command::run(folder, build).await?;
            Package::of_build(folder, build, app)?
        }
        Project::Modules(folder) => Package::of_folder(folder, app)?,
        Project::File(path) => Package::of_file(path)?,
    };
    finish(package, app)
}

fn finish(package: Package, app: Option<&AppName>) -> Result<Built, Failure> {
    let app = match app {
        Some(app) => app.clone(),
        None => package.app.clone().ok_or_else(|| unnamed(&package.path))?,
    };
    Ok(Built {
        app,
        size_bytes: package.bytes.len() as u64,
        digest: Digest::from_bytes(Sha256::digest(&package.bytes).into()),
        functions: package.functions,
        path: package.path,
        bytes: package.bytes,
    })
}

fn unnamed(path: &Path) -> Failure {
    let message = format!(
        "the name of {} makes no app name; give one with --app, or as `name` under [app] in steading.toml",
        path.display()
    );
    Failure::new(Exit::Usage, message)
}
