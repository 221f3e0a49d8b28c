//! The command line as a user has it: the real binary, run to its end, with its exit code and its two
//! streams.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use crate::wine;

/// Longer than any command may take: building a guest from an empty target folder comes first.
const ENDS_WITHIN: Duration = Duration::from_secs(300);

/// A call of `steading` that has not been made yet.
#[derive(Debug)]
pub struct Steading {
    command: Command,
}

/// A call of `steading` that has ended.
#[derive(Clone, Debug)]
pub struct Ended {
    /// The exit code.
    pub code: i32,
    /// All of standard output.
    pub stdout: String,
    /// All of standard error.
    pub stderr: String,
}

impl Steading {
    /// A call of the binary at `path`, under Wine when it is for Windows, with nothing of the user's own settings in its environment.
    pub fn at(path: impl AsRef<Path>) -> Self {
        let mut command = wine::command(path.as_ref());
        let settings = std::env::vars_os()
            .map(|(key, _)| key)
            .filter(|key| key.to_string_lossy().starts_with("STEADING_"));
        settings.for_each(|key| {
            command.env_remove(key);
        });
        for key in ["XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME"] {
            command.env(key, nowhere());
        }
        Self { command }
    }

    /// Adds arguments.
    #[must_use]
    pub fn args(mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.command.args(args);
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, key: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(key, value);
        self
    }

    /// Sets the working folder.
    #[must_use]
    pub fn within(mut self, folder: impl AsRef<Path>) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// Runs the command to its end.
    pub async fn ended(mut self) -> Ended {
        self.command.stdin(Stdio::null()).kill_on_drop(true);
        let output = tokio::time::timeout(ENDS_WITHIN, self.command.output());
        let output = output.await.expect("the command ends in time").expect("the binary starts");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ended {
            code: output.status.code().unwrap_or(-1),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }

    /// The command itself, for a process that stays.
    pub fn into_command(self) -> Command {
        self.command
    }
}

impl Ended {
    /// Itself when the exit code was 0; a panic with the output when not.
    pub fn succeeded(self) -> Self {
        assert_eq!(self.code, 0, "{self}");
        self
    }

    /// The one line on standard error of a command that failed with `code`, without `error: `.
    pub fn failed(&self, code: i32) -> &str {
        assert_eq!(self.code, code, "{self}");
        let errors: Vec<&str> =
            self.stderr.lines().filter_map(|line| line.strip_prefix("error: ")).collect();
        assert_eq!(errors.len(), 1, "one line on standard error says what is wrong\n{self}");
        assert!(!self.stderr.contains("panicked at"), "{self}");
        errors[0]
    }
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "exit code {}\n---- stdout\n{}", self.code, self.stdout)?;
        write!(f, "---- stderr\n{}", self.stderr)
    }
}

/// A folder that does not exist: no credentials of the user who runs the tests are found there.
fn nowhere() -> PathBuf {
    std::env::temp_dir().join("steading-tests-have-no-settings")
}
