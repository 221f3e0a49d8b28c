//! Where a store is, as people write it: `sqlite:PATH` or `sqlserver:`. No secret is part of it.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::Deserialize;

/// Where a store is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum StoreLocation {
    /// A file of SQLite, or the folder with `steading.db` in it.
    Sqlite(PathBuf),
    /// The SQL Server that the connection string names.
    SqlServer,
}

/// A text that names no store.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is no store: write `sqlite:PATH`, or `sqlserver:` and the rest in the environment")]
pub struct StoreLocationInvalid(String);

impl FromStr for StoreLocation {
    type Err = StoreLocationInvalid;

    fn from_str(text: &str) -> Result<Self, StoreLocationInvalid> {
        match text.split_once(':') {
            Some(("sqlite", path)) if !path.is_empty() => Ok(Self::Sqlite(path.into())),
            Some(("sqlserver", "")) => Ok(Self::SqlServer),
            // What follows may be a connection string, with a password that has no place in a log.
            Some(("sqlserver", _)) => Err(StoreLocationInvalid("sqlserver:…".to_owned())),
            _ => Err(StoreLocationInvalid(text.to_owned())),
        }
    }
}

impl TryFrom<String> for StoreLocation {
    type Error = StoreLocationInvalid;

    fn try_from(text: String) -> Result<Self, StoreLocationInvalid> {
        text.parse()
    }
}

impl fmt::Display for StoreLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::SqlServer => f.write_str("sqlserver:"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_reads_as_it_is_written() {
        for text in ["sqlite:a/b.db", "sqlserver:"] {
            assert_eq!(text.parse::<StoreLocation>().unwrap().to_string(), text);
        }
        for text in ["", "sqlite:", "a/b.db", "postgres:x"] {
            assert!(text.parse::<StoreLocation>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_connection_string_in_the_wrong_place_is_not_repeated() {
        let error = "sqlserver:Server=x;Password=hunter2".parse::<StoreLocation>().unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}
