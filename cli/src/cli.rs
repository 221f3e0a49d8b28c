//! The command line as a type: the commands and what holds for all of them. What a command takes
//! stands beside the command, in `commands`.

use clap::{Parser, Subcommand};

use crate::commands::{
    build, dev, doctor, gateway, health, invoke, login, manager, new, publish, rollout, service,
    settings, status, store, worker,
};
use crate::logging::LogFormat;
use crate::role::Role;

/// Exit codes are part of the interface; scripts rely on them.
const EXIT_CODES: &str = "\
Exit codes:
  0   done
  1   something failed that has no code of its own
  64  wrong usage or bad configuration
  65  what was given is at fault: it does not compile, or the manager refused it
  69  the manager cannot be reached
  77  not signed in, or the token is not good";

/// Set apart in every command's help, because every command takes them.
const LOGGING: &str = "Logging";
const LOG: &str = "STEADING_LOG";
const LOG_FORMAT: &str = "STEADING_LOG_FORMAT";

/// Runs functions as WebAssembly sandboxes on your own machines
#[derive(Debug, Parser)]
#[command(name = "steading", version, after_help = EXIT_CODES, arg_required_else_help = true)]
pub(crate) struct Cli {
    /// What is logged to stderr, such as `debug` or `warn,steading_host=debug` [default: info for
    /// manager, worker and gateway, else warn]
    #[arg(long, global = true, help_heading = LOGGING, value_name = "FILTER", env = LOG)]
    pub(crate) log: Option<String>,
    /// How it is written
    #[arg(long, global = true, help_heading = LOGGING, value_enum, default_value = "text", env = LOG_FORMAT)]
    pub(crate) log_format: LogFormat,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Dev(dev::DevArgs),
    New(new::NewArgs),
    Build(build::BuildArgs),
    Publish(publish::PublishArgs),
    Rollout(rollout::RolloutArgs),
    Rollback(rollout::RollbackArgs),
    Settings(settings::SettingsArgs),
    Invoke(invoke::InvokeArgs),
    Status(status::StatusArgs),
    Login(login::LoginArgs),
    Logout(login::LogoutArgs),
    Doctor(doctor::DoctorArgs),
    Health(health::HealthArgs),
    Service(service::ServiceArgs),
    Store(store::StoreArgs),
    Manager(manager::ManagerRoleArgs),
    Worker(worker::WorkerRoleArgs),
    Gateway(gateway::GatewayRoleArgs),
}

impl Command {
    /// Whether functions run in this process.
    pub(crate) fn runs_guests(&self) -> bool {
        matches!(self, Self::Dev(_) | Self::Worker(_)) || self.service() == Some(Role::Worker)
    }

    /// The role that the system has started in this process as a service.
    pub(crate) fn service(&self) -> Option<Role> {
        match self {
            Self::Service(args) => args.running(),
            _ => None,
        }
    }

    /// The log records shown unless the user says otherwise: roles tell of every change, `dev` of
    /// what the functions write, the rest of what is wrong.
    pub(crate) fn default_log(&self) -> &'static str {
        match self {
            // the WASI library warns at a guest's every odd call, which is the guest's log's business;
            // what SQL Server's driver has to say is told where it is dealt with
            Self::Manager(_) | Self::Worker(_) | Self::Gateway(_) => {
                "info,wasmtime_wasi=error,tiberius=off"
            }
            Self::Dev(_) => dev::DEFAULT_LOG,
            Self::Store(_) => "warn,tiberius=off",
            _ => "warn",
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_explains_itself_with_an_example() {
        for command in Cli::command().get_subcommands_mut() {
            let help = command.render_help().to_string();
            assert!(help.contains("Example"), "{} has no example", command.get_name());
        }
    }
}
