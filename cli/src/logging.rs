//! Sets up `tracing` for the process: to stderr, as text for people or as JSON for collectors.
//! Not what commands print as their result.

use std::io::{self, IsTerminal as _};

use anyhow::Context as _;
use clap::ValueEnum;
use tracing_subscriber::EnvFilter;

use crate::exit::{Exit, Failure, OrExit as _};
use crate::role::Role;
#[cfg(windows)]
use crate::service::{EventLog, service_name};

/// How log records are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    // No doc comments: they would turn every command's help into its long form.
    Text,
    Json,
}

/// Starts logging with this filter (`info`, `warn,steading_host=debug` …). A service of Windows has no stderr
/// that anybody sees, so its records go to the event log.
pub(crate) fn start(filter: &str, format: LogFormat, service: Option<Role>) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(filter)
        .with_context(|| format!("`{filter}` is not a log filter such as `info`"))
        .or_exit(Exit::Usage)?;
    // it says at level error what a function can make it say without end, and the function's log has it anyway
    let quiet = "rustls_platform_verifier=off".parse().context("the directive is one")?;
    let filter = filter.add_directive(quiet);
    #[cfg(windows)]
    if let Some(role) = service {
        let log = EventLog::open(&service_name(role)).context("cannot open the event log")?;
        let plain = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false);
        let plain = plain.log_internal_errors(false);
        plain.without_time().with_level(false).with_writer(log).init();
        return Ok(());
    }
    #[cfg(not(windows))]
    let _ = service;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    // Told of a stderr that nobody reads any more, it would panic, and take the task down that logged.
    let builder = builder.log_internal_errors(false);
    match format {
        LogFormat::Text => builder.with_ansi(io::stderr().is_terminal()).init(),
        LogFormat::Json => builder.json().init(),
    }
    Ok(())
}
