//! The folders that an app finds: directories of the worker that its operator has approved by name, and nothing else
//! of the disk. Both have to agree: the operator says in `worker.toml` what there is and for whom, the manifest
//! asks for it.
//!
//! What is in a folder stays in it: paths are resolved part by part below an open directory (wasmtime-wasi does that, as
//! cap-std does), so `..`, absolute paths and links lead nowhere else. Invariant: no folder reaches the state of the
//! worker, because who can write there can run native code.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use steading_protocol::desired::DesiredApp;
use steading_protocol::{AppName, FileGrant, FileSource};

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
pub(crate) struct Files(Vec<Folder>);

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
    #[error("files: folders of the package are not given out by this worker: `{0}`")]
    OfPackage(String),
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
    pub(super) fn of(app: &DesiredApp, directories: &Directories) -> Result<Self, FilesError> {
        let folder = |grant| folder(grant, &app.app, directories);
        app.grants.files.iter().map(folder).collect::<Result<_, _>>().map(Self)
    }

    /// Every folder.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Folder> {
        self.0.iter()
    }
}

fn folder(
    grant: &FileGrant,
    app: &AppName,
    Directories(directories): &Directories,
) -> Result<Folder, FilesError> {
    let name = match &grant.source {
        FileSource::Package(path) => return Err(FilesError::OfPackage(path.to_string())),
        FileSource::Worker(name) => name,
    };
    let directory = directories.get(name).ok_or_else(|| FilesError::Unknown(name.clone()))?;
    if directory.apps.as_ref().is_some_and(|apps| !apps.contains(app)) {
        return Err(FilesError::NotForApp(name.clone()));
    }
    let access = match (grant.write, directory.write) {
        (false, _) => Access::Read,
        (true, true) => Access::Write,
        (true, false) => return Err(FilesError::ReadOnly(name.clone())),
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
        let files = Files::of(&asked("worker:up", false), &read_only).unwrap();
        let (path_found, guest) = (path.canonicalize().unwrap(), "/up".to_owned());
        assert_eq!(files.0, [Folder { path: path_found, guest, access: Access::Read }]);
        let refused = |app: &DesiredApp, of: &Directories| Files::of(app, of).unwrap_err();
        let up = || "up".to_owned();
        assert_eq!(refused(&asked("worker:up", true), &read_only), FilesError::ReadOnly(up()));
        let other = asked("worker:other", false);
        assert_eq!(refused(&other, &read_only), FilesError::Unknown("other".into()));
        let package = asked("assets", false);
        assert_eq!(refused(&package, &read_only), FilesError::OfPackage("assets".into()));
        let theirs = directories(&path, "apps = [\"bank\"]\n").unwrap();
        assert_eq!(refused(&asked("worker:up", false), &theirs), FilesError::NotForApp(up()));
        let writable = directories(&path, "write = true\napps = [\"shop\"]\n").unwrap();
        let files = Files::of(&asked("worker:up", true), &writable).unwrap();
        assert_eq!(files.0[0].access, Access::Write);
        assert!(Files::of(&app(&serde_json::json!([])), &writable).unwrap().0.is_empty());
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
