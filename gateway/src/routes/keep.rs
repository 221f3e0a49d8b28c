//! The last routes on disk. Written beside the place and renamed, so the file is always whole.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use steading_protocol::routes::Routes;
use tempfile::NamedTempFile;

/// The folder that keeps them.
#[derive(Clone, Debug)]
pub(crate) struct Kept(PathBuf);

const FILE: &str = "routes.json";

/// Whether a gateway with this state folder has heard of routes before; it starts without its manager then.
pub fn has_routes(state_dir: &Path) -> bool {
    Kept(state_dir.to_owned()).routes().is_ok_and(|routes| routes.is_some())
}

impl Kept {
    /// Opens the folder, making it when it is not there.
    pub(crate) fn open(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        Ok(Self(folder.to_owned()))
    }

    /// Those of an earlier run.
    pub(crate) fn routes(&self) -> io::Result<Option<Routes>> {
        match fs::read(self.0.join(FILE)) {
            Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Keeps these.
    pub(crate) fn set(&self, routes: &Routes) -> io::Result<()> {
        let mut file = NamedTempFile::new_in(&self.0)?;
        file.write_all(&serde_json::to_vec(routes)?)?;
        file.as_file().sync_all()?;
        file.persist(self.0.join(FILE))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_found_again_nothing_is_no_error_and_half_a_file_is_one() {
        let folder = tempfile::tempdir().unwrap();
        let kept = Kept::open(&folder.path().join("deep/er")).unwrap();
        assert!(kept.routes().unwrap().is_none());
        for revision in ["one", "two"] {
            let routes = Routes { revision: revision.into(), ..Routes::default() };
            kept.set(&routes).unwrap();
            assert_eq!(kept.routes().unwrap().unwrap(), routes);
        }
        fs::write(kept.0.join(FILE), "{").unwrap();
        assert!(kept.routes().is_err());
    }
}
