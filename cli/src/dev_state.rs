//! The folder of a running `steading dev`: `dev.json` tells other commands where its manager is and
//! with which token, `dev.lock` is locked for as long as the process lives. Not the state of the
//! roles, which keep theirs in folders beside these files.
//!
//! Invariant: `dev.json` counts only while the lock is held, so one that a killed `dev` has left
//! behind misleads nobody.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use steading_protocol::Secret;
use url::Url;

use crate::exit::{Exit, Failure};
use crate::private_file;

/// Where `dev` keeps its state unless told otherwise, below the current folder.
pub(crate) const DEFAULT_FOLDER: &str = ".steading";

/// What a running `dev` tells other commands.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct DevAccess {
    /// The manager's URL.
    pub(crate) manager: Url,
    /// An API token.
    pub(crate) token: Secret,
}

impl DevAccess {
    /// What the `dev` that runs on this folder has written, when there is one.
    pub(crate) fn of_running(folder: &Path) -> Option<Self> {
        let text = fs::read_to_string(access_path(folder)).ok()?;
        let lock = File::open(lock_path(folder)).ok()?;
        match lock.try_lock_shared() {
            Err(TryLockError::WouldBlock) => serde_json::from_str(&text).ok(),
            Ok(()) | Err(TryLockError::Error(_)) => None,
        }
    }
}

/// The claim of this process on a state folder; given up when dropped.
#[derive(Debug)]
pub(crate) struct DevState {
    folder: PathBuf,
    _lock: File,
}

impl DevState {
    /// Claims the folder, making it when it is missing.
    pub(crate) fn claim(folder: &Path) -> Result<Self, Failure> {
        fs::create_dir_all(folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
        let path = lock_path(folder);
        let lock = File::options().create(true).truncate(false).write(true).open(&path);
        let lock = lock.with_context(|| format!("cannot open {}", path.display()))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { folder: folder.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(Failure::new(
                Exit::Other,
                format!(
                    "another `steading dev` runs on {}; stop it, or use --state",
                    folder.display()
                ),
            )),
            Err(TryLockError::Error(error)) => {
                Err(anyhow::Error::new(error).context(format!("cannot lock {}", path.display())))?
            }
        }
    }

    /// Tells other commands how to reach the manager.
    pub(crate) fn announce(&self, access: &DevAccess) -> anyhow::Result<()> {
        let path = access_path(&self.folder);
        let text = serde_json::to_string_pretty(access).context("cannot write JSON")?;
        private_file::write(&path, &text)
            .with_context(|| format!("cannot write {}", path.display()))
    }
}

impl Drop for DevState {
    fn drop(&mut self) {
        fs::remove_file(access_path(&self.folder)).ok();
    }
}

fn access_path(folder: &Path) -> PathBuf {
    folder.join("dev.json")
}

fn lock_path(folder: &Path) -> PathBuf {
    folder.join("dev.lock")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access() -> DevAccess {
        let manager = "http://127.0.0.1:7070".parse().unwrap();
        DevAccess { manager, token: Secret::new("t") }
    }

    #[test]
    fn access_counts_only_while_dev_runs() {
        let folder = tempfile::tempdir().unwrap();
        let state = DevState::claim(folder.path()).unwrap();
        assert!(DevAccess::of_running(folder.path()).is_none());
        state.announce(&access()).unwrap();
        assert_eq!(DevAccess::of_running(folder.path()).unwrap().token, Secret::new("t"));
        drop(state);
        assert!(!access_path(folder.path()).exists());
        // As a killed process leaves it: the file is there, the lock is not held.
        fs::write(access_path(folder.path()), serde_json::to_string(&access()).unwrap()).unwrap();
        assert!(DevAccess::of_running(folder.path()).is_none());
    }

    #[test]
    fn a_folder_is_claimed_once() {
        let folder = tempfile::tempdir().unwrap();
        let _state = DevState::claim(folder.path()).unwrap();
        let second = DevState::claim(folder.path()).unwrap_err();
        assert!(second.line().starts_with("another `steading dev` runs on"), "{}", second.line());
    }
}
