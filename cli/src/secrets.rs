//! Secrets from the environment: `NAME` holds the text itself, `NAME_FILE` the path of a file that
//! holds it, as container platforms mount them. Never from a flag, because flags stand in process
//! lists and shell histories.
//!
//! Invariant: a variable that is set and cannot be used is an error, not an absent secret.

use std::env;
use std::ffi::OsString;

use anyhow::Context as _;
use steading_protocol::Secret;

use crate::exit::{Exit, Failure, OrExit as _};

/// The administrator's password.
pub(crate) const ADMIN_PASSWORD: &str = "STEADING_ADMIN_PASSWORD";
/// What a worker joins with.
pub(crate) const JOIN_TOKEN: &str = "STEADING_JOIN_TOKEN";
/// The connection string of a store on SQL Server.
pub(crate) const STORE_CONNECTION: &str = "STEADING_STORE_CONNECTION";
/// What seals the secrets of apps in the manager's store.
pub(crate) const SECRETS_KEY: &str = "STEADING_SECRETS_KEY";
/// What seals them on a worker's disk.
pub(crate) const STATE_KEY: &str = "STEADING_STATE_KEY";
/// An API token.
pub(crate) const TOKEN: &str = "STEADING_TOKEN";

/// The secret of this name, when the environment has one.
pub(crate) fn read(name: &str) -> Result<Option<Secret>, Failure> {
    read_from(name, |variable| {
        #[cfg(windows)]
        if let Some(file) = FILES.get().and_then(|files| files.get(variable)) {
            return Some(file.clone());
        }
        env::var_os(variable).filter(|value| !value.is_empty())
    })
}

/// Where the secrets of a service of Windows are, by `NAME_FILE`. Windows starts a service with a command line,
/// which may name files; not everything that stands for Windows gives it an environment of its own.
#[cfg(windows)]
static FILES: std::sync::OnceLock<std::collections::HashMap<String, OsString>> =
    std::sync::OnceLock::new();

/// Has secrets read from these files, each given with its `NAME`. Once, before any is read.
#[cfg(windows)]
pub(crate) fn from_files(files: Vec<(String, OsString)>) {
    FILES.get_or_init(|| {
        files.into_iter().map(|(name, file)| (format!("{name}_FILE"), file)).collect()
    });
}

fn read_from(
    name: &str,
    lookup: impl Fn(&str) -> Option<OsString>,
) -> Result<Option<Secret>, Failure> {
    let file_name = format!("{name}_FILE");
    let text = match (lookup(name), lookup(&file_name)) {
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => {
            let message = format!("both {name} and {file_name} are set; set one of them");
            return Err(Failure::new(Exit::Usage, message));
        }
        (Some(text), None) => text.into_string().map_err(|_| {
            Failure::new(Exit::Usage, format!("the value of {name} is not UTF-8 text"))
        })?,
        (None, Some(path)) => std::fs::read_to_string(&path)
            .with_context(|| format!("cannot read {} that {file_name} names", path.display()))
            .or_exit(Exit::Usage)?,
    };
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() {
        return Err(Failure::new(Exit::Usage, format!("the secret {name} is empty")));
    }
    Ok(Some(Secret::new(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(pairs: &[(&str, &str)]) -> Result<Option<Secret>, Failure> {
        read_from("X", |name| {
            let pair = pairs.iter().find(|(key, _)| *key == name);
            pair.map(|(_, value)| OsString::from(value))
        })
    }

    #[test]
    fn a_secret_comes_from_its_variable_or_its_file_without_the_line_end() {
        assert!(with(&[]).unwrap().is_none());
        assert_eq!(with(&[("X", "abc")]).unwrap().unwrap().expose(), "abc");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        std::fs::write(&path, "from file\r\n").unwrap();
        let path = path.to_str().unwrap();
        assert_eq!(with(&[("X_FILE", path)]).unwrap().unwrap().expose(), "from file");
    }

    #[test]
    fn a_secret_that_cannot_be_used_is_refused_by_name() {
        let both = with(&[("X", "a"), ("X_FILE", "b")]).unwrap_err();
        assert_eq!(both.line(), "both X and X_FILE are set; set one of them");
        let missing = with(&[("X_FILE", "/does/not/exist")]).unwrap_err();
        assert!(missing.line().starts_with("cannot read /does/not/exist"), "{}", missing.line());
        assert_eq!(missing.code(), 64);
        assert!(with(&[("X", "\n")]).unwrap_err().line().contains("is empty"));
    }
}
