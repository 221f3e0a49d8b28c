//! Reads a role's configuration file. The structs, their defaults and their meaning belong to the
//! roles; flags are laid over them by the commands.
//!
//! Invariant: a key that nobody knows, or a value of the wrong kind, ends the process before any
//! port is bound, and is named with its file and line.

use std::path::Path;

use anyhow::Context as _;
use serde::de::DeserializeOwned;
use url::Url;

use crate::exit::{Exit, Failure, OrExit as _};
use crate::session::parse_url;

/// A flag, where there is one, goes before what the file says.
pub(crate) fn lay_over<T>(value: &mut T, flag: Option<T>) {
    if let Some(flag) = flag {
        *value = flag;
    }
}

/// The configuration in this file, or the defaults when there is none.
pub(crate) fn load<T: DeserializeOwned + Default>(path: Option<&Path>) -> Result<T, Failure> {
    let Some(path) = path else {
        return Ok(T::default());
    };
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the configuration {}", path.display()))
        .or_exit(Exit::Usage)?;
    parse(&text, path)
}

/// The manager that the environment names, which the roles take as they take their flag.
pub(crate) fn manager_in_environment() -> Result<Option<Url>, Failure> {
    const VARIABLE: &str = "STEADING_MANAGER";
    match std::env::var(VARIABLE) {
        Err(_) => Ok(None),
        Ok(text) => match parse_url(&text) {
            Ok(url) => Ok(Some(url)),
            Err(why) => Err(Failure::new(Exit::Usage, format!("{VARIABLE}: {why}"))),
        },
    }
}

fn parse<T: DeserializeOwned>(text: &str, path: &Path) -> Result<T, Failure> {
    toml::from_str(text).map_err(|error: toml::de::Error| {
        let start = error.span().map_or(0, |span| span.start.min(text.len()));
        let line = 1 + text.as_bytes()[..start].iter().filter(|byte| **byte == b'\n').count();
        let message = format!("{} (line {line} of {})", error.message(), path.display());
        Failure::new(Exit::Usage, message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_key_is_named_with_file_and_line() {
        let text = "listen = \"127.0.0.1:1\"\n\ndata_folder = \"x\"\n";
        let failure =
            parse::<steading_manager::Config>(text, Path::new("manager.toml")).unwrap_err();
        assert_eq!(failure.code(), 64);
        let line = failure.line();
        assert!(line.contains("`data_folder`"), "{line}");
        assert!(line.contains("(line 3 of manager.toml)"), "{line}");
    }

    #[test]
    fn a_missing_file_is_a_usage_error_and_none_is_the_default() {
        let failure = load::<steading_host::Config>(Some(Path::new("absent.toml"))).unwrap_err();
        assert_eq!(failure.code(), 64);
        assert!(load::<steading_host::Config>(None).is_ok());
    }
}
