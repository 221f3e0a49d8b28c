//! Sets up `tracing` for the process: to stderr, as text for people or as JSON for collectors.
//! Not what commands print as their result.

use std::io::{self, IsTerminal as _};

use anyhow::Context as _;
use clap::ValueEnum;
use tracing_subscriber::EnvFilter;

use crate::exit::{Exit, Failure, OrExit as _};

/// How log records are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    // No doc comments: they would turn every command's help into its long form.
    Text,
    Json,
}

/// Starts logging with this filter (`info`, `warn,steading_host=debug` …).
pub(crate) fn start(filter: &str, format: LogFormat) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(filter)
        .with_context(|| format!("`{filter}` is not a log filter such as `info`"))
        .or_exit(Exit::Usage)?;
    // it says at level error what a function can make it say without end, and the function's log has it anyway
    let quiet = "rustls_platform_verifier=off".parse().context("the directive is one")?;
    let filter = filter.add_directive(quiet);
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    match format {
        LogFormat::Text => builder.with_ansi(io::stderr().is_terminal()).init(),
        LogFormat::Json => builder.json().init(),
    }
    Ok(())
}
