//! How a command ends when it cannot do its work: an exit code that scripts can tell apart (those
//! of `sysexits.h`) and one line for people. Not where faults are found; commands say which kind
//! theirs is with [`OrExit`].
//!
//! Invariant: every failure becomes exactly one line, also when a cause spans several.

use crate::client::ClientError;

/// The kinds of failure, each with the code that the process ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Anything that has no code of its own.
    Other = 1,
    /// A wrong argument or a bad configuration (`EX_USAGE`).
    Usage = 64,
    /// What was given to build or publish is at fault (`EX_DATAERR`).
    Data = 65,
    /// The manager cannot be reached (`EX_UNAVAILABLE`).
    Unavailable = 69,
    /// Nobody is signed in, or the token is not good (`EX_NOPERM`).
    Denied = 77,
}

/// Why a command ends early.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    error: anyhow::Error,
}

impl Failure {
    /// A failure that is its own cause.
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, error: anyhow::Error::msg(message.into()) }
    }

    /// The code that the process ends with.
    pub(crate) fn code(&self) -> u8 {
        self.exit as u8
    }

    /// What went wrong and why, in one line.
    pub(crate) fn line(&self) -> String {
        let text = format!("{:#}", self.error);
        text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self { exit: Exit::Other, error }
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let exit = match &error {
            ClientError::Unreachable { .. } => Exit::Unavailable,
            ClientError::Refused { status: 401 | 403, .. } => Exit::Denied,
            ClientError::Refused { status: 400..=499, .. } => Exit::Data,
            ClientError::Unclear { status: 502..=504, .. } => Exit::Unavailable,
            ClientError::Refused { .. } | ClientError::Unclear { .. } => Exit::Other,
        };
        Self { exit, error: error.into() }
    }
}

/// Gives an error its exit code.
pub(crate) trait OrExit<T> {
    /// The value, or a [`Failure`] that ends the process with this code.
    fn or_exit(self, exit: Exit) -> Result<T, Failure>;
}

impl<T, E: Into<anyhow::Error>> OrExit<T> for Result<T, E> {
    fn or_exit(self, exit: Exit) -> Result<T, Failure> {
        self.map_err(|error| Failure { exit, error: error.into() })
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;
    use steading_protocol::problem::ErrorBody;

    use super::*;

    fn refused(status: u16) -> Failure {
        let body = ErrorBody {
            code: "not_wasm".into(),
            message: "the file is not wasm".into(),
            request_id: "r1".into(),
        };
        ClientError::Refused { status, body }.into()
    }

    #[test]
    fn a_refusal_ends_with_the_code_of_whose_fault_it_is() {
        for (status, code) in [(401, 77), (403, 77), (404, 65), (413, 65), (422, 65), (503, 1)] {
            assert_eq!(refused(status).code(), code, "status {status}");
        }
        let unclear = |status| ClientError::Unclear {
            manager: "http://127.0.0.1:7070/".parse().unwrap(),
            status,
        };
        assert_eq!(Failure::from(unclear(502)).code(), 69);
        assert_eq!(Failure::from(unclear(200)).code(), 1);
    }

    #[test]
    fn a_refusal_reads_as_message_code_and_request() {
        assert_eq!(refused(422).line(), "the file is not wasm (not_wasm, request r1)");
    }

    #[test]
    fn causes_are_joined_into_one_line() {
        let cause: Result<(), _> = Err(anyhow::anyhow!("line one\n  line two\n"));
        let failure = cause.context("cannot read x").or_exit(Exit::Usage).unwrap_err();
        assert_eq!(failure.line(), "cannot read x: line one line two");
        assert_eq!(failure.code(), 64);
    }
}
