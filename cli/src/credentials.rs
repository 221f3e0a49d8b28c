//! The tokens that `login` keeps: one TOML file in the user's configuration folder, a table per
//! manager URL. Not the place where a running `dev` leaves its token; that is `dev_state`.
//!
//! ```toml
//! ["https://manager.example.org/"]
//! id = "0198c0de"
//! token = "…"
//! ```
//!
//! Invariant: the file is readable by its owner alone, and a damaged one is reported, never
//! overwritten.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Context as _;
use etcetera::BaseStrategy as _;
use serde::{Deserialize, Serialize};
use steading_protocol::Secret;
use url::Url;

use crate::private_file;

/// What `login` got from one manager.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Credential {
    /// What revokes the token.
    pub(crate) id: String,
    /// The bearer token.
    pub(crate) token: Secret,
}

/// The file of credentials.
#[derive(Debug)]
pub(crate) struct Credentials {
    path: PathBuf,
    by_manager: BTreeMap<String, Credential>,
}

impl Credentials {
    /// Reads the user's file; a missing one is empty.
    pub(crate) fn load() -> anyhow::Result<Self> {
        let strategy = etcetera::choose_base_strategy().context("there is no home folder")?;
        Self::load_from(strategy.config_dir().join("steading").join("credentials.toml"))
    }

    fn load_from(path: PathBuf) -> anyhow::Result<Self> {
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read {}", path.display()));
            }
        };
        // The parser's own message quotes the faulty line, which may hold a token.
        let by_manager = toml::from_str(&text).map_err(|_| {
            anyhow::anyhow!("{} is damaged; remove it and sign in again", path.display())
        })?;
        Ok(Self { path, by_manager })
    }

    /// What is kept for this manager.
    pub(crate) fn get(&self, manager: &Url) -> Option<&Credential> {
        self.by_manager.get(manager.as_str())
    }

    /// Keeps a credential and writes the file.
    pub(crate) fn insert(&mut self, manager: &Url, credential: Credential) -> anyhow::Result<()> {
        self.by_manager.insert(manager.as_str().to_owned(), credential);
        self.save()
    }

    /// Forgets a credential and writes the file.
    pub(crate) fn remove(&mut self, manager: &Url) -> anyhow::Result<()> {
        self.by_manager.remove(manager.as_str());
        self.save()
    }

    fn save(&self) -> anyhow::Result<()> {
        let text = toml::to_string(&self.by_manager).context("cannot write credentials as TOML")?;
        private_file::write(&self.path, &text)
            .with_context(|| format!("cannot write {}", self.path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credential(token: &str) -> Credential {
        Credential { id: "1".into(), token: Secret::new(token) }
    }

    #[test]
    fn credentials_are_kept_by_manager() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("steading/credentials.toml");
        let (near, far): (Url, Url) =
            ("http://127.0.0.1:7070".parse().unwrap(), "https://m.example.org".parse().unwrap());
        let mut credentials = Credentials::load_from(path.clone()).unwrap();
        assert_eq!(credentials.get(&near), None);
        credentials.insert(&near, credential("a")).unwrap();
        credentials.insert(&far, credential("b")).unwrap();
        credentials.remove(&far).unwrap();
        let read = Credentials::load_from(path).unwrap();
        assert_eq!(read.get(&near), Some(&credential("a")));
        assert_eq!(read.get(&far), None);
    }

    #[test]
    fn a_damaged_file_is_reported_without_its_text() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("credentials.toml");
        std::fs::write(&path, "token = secret-without-quotes").unwrap();
        let error = format!("{:#}", Credentials::load_from(path).unwrap_err());
        assert!(error.contains("is damaged") && !error.contains("secret-without"), "{error}");
    }
}
