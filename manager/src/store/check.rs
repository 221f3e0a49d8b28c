//! What `steading store check` finds out: whether the store of a configuration can be used as a manager
//! uses it. Changes nothing.

use super::copy::StoreToolError;
use super::{SqlServer, StoreLocation, sqlite};
use crate::Config;

/// One line of the report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at.
    pub what: &'static str,
    /// What was found.
    pub found: String,
}

impl Finding {
    pub(crate) fn new(what: &'static str, found: impl Into<String>) -> Self {
        Self { what, found: found.into() }
    }
}

/// Looks at the store of a configuration. An error says what keeps a manager from using it.
pub async fn store_check(config: &Config) -> Result<Vec<Finding>, StoreToolError> {
    let location = config.store();
    let failed = StoreToolError::failed(format!("the store {location} cannot be used"));
    match &location {
        StoreLocation::Sqlite(place) => {
            let path = sqlite::file(place);
            if !path.is_file() {
                return Err(StoreToolError::Absent(path));
            }
            sqlite::check(&path).map_err(failed)
        }
        StoreLocation::SqlServer => {
            let looked = async { Ok(SqlServer::check(super::target(config)?).await?) };
            looked.await.map_err(failed)
        }
    }
}

/// What a report says of migrations.
pub(crate) fn told(newest: usize, known: usize) -> String {
    match newest {
        0 => format!("none yet; the manager applies {known} when it starts"),
        _ if newest == known => format!("up to date, {known} of {known}"),
        _ if newest > known => format!("{newest}, of a newer release; this one knows {known}"),
        _ => format!("{newest} of {known}; the manager applies the rest when it starts"),
    }
}
