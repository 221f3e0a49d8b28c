//! The folders that an app finds: those of its package ([`unpack`], [`cache`]), directories of the worker that its
//! operator has approved by name, and nothing else of the disk. Of a directory both have to agree: the operator says in
//! `worker.toml` what there is and for whom, the manifest asks for it.
//!
//! What is in a folder stays in it: paths are resolved part by part below an open directory (wasmtime-wasi does that, as
//! cap-std does), so `..`, absolute paths and links lead nowhere else. Invariant: no directory reaches the state of the
//! worker, because who can write there can run native code. A package's folders lie in it and are read only.

mod cache;
mod unpack;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;
use steading_protocol::desired::DesiredApp;
use steading_protocol::{AppName, FileGrant, FileSource};

pub(crate) use cache::{FolderCache, PackageFolders, UnpackError};

/// One directory in the `[directories]` table of `worker.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DirectoryConfig {
    /// Where it is.
    pub path: PathBuf,
    /// Whether an app may write there.
    #[serde(default)]
    pub write: bool,
    /// The apps that may ask for it; all when absent.
    pub apps: Option<Vec<AppName>>,
}

/// The directories that apps may be granted, by name.
#[derive(Debug, Default)]
pub(crate) struct Directories(BTreeMap<String, DirectoryConfig>);

/// The folders of a version.
#[derive(Debug, Default)]
pub(crate) struct Files {
    folders: Vec<Folder>,
    /// Those of the package, in use as long as this is.
    _package: Option<Arc<PackageFolders>>,
}

/// A folder as the guest finds it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Folder {
    pub(crate) path: PathBuf,
    pub(crate) guest: String,
    pub(crate) access: Access,
}

/// What may be done in a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
}

/// A directory that cannot be approved.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// It is not there, or is none.
    #[error("directories.{name}: {} cannot be used", path.display())]
    Unusable {
        /// Its name.
        name: String,
        /// Its path.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Whoever reads or writes there reaches the worker's own state.
    #[error("directories.{name}: {} and the worker's state_dir lie in one another", path.display())]
    OfTheWorker {
        /// Its name.
        name: String,
        /// Its path.
        path: PathBuf,
    },
}

/// A folder that a version asks for and does not get.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FilesError {
    #[error("files: this worker has no directory `{0}`; its operator names one in `[directories]`")]
    Unknown(String),
    #[error("files: the directory `{0}` of this worker is not for this app")]
    NotForApp(String),
    #[error("files: the directory `{0}` of this worker is read only")]
    ReadOnly(String),
    #[error("files: the package that this worker was given has no folder `{0}`")]
    NotInPackage(String),
}

impl Directories {
    /// What the operator approves; each must be there, apart from the worker's state.
    pub(crate) fn new(
        config: &BTreeMap<String, DirectoryConfig>,
        state_dir: &Path,
    ) -> Result<Self, DirectoryError> {
        let mut directories = config.clone();
        for (name, directory) in &mut directories {
            let path = directory.path.clone();
            let unusable = |source| {
                let (name, path) = (name.clone(), path.clone());
                DirectoryError::Unusable { name, path, source }
            };
            let (found, state) = (
                path.canonicalize().map_err(unusable)?,
                state_dir.canonicalize().map_err(unusable)?,
            );
            if !found.is_dir() {
                return Err(unusable(io::ErrorKind::NotADirectory.into()));
            }
            if found.starts_with(&state) || state.starts_with(&found) {
                return Err(DirectoryError::OfTheWorker { name: name.clone(), path });
            }
            directory.path = found;
        }
        Ok(Self(directories))
    }
}

impl Files {
    pub(super) fn of(
        app: &DesiredApp,
        directories: &Directories,
        package: Option<&Arc<PackageFolders>>,
    ) -> Result<Self, FilesError> {
        let folder = |grant: &FileGrant| match &grant.source {
            FileSource::Package(path) => {
                let found = package.and_then(|package| package.path(path));
                let path = found.ok_or_else(|| FilesError::NotInPackage(path.to_string()))?;
                Ok(Folder { path, guest: grant.guest.clone(), access: Access::Read })
            }
            FileSource::Worker(name) => directory(name, grant, &app.app, directories),
        };
        let folders = app.grants.files.iter().map(folder).collect::<Result<_, _>>()?;
        Ok(Self { folders, _package: package.cloned() })
    }

