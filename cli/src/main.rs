//! `steading`, the one binary: starts the roles, and does a developer's work against them.
//!
//! A map. [`cli`] is the command line as a type, [`commands`] has a file for every verb. Under them:
//! [`build`] makes a package of a folder, [`deploy`] uploads it, [`rollout`] follows it onto the
//! workers, [`watch`] notices saves. [`client`] is the manager's API, [`session`] decides which manager
//! and token, from [`credentials`] or [`dev_state`]. [`exit`] is how a command fails.
//!
//! Absent: no opinion of the roles (they are `steading-manager` and `steading-host`), and no secret
//! in a flag. This file wires, and does nothing else.

mod cli;
mod commands;

mod build;
mod deploy;
mod doctor;
mod rollout;
mod watch;

mod client;
mod credentials;
mod dev_state;
mod session;

mod config;
mod exit;
mod logging;
mod private_file;
mod probe;
mod role;
mod secrets;
mod service;
mod signals;
mod supervisor;
mod terminal;

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser as _;

use crate::exit::{Exit, Failure};

fn main() -> ExitCode {
    quiet_backtraces();
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            error.print().ok();
            // Asking for help or the version is an error to the parser only.
            return if error.use_stderr() { (Exit::Usage as u8).into() } else { ExitCode::SUCCESS };
        }
    };
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            terminal::remark(format!("error: {}", failure.line()));
            failure.code().into()
        }
    }
}

fn run(cli: cli::Cli) -> Result<(), Failure> {
    let filter = cli.log.as_deref().unwrap_or(cli.command.default_log());
    logging::start(filter, cli.log_format, cli.command.service())?;
    // One provider for every TLS client of the process; a second installation would be refused.
    rustls::crypto::ring::default_provider().install_default().ok();
    // A worker's runtime looks at its sockets after every few turns, because a guest may hold a thread
    // for a millisecond; where there are no guests that is only work.
    let runtime = match cli.command.runs_guests() {
        true => steading_host::runtime(),
        false => tokio::runtime::Builder::new_multi_thread().enable_all().build(),
    };
    let runtime = runtime.context("cannot start the runtime")?;
    runtime.block_on(commands::run(cli.command))
}

/// Keeps wasmtime from capturing a backtrace for each of its internal errors, which costs a tenth of
/// a request where `RUST_BACKTRACE` is set. Panics still show theirs, and `RUST_LIB_BACKTRACE=1`
/// brings these back.
fn quiet_backtraces() {
    const VARIABLE: &str = "RUST_LIB_BACKTRACE";
    if std::env::var_os(VARIABLE).is_none() {
        // SAFETY: called first of all in `main`; no other thread exists that could read the
        // environment meanwhile.
        #[allow(unsafe_code)]
        unsafe {
            std::env::set_var(VARIABLE, "0");
        }
    }
}
