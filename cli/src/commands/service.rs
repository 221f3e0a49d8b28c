//! `steading service`: makes a role a service of the operating system. How that is done on each system is in
//! [`crate::service`].

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, Subcommand};

use crate::exit::{Exit, Failure, OrExit as _};
use crate::role::Role;
use crate::service::{self, Needs, Place, Plan, SecretFile};
use crate::{config, secrets};

const EXAMPLES: &str = "\
Examples:
  steading service install worker --config /etc/steading/worker.toml \\
      --join-token-file /etc/steading/join-token
  steading service install manager --admin-password-file /etc/steading/admin-password --print
  steading service start worker
  steading service status worker

On Linux it writes a systemd unit, on Windows it registers a service with a virtual account of its own. \
The state is kept in a folder that the system gives the service, /var/lib/steading/ROLE or \
%ProgramData%\\Steading\\ROLE, whatever the configuration says. Installing needs the rights of an \
administrator.";

/// Run a role as a service of the operating system
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ServiceArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Have a role started with the machine, and again when it fails
    #[command(after_help = EXAMPLES)]
    Install(InstallArgs),
    /// Stop a role and have it started no more; its state stays
    Uninstall {
        #[arg(value_enum)]
        role: Role,
        #[command(flatten)]
        place: Place,
    },
    /// Start a role that is installed
    Start {
        #[arg(value_enum)]
        role: Role,
    },
    /// Stop a role; it lets end what is in flight
    Stop {
        #[arg(value_enum)]
        role: Role,
    },
    /// Say whether a role runs
    Status {
        #[arg(value_enum)]
        role: Role,
    },
    /// What the service control manager of Windows calls.
    #[cfg(windows)]
    #[command(hide = true)]
    Run(RunArgs),
}

#[derive(Debug, Args)]
struct InstallArgs {
    /// The role
    #[arg(value_enum)]
    role: Role,
    /// The configuration of the role, a TOML file, which the service reads at each start
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The file with the join token; a worker and a gateway need one
    #[arg(long, value_name = "FILE")]
    join_token_file: Option<PathBuf>,
    /// The file with the administrator's password, of a manager
    #[arg(long, value_name = "FILE")]
    admin_password_file: Option<PathBuf>,
    /// The file with the connection string of the store on SQL Server, of a manager
    #[arg(long, value_name = "FILE")]
    store_connection_file: Option<PathBuf>,
    /// The file with the key that encrypts the secrets of apps in the store, of a manager
    #[arg(long, value_name = "FILE")]
    secrets_key_file: Option<PathBuf>,
    /// The file with the key that encrypts them on its disk, of a worker
    #[arg(long, value_name = "FILE")]
    state_key_file: Option<PathBuf>,
    #[command(flatten)]
    place: Place,
}

/// A role as a service starts it.
#[cfg(windows)]
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// The file that a secret is in, by the secret's variable
    #[arg(long, value_name = "NAME=FILE", value_parser = parse_secret_file)]
    pub(crate) secret_file: Vec<(String, std::ffi::OsString)>,
    #[command(subcommand)]
    pub(crate) role: RoleCommand,
}

/// A role with its arguments.
#[cfg(windows)]
#[derive(Debug, Subcommand)]
pub(crate) enum RoleCommand {
    Manager(super::manager::ManagerRoleArgs),
    Worker(super::worker::WorkerRoleArgs),
    Gateway(super::gateway::GatewayRoleArgs),
}

impl ServiceArgs {
    /// The role that runs in this process, when the system has started it as a service.
    pub(crate) fn running(&self) -> Option<Role> {
        match &self.action {
            #[cfg(windows)]
            Action::Run(args) => Some(match args.role {
                RoleCommand::Manager(_) => Role::Manager,
                RoleCommand::Worker(_) => Role::Worker,
                RoleCommand::Gateway(_) => Role::Gateway,
            }),
            _ => None,
        }
    }
}

/// Runs the command.
pub(crate) fn run(args: ServiceArgs) -> Result<(), Failure> {
    match args.action {
        Action::Install(args) => service::install(&plan(&args)?, &args.place),
        Action::Uninstall { role, place } => service::uninstall(role, &place),
        Action::Start { role } => service::start(role),
        Action::Stop { role } => service::stop(role),
        Action::Status { role } => service::status(role),
        #[cfg(windows)]
        Action::Run(args) => service::run(args),
    }
}

#[cfg(windows)]
fn parse_secret_file(text: &str) -> Result<(String, std::ffi::OsString), String> {
    let (name, file) = text.split_once('=').ok_or("write it as NAME=FILE")?;
    Ok((name.to_owned(), file.into()))
}

fn plan(args: &InstallArgs) -> Result<Plan, Failure> {
    let role = args.role;
    let config = args.config.as_deref().map(whole).transpose()?;
    Ok(Plan {
        role,
        program: std::env::current_exe().context("this program does not know where it is")?,
        needs: needs(role, config.as_deref().map(|path| args.place.of(path)).as_deref())?,
        secrets: secret_files(args)?,
        config,
    })
}

/// Reads the configuration, so that one that would be refused is not installed.
fn needs(role: Role, file: Option<&Path>) -> Result<Needs, Failure> {
    Ok(match role {
        Role::Manager => Needs::of_manager(&config::load(file)?),
        Role::Worker => {
            let config: steading_host::Config = config::load(file)?;
            config.check().or_exit(Exit::Usage)?;
            Needs::of_worker(&config)
        }
        Role::Gateway => {
            let config: steading_gateway::Config = config::load(file)?;
            config.check().or_exit(Exit::Usage)?;
            Needs::of_gateway(&config)
        }
    })
}

fn secret_files(args: &InstallArgs) -> Result<Vec<SecretFile>, Failure> {
    let role = args.role;
    let given = [
        ("--join-token-file", secrets::JOIN_TOKEN, &args.join_token_file),
        ("--admin-password-file", secrets::ADMIN_PASSWORD, &args.admin_password_file),
        ("--store-connection-file", secrets::STORE_CONNECTION, &args.store_connection_file),
        ("--secrets-key-file", secrets::SECRETS_KEY, &args.secrets_key_file),
        ("--state-key-file", secrets::STATE_KEY, &args.state_key_file),
    ];
    let takes = |variable| match variable {
        secrets::JOIN_TOKEN => true,
        secrets::STATE_KEY => role == Role::Worker,
        _ => role == Role::Manager,
    };
    if role != Role::Manager && args.join_token_file.is_none() {
        let message = format!(
            "a {role} needs --join-token-file, a file with the text of the manager's `join-token`"
        );
        return Err(Failure::new(Exit::Usage, message));
    }
    let mut files = vec![];
    for (flag, variable, path) in given {
        match path {
            Some(_) if !takes(variable) => {
                let message = format!("a {role} takes no {flag}");
                return Err(Failure::new(Exit::Usage, message));
            }
            Some(path) => files.push(SecretFile { variable, path: whole(path)? }),
            None => {}
        }
    }
    Ok(files)
}

/// A service starts in a folder of its own, so paths have to be whole.
fn whole(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path)
        .with_context(|| format!("cannot use the path {}", path.display()))
        .or_exit(Exit::Usage)
}
