//! What a worker keeps between two runs: who it is, and what it last served. Written beside the
//! place and renamed, so a file is always whole.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use steading_protocol::desired::DesiredState;
use steading_protocol::{Secret, WorkerId};

/// The worker's state folder.
#[derive(Clone, Debug)]
pub(crate) struct StateDir(PathBuf);

/// Who this worker is to its manager.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Identity {
    pub(crate) worker: WorkerId,
    pub(crate) token: Secret,
}

const IDENTITY: &str = "identity.json";
const DESIRED: &str = "desired.json";

/// Whether a worker with this state folder has joined a manager and kept who it is there; it needs no join
/// token then.
pub fn has_joined(state_dir: &Path) -> bool {
    let dir = StateDir(state_dir.to_owned());
    dir.identity().is_ok_and(|identity| identity.is_some())
}

impl StateDir {
    /// Opens the folder, making it when it is not there.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        fs::create_dir_all(path)?;
        Ok(Self(path.to_owned()))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn identity(&self) -> io::Result<Option<Identity>> {
        self.read(IDENTITY)
    }

    pub(crate) fn set_identity(&self, identity: &Identity) -> io::Result<()> {
        self.write(IDENTITY, identity)
    }

    pub(crate) fn desired(&self) -> io::Result<Option<DesiredState>> {
        self.read(DESIRED)
    }

    pub(crate) fn set_desired(&self, desired: &DesiredState) -> io::Result<()> {
        self.write(DESIRED, desired)
    }

    fn read<T: DeserializeOwned>(&self, name: &str) -> io::Result<Option<T>> {
        match fs::read(self.0.join(name)) {
            Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn write<T: Serialize>(&self, name: &str, value: &T) -> io::Result<()> {
        let partial = self.0.join(format!("{name}.partial"));
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&partial)?;
        file.write_all(&serde_json::to_vec_pretty(value)?)?;
        file.sync_all()?;
        fs::rename(partial, self.0.join(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_found_again_and_nothing_is_not_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::open(&folder.path().join("deep/er")).unwrap();
        assert!(state.identity().unwrap().is_none());
        let identity = Identity { worker: "w1".parse().unwrap(), token: Secret::new("t") };
        state.set_identity(&identity).unwrap();
        assert_eq!(state.identity().unwrap().unwrap().token.expose(), "t");
        fs::write(state.path().join(DESIRED), "{").unwrap();
        assert!(state.desired().is_err());
    }
}
