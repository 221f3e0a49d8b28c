//! One folder that an app finds: where it comes from, and where the app finds it.

use serde::{Deserialize, Serialize};

use crate::PortablePath;

/// An entry of `files`: `{ host = "assets", guest = "/assets", write = false }`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct FileGrant {
    /// What the app is given.
    pub source: FileSource,
    /// Where it finds that: an absolute path.
    pub guest: String,
    /// Whether it may write there.
    pub write: bool,
}

/// What an app is given.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum FileSource {
    /// A folder of its package.
    Package(PortablePath),
    /// A directory that the worker's operator has approved under this name: `worker:uploads`.
    Worker(String),
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    host: String,
    guest: String,
    #[serde(default)]
    write: bool,
}

/// What stands before the name of a worker's directory.
const WORKER: &str = "worker:";

/// The longest name of a worker's directory.
const NAME_LENGTH_MAX: usize = 40;

impl TryFrom<Written> for FileGrant {
    type Error = String;

    fn try_from(Written { host, guest, write }: Written) -> Result<Self, String> {
        let inside = guest.strip_prefix('/').unwrap_or_default();
        if inside.parse::<PortablePath>().is_err() {
            return Err(format!("guest = `{guest}` is not an absolute path such as `/assets`"));
        }
        let source = match host.strip_prefix(WORKER) {
            Some(name) if is_name(name) => FileSource::Worker(name.to_owned()),
            Some(_) => {
                return Err(format!("host = `{host}`: a name has 1 to 40 of a-z, 0-9, - and _"));
            }
            None => FileSource::Package(
                host.parse().map_err(|invalid| format!("host = `{host}`: {invalid}"))?,
            ),
        };
        if write && matches!(source, FileSource::Package(_)) {
            return Err(format!("host = `{host}` is of the package, which nobody writes to"));
        }
        Ok(Self { source, guest, write })
    }
}

/// A folder that the guest would find within another one, where it hides what that has at the same place.
pub(super) fn nested(files: &[FileGrant]) -> Option<String> {
    files.iter().find_map(|outer| {
        let within = |inner: &&FileGrant| {
            inner.guest.strip_prefix(&outer.guest).is_some_and(|rest| rest.starts_with('/'))
        };
        let inner = files.iter().find(within)?;
        Some(format!("`{}` lies in `{}`", inner.guest, outer.guest))
    })
}

fn is_name(name: &str) -> bool {
    let usable = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    (1..=NAME_LENGTH_MAX).contains(&name.len()) && name.bytes().all(usable)
}

impl From<FileGrant> for Written {
    fn from(FileGrant { source, guest, write }: FileGrant) -> Self {
        let host = match source {
            FileSource::Package(path) => path.into(),
            FileSource::Worker(name) => format!("{WORKER}{name}"),
        };
        Self { host, guest, write }
    }
}

impl std::fmt::Display for FileGrant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.source {
            FileSource::Package(path) => write!(f, "`{path}` of the package")?,
            FileSource::Worker(name) => write!(f, "the worker's directory `{name}`")?,
        }
        write!(f, " at `{}`, {}", self.guest, if self.write { "writable" } else { "read only" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_lead_elsewhere_are_refused() {
        let read = |host: &str, guest: &str, write: bool| {
            let json = serde_json::json!({ "host": host, "guest": guest, "write": write });
            serde_json::from_value::<FileGrant>(json)
        };
        assert!(read("assets", "/assets", false).is_ok());
        assert!(read("worker:uploads", "/up/loads", true).is_ok());
        for (host, guest, write) in [
            ("../x", "/a", false),
            ("/etc", "/a", false),
            ("C:x", "/a", false),
            ("worker:../x", "/a", false),
            ("assets", "a", false),
            ("assets", "/", false),
            ("assets", "/../a", false),
            ("assets", "/a", true),
        ] {
            assert!(read(host, guest, write).is_err(), "{host} {guest} {write}");
        }
    }
}
