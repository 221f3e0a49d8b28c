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
    /// Whether that is as it should be.
    pub grade: Grade,
}

/// Whether something is as it should be; the worst is the greatest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grade {
    /// It is.
    Fine,
    /// Not quite, and a manager runs all the same.
    Odd,
    /// A manager does not start with it.
    Bad,
}

/// Beyond this two clocks are not set by the same server.
const CLOCK_SECONDS_ODD: u64 = 2;

impl Finding {
    pub(crate) fn new(what: &'static str, found: impl Into<String>) -> Self {
        Self { what, found: found.into(), grade: Grade::Fine }
    }

    /// How far the migrations are, of those that this release knows.
    pub(crate) fn migrations(newest: usize, known: usize) -> Self {
        let grade = if newest > known { Grade::Bad } else { Grade::Fine };
        Self { grade, ..Self::new("migrations", told(newest, known)) }
    }

    /// How far the store's clock is ahead of this machine's, seconds.
    pub(crate) fn clock(ahead: i64) -> Self {
        let is_odd = ahead.unsigned_abs() > CLOCK_SECONDS_ODD;
        let grade = if is_odd { Grade::Odd } else { Grade::Fine };
        Self { grade, ..Self::new("clock", format!("{ahead} s from this machine's")) }
    }
}

/// Looks at the store of a configuration. An error says what keeps a manager from using it.
pub async fn store_check(config: &Config) -> Result<Vec<Finding>, StoreToolError> {
    let location = config.store();
    let failed = StoreToolError::failed(format!("the store `{location}` cannot be used"));
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
fn told(newest: usize, known: usize) -> String {
    match newest {
        0 => format!("none yet; the manager applies {known} when it starts"),
        _ if newest == known => format!("up to date, {known} of {known}"),
        _ if newest > known => format!("{newest}, of a newer release; this one knows {known}"),
        _ => format!("{newest} of {known}; the manager applies the rest when it starts"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_of_a_newer_release_is_bad_and_a_clock_far_off_is_odd() {
        let grade = |newest| Finding::migrations(newest, 4).grade;
        assert_eq!((grade(0), grade(4), grade(5)), (Grade::Fine, Grade::Fine, Grade::Bad));
        let clock = |ahead| Finding::clock(ahead).grade;
        assert_eq!((clock(-2), clock(3), clock(-3)), (Grade::Fine, Grade::Odd, Grade::Odd));
    }
}