    /// Every folder.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Folder> {
        self.folders.iter()
    }
}

fn directory(
    name: &str,
    grant: &FileGrant,
    app: &AppName,
    Directories(directories): &Directories,
) -> Result<Folder, FilesError> {
    let directory = directories.get(name).ok_or_else(|| FilesError::Unknown(name.to_owned()))?;
    if directory.apps.as_ref().is_some_and(|apps| !apps.contains(app)) {
        return Err(FilesError::NotForApp(name.to_owned()));
    }
    let access = match (grant.write, directory.write) {
        (false, _) => Access::Read,
        (true, true) => Access::Write,
        (true, false) => return Err(FilesError::ReadOnly(name.to_owned())),
    };
    Ok(Folder { path: directory.path.clone(), guest: grant.guest.clone(), access })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directories(folder: &Path, more: &str) -> Result<Directories, DirectoryError> {
        let text = format!("[up]\npath = {folder:?}\n{more}");
        let state = folder.parent().unwrap().join("state");
        std::fs::create_dir_all(&state).unwrap();
        Directories::new(&toml::from_str(&text).unwrap(), &state)
    }

    fn app(files: &serde_json::Value) -> DesiredApp {
        serde_json::from_value(serde_json::json!({
            "app": "shop", "version": 1, "hosts": [], "modules": [], "functions": [],
            "grants": { "files": files },
        }))
        .unwrap()
    }

    fn asked(host: &str, write: bool) -> DesiredApp {
        app(&serde_json::json!([{ "host": host, "guest": "/up", "write": write }]))
    }

    #[test]
    fn an_app_gets_what_operator_and_manifest_agree_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("up");
        std::fs::create_dir(&path).unwrap();
        let read_only = directories(&path, "").unwrap();
        let files = Files::of(&asked("worker:up", false), &read_only, None).unwrap();
        let (path_found, guest) = (path.canonicalize().unwrap(), "/up".to_owned());
        assert_eq!(files.folders, [Folder { path: path_found, guest, access: Access::Read }]);
        let refused = |app: &DesiredApp, of: &Directories| Files::of(app, of, None).unwrap_err();
        let up = || "up".to_owned();
        assert_eq!(refused(&asked("worker:up", true), &read_only), FilesError::ReadOnly(up()));
        let other = asked("worker:other", false);
        assert_eq!(refused(&other, &read_only), FilesError::Unknown("other".into()));
        let package = asked("up", false);
        let not_there = FilesError::NotInPackage("up".into());
        assert_eq!(refused(&package, &read_only), not_there, "never the directory of that name");
        let theirs = directories(&path, "apps = [\"bank\"]\n").unwrap();
        assert_eq!(refused(&asked("worker:up", false), &theirs), FilesError::NotForApp(up()));
        let writable = directories(&path, "write = true\napps = [\"shop\"]\n").unwrap();
        let files = Files::of(&asked("worker:up", true), &writable, None).unwrap();
        assert_eq!(files.folders[0].access, Access::Write);
        assert!(
            Files::of(&app(&serde_json::json!([])), &writable, None).unwrap().folders.is_empty()
        );
    }

    #[test]
    fn a_directory_that_is_none_or_holds_the_workers_state_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let missing = directories(&folder.path().join("a/missing"), "").unwrap_err();
        assert!(missing.to_string().starts_with("directories.up: "), "{missing}");
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert!(matches!(directories(&file, ""), Err(DirectoryError::Unusable { .. })));
        for path in ["state", "state/code", "."] {
            let path = folder.path().join(path);
            std::fs::create_dir_all(&path).unwrap();
            let config: BTreeMap<_, _> =
                toml::from_str(&format!("[up]\npath = {path:?}\n")).unwrap();
            let refused = Directories::new(&config, &folder.path().join("state"));
            assert!(matches!(refused, Err(DirectoryError::OfTheWorker { .. })), "{path:?}");
        }
    }
}
