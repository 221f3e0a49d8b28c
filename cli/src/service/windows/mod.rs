//! Services on Windows: registers, removes, starts and stops them ([`control`]), and is one ([`run`]).
//! [`event_log`] is where one says what it has to say, since nobody sees what it prints.

mod control;
mod event_log;
mod run;

use std::path::{Path, PathBuf};

use clap::Args;
use windows_service::Error;

pub(crate) use control::{install, start, status, stop, uninstall};
pub(crate) use event_log::EventLog;
pub(crate) use run::{ready, run};

use crate::exit::{Exit, Failure};

/// Where a service goes: always into the running system.
#[derive(Clone, Copy, Debug, Default, Args)]
pub(crate) struct Place {}

impl Place {
    /// Where a file of the target is now.
    #[allow(clippy::unused_self)] // the other system has other places
    pub(crate) fn of(self, path: &Path) -> PathBuf {
        path.to_owned()
    }
}

/// Codes of Windows, by their names there.
const ERROR_ACCESS_DENIED: i32 = 5;
const ERROR_INVALID_LEVEL: i32 = 124;
const ERROR_SERVICE_ALREADY_RUNNING: i32 = 1056;
const ERROR_SERVICE_DOES_NOT_EXIST: i32 = 1060;
const ERROR_SERVICE_NOT_ACTIVE: i32 = 1062;
const ERROR_FAILED_SERVICE_CONTROLLER_CONNECT: i32 = 1063;
const ERROR_SERVICE_EXISTS: i32 = 1073;

/// The code that Windows gave.
fn code(error: &Error) -> Option<i32> {
    match error {
        Error::Winapi(error) => error.raw_os_error(),
        _ => None,
    }
}

/// An error of the service control manager with what helps.
fn refused(what: &str, name: &str) -> impl FnOnce(Error) -> Failure {
    let failed = format!("cannot {what} the service {name}");
    move |error| {
        let (exit, helps) = match code(&error) {
            Some(ERROR_ACCESS_DENIED) => {
                (Exit::Denied, "access denied; use an elevated prompt (Run as administrator)")
            }
            Some(ERROR_SERVICE_DOES_NOT_EXIST) => {
                (Exit::Usage, "it is not installed; see `steading service install --help`")
            }
            Some(ERROR_SERVICE_EXISTS) => {
                (Exit::Usage, "it is installed already; `steading service uninstall` removes it")
            }
            _ => return anyhow::Error::from(error).context(failed).into(),
        };
        Failure::new(exit, format!("{failed}: {helps}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_right_says_that_an_elevated_prompt_has_it() {
        let error = |code| Error::Winapi(std::io::Error::from_raw_os_error(code));
        let failure = refused("install", "steading-worker")(error(ERROR_ACCESS_DENIED));
        assert_eq!(failure.code(), 77);
        assert!(failure.line().contains("elevated prompt"), "{}", failure.line());
        assert_eq!(refused("start", "x")(error(ERROR_SERVICE_DOES_NOT_EXIST)).code(), 64);
    }
}
