//! The manager's folder on disk: made private, kept to one process, and the join token in it. The
//! store's file in there is the store's own business.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use steading_protocol::Secret;

use crate::auth::mint;

const LOCK_FILE: &str = "lock";
const JOIN_TOKEN_FILE: &str = "join-token";

/// The folder, held by this process while this lives.
#[derive(Debug)]
pub(crate) struct DataDir {
    path: PathBuf,
    _lock: File,
}

/// A folder that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// Another manager runs on it.
    #[error("another manager is running on {}", path.display())]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// It, or a file in it, cannot be made, read or written.
    #[error("cannot {operation} {}", path.display())]
    Io {
        /// What was tried.
        operation: &'static str,
        /// The folder or file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The join token's file has nothing in it.
    #[error("{} is empty; remove it to have a new token made", path.display())]
    JoinTokenEmpty {
        /// The file.
        path: PathBuf,
    },
}

/// Makes the folder when it is not there, and keeps every other manager off it.
pub(crate) fn open(path: &Path) -> Result<DataDir, DataDirError> {
    make_private(path).map_err(failed("make the folder", path))?;
    let lock_path = path.join(LOCK_FILE);
    let lock = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&lock_path)
        .map_err(failed("open", &lock_path))?;
    match lock.try_lock() {
        Ok(()) => Ok(DataDir { path: path.to_owned(), _lock: lock }),
        Err(fs::TryLockError::WouldBlock) => Err(DataDirError::InUse { path: path.to_owned() }),
        Err(fs::TryLockError::Error(source)) => Err(failed("lock", &lock_path)(source)),
    }
}

impl DataDir {
    /// The join token kept here, made when there is none.
    pub(crate) fn join_token(&self) -> Result<Secret, DataDirError> {
        let path = self.path.join(JOIN_TOKEN_FILE);
        match fs::read_to_string(&path) {
            Ok(text) if text.trim().is_empty() => Err(DataDirError::JoinTokenEmpty { path }),
            Ok(text) => Ok(Secret::new(text.trim())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let token = mint("stj_");
                write_private(&path, token.expose()).map_err(failed("write", &path))?;
                Ok(token)
            }
            Err(source) => Err(failed("read", &path)(source)),
        }
    }
}

fn failed(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> DataDirError {
    let path = path.to_owned();
    move |source| DataDirError::Io { operation, path, source }
}

fn make_private(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Writes a file that only this user can read, whole or not at all.
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let part = path.with_extension("part");
    let mut options = OpenOptions::new();
    options.create(true).truncate(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&part)?;
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    fs::rename(&part, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_join_token_is_made_once_and_only_its_owner_can_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b");
        let token = open(&path).unwrap().join_token().unwrap();
        assert_eq!(open(&path).unwrap().join_token().unwrap(), token);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(path.join(JOIN_TOKEN_FILE)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        fs::write(path.join(JOIN_TOKEN_FILE), "\n").unwrap();
        let error = open(&path).unwrap().join_token().unwrap_err();
        assert!(error.to_string().contains("join-token is empty"), "{error}");
    }

    #[test]
    fn a_folder_is_for_one_manager() {
        let folder = tempfile::tempdir().unwrap();
        let held = open(folder.path()).unwrap();
        assert!(matches!(open(folder.path()), Err(DataDirError::InUse { .. })));
        drop(held);
        open(folder.path()).unwrap();
    }
}
