//! What can go wrong between a call and its answer, and what follows from it: repeat the transaction,
//! tell the caller that the store is out of reach, or that it failed.
//!
//! One invariant: only what the server certainly undid, or what may happen twice, is repeated.

use std::time::Duration;

use tiberius::error::Error;

use crate::store::{BoxError, StoreError};

/// Why an attempt ended without an answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// No connection, or no login.
    #[error("cannot connect to {place}")]
    Connect { place: String, source: Error },
    /// The server refused a statement, or the connection broke before the transaction could be
    /// committed.
    #[error(transparent)]
    Statement(#[from] Error),
    /// The connection broke while the server was told to commit.
    #[error(
        "the connection broke while committing, so it is not known whether the change was made"
    )]
    Unsure(#[source] Error),
    /// The time for the whole call is over.
    #[error("no answer within {0:?}")]
    Late(Duration),
    /// `sp_getapplock` said no.
    #[error("another transaction holds the store's writer lane (sp_getapplock answered {0})")]
    LaneHeld(i32),
    /// Another manager did the same at the same moment, and was first.
    #[error("another manager was sending the same module")]
    Raced,
    /// A column does not hold what it should, or a value does not fit one.
    #[error("a value cannot be read or written")]
    Value(#[source] BoxError),
    /// The plan panicked.
    #[error("the plan panicked")]
    Plan,
    /// Anything else, in words.
    #[error("{0}")]
    Told(String),
}

/// The transaction was chosen as the victim of a deadlock.
const DEADLOCK: u32 = 1205;

/// What a server says that is starting, stopping, failing over or has too much to do. It has undone
/// the transaction, and soon it or its heir takes another.
const PASSING: &[u32] = &[
    DEADLOCK, 1222, // a lock was not given in time
    596, 6002, 6005, 17142, 17147,
    17187, // the session is killed; the server stops, pauses, starts
    921, 922, 924, 927, 942, 945, // the database is being recovered, restored, taken offline
    976, 978, 979, 981, 982, 983,
    988, // the replica of an availability group is not the primary
    3935, 3960, 3961, // snapshot isolation, where an administrator has turned it on
    701, 8645, 8651, // no memory for the query now
    10928, 10929, 40197, 40501, 40540, 40613, 49918, 49919, 49920, // Azure SQL
];

/// No room in the database, in its log, or on the disk; the quota of Azure SQL.
const FULL: &[u32] = &[1101, 1105, 5149, 9002, 40544];

/// `PRIMARY KEY` and `UNIQUE` say no.
const DUPLICATE: &[u32] = &[2601, 2627];

/// `FOREIGN KEY` says no.
const ORPHAN: &[u32] = &[547];

impl Fault {
    /// Whether the database has undone the attempt, or never saw it, and another may go well.
    pub(super) fn is_passing(&self) -> bool {
        match self {
            Self::Connect { source, .. } => lost(source) || is(source, PASSING),
            Self::Statement(error) => lost(error) || is(error, PASSING),
            Self::LaneHeld(_) | Self::Raced => true,
            Self::Unsure(_) | Self::Late(_) | Self::Value(_) | Self::Plan | Self::Told(_) => false,
        }
    }

    /// Whether a unique key refused the row.
    pub(super) fn is_duplicate(&self) -> bool {
        matches!(self, Self::Statement(error) if is(error, DUPLICATE))
    }

    /// The number of the server's error, where there is one.
    pub(super) fn code(&self) -> Option<u32> {
        match self {
            Self::Connect { source: error, .. } | Self::Statement(error) | Self::Unsure(error) => {
                error.code()
            }
            _ => None,
        }
    }

    /// What the caller of the store is told.
    pub(super) fn into_error(self, operation: &'static str) -> StoreError {
        let full = self.code().is_some_and(|code| FULL.contains(&code));
        let out_of_reach = self.is_passing()
            || matches!(self, Self::Unsure(_) | Self::Late(_) | Self::Connect { .. });
        let source = Box::new(self);
        if full {
            StoreError::Full { operation, source }
        } else if out_of_reach {
            StoreError::Unreachable { operation, source }
        } else {
            StoreError::Failed { operation, source }
        }
    }
}

/// Whether a call failed because what its row would belong to is not there.
pub(super) fn is_orphan(error: &StoreError) -> bool {
    let StoreError::Failed { source, .. } = error else { return false };
    matches!(source.downcast_ref(), Some(Fault::Statement(error)) if is(error, ORPHAN))
}

fn is(error: &Error, codes: &[u32]) -> bool {
    error.code().is_some_and(|code| codes.contains(&code))
}

/// Whether the connection is gone. The driver refuses a connection that is out of step as a protocol
/// error.
fn lost(error: &Error) -> bool {
    matches!(error, Error::Io { .. } | Error::Protocol(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut() -> Error {
        std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into()
    }

    #[test]
    fn only_what_was_surely_undone_is_passing() {
        assert!(Fault::Statement(cut()).is_passing());
        assert!(Fault::LaneHeld(-1).is_passing());
        for fault in [Fault::Unsure(cut()), Fault::Late(Duration::ZERO), Fault::Plan] {
            assert!(!fault.is_passing(), "{fault}");
        }
    }

    #[test]
    fn a_caller_is_told_whether_it_makes_sense_to_come_again() {
        let unreachable = |fault: Fault| {
            matches!(fault.into_error("x"), StoreError::Unreachable { operation: "x", .. })
        };
        assert!(unreachable(Fault::Unsure(cut())) && unreachable(Fault::Late(Duration::ZERO)));
        assert!(unreachable(Fault::Statement(cut())) && unreachable(Fault::LaneHeld(-3)));
        assert!(!unreachable(Fault::Plan) && !unreachable(Fault::Value("no".into())));
    }
}
