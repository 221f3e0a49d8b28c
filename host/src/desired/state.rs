//! What a worker keeps between two runs: who it is, and what it last served. Written beside the
//! place and renamed, so a file is always whole. Secrets are on the disk sealed, with a key that comes from
//! outside or, where none does, lies beside them.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use steading_protocol::desired::DesiredState;
use steading_protocol::{Secret, SettingValue, WorkerId};
use steading_seal::{Keys, Place};

/// The worker's state folder.
#[derive(Clone, Debug)]
pub(crate) struct StateDir {
    path: PathBuf,
    keys: Arc<Keys>,
}

/// Who this worker is to its manager.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Identity {
    pub(crate) worker: WorkerId,
    pub(crate) token: Secret,
}

const IDENTITY: &str = "identity.json";
const DESIRED: &str = "desired.json";
const KEY: &str = "state-key";

/// Whether a worker with this state folder has joined a manager and kept who it is there; it needs no join
/// token then.
pub fn has_joined(state_dir: &Path) -> bool {
    read::<Identity>(&state_dir.join(IDENTITY)).is_ok_and(|identity| identity.is_some())
}

impl StateDir {
    /// Opens the folder, making it when it is not there; without a key from outside, with the one in it.
    pub(crate) fn open(path: &Path, key: Option<&Secret>) -> io::Result<Self> {
        fs::create_dir_all(path)?;
        let key = key.map_or_else(|| own_key(&path.join(KEY)), |key| Ok(key.clone()))?;
        let keys = Keys::parse(&key).map_err(|error| {
            io::Error::new(io::ErrorKind::InvalidData, format!("{KEY}: {error}"))
        })?;
        Ok(Self { path: path.to_owned(), keys: Arc::new(keys) })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn identity(&self) -> io::Result<Option<Identity>> {
        read(&self.path.join(IDENTITY))
    }

    pub(crate) fn set_identity(&self, identity: &Identity) -> io::Result<()> {
        self.write(IDENTITY, identity)
    }

    pub(crate) fn desired(&self) -> io::Result<Option<DesiredState>> {
        let mut desired: Option<DesiredState> = read(&self.path.join(DESIRED))?;
        desired.iter_mut().for_each(|desired| self.open_secrets(desired));
        Ok(desired)
    }

    /// Keeps a state, its secrets sealed.
    pub(crate) fn set_desired(&self, desired: &DesiredState) -> io::Result<()> {
        let mut sealed = desired.clone();
        for app in &mut sealed.apps {
            for (setting, value) in &mut app.settings {
                if let SettingValue::Secret(secret) = value {
                    let place = Place { app: &app.app, setting };
                    *value = SettingValue::Sealed(self.keys.seal(place, secret));
                }
            }
        }
        self.write(DESIRED, &sealed)
    }

    fn open_secrets(&self, desired: &mut DesiredState) {
        for app in &mut desired.apps {
            for (setting, value) in &mut app.settings {
                let SettingValue::Sealed(sealed) = value else { continue };
                *value = match self.keys.open(Place { app: &app.app, setting }, sealed) {
                    Ok(secret) => SettingValue::Secret(secret),
                    Err(error) => {
                        SettingValue::Unreadable(format!("on this worker's disk, {error}"))
                    }
                };
            }
        }
    }

    fn write<T: Serialize>(&self, name: &str, value: &T) -> io::Result<()> {
        write_private(&self.path.join(name), &serde_json::to_vec_pretty(value)?)
    }
}

fn read<T: DeserializeOwned>(path: &Path) -> io::Result<Option<T>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The key in the folder; made when it is not there.
fn own_key(path: &Path) -> io::Result<Secret> {
    match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let key = Keys::generate();
            write_private(path, key.expose().as_bytes())?;
            Ok(key)
        }
        read => read.map(Secret::new),
    }
}

/// Writes a file that its owner alone reads, whole or not at all.
fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let partial = path.with_added_extension("partial");
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&partial)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(partial, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_found_again_and_nothing_is_not_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::open(&folder.path().join("deep/er"), None).unwrap();
        assert!(state.identity().unwrap().is_none());
        let identity = Identity { worker: "w1".parse().unwrap(), token: Secret::new("t") };
        state.set_identity(&identity).unwrap();
        assert_eq!(state.identity().unwrap().unwrap().token.expose(), "t");
        fs::write(state.path().join(DESIRED), "{").unwrap();
        assert!(state.desired().is_err());
    }

    #[test]
    fn secrets_are_on_the_disk_sealed_and_open_with_the_same_key_only() {
        let folder = tempfile::tempdir().unwrap();
        let desired: DesiredState = serde_json::from_value(serde_json::json!({
            "generation": 3, "apps": [{
                "app": "shop", "version": 1, "hosts": [], "modules": [], "functions": [],
                "settings": { "A": { "plain": "seen" }, "KEY": { "secret": "hunter2" } },
            }],
        }))
        .unwrap();
        let key = Keys::generate();
        let open = |key: Option<&Secret>| StateDir::open(folder.path(), key).unwrap();
        for key in [None, Some(&key)] {
            open(key).set_desired(&desired).unwrap();
            let text = fs::read_to_string(folder.path().join(DESIRED)).unwrap();
            assert!(text.contains("seen") && !text.contains("hunter2"), "{text}");
            assert_eq!(open(key).desired().unwrap().unwrap(), desired);
        }
        let lost = open(None).desired().unwrap().unwrap();
        let value = lost.apps[0].settings.values().next_back().unwrap();
        assert!(matches!(value, SettingValue::Unreadable(why) if why.contains("key")), "{value:?}");
    }
}
