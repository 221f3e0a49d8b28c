//! `steading worker`: runs the worker role until it is told to stop.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use serde::Serialize;
use steading_host::{Config, Worker};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::exit::{Exit, Failure, OrExit as _};
use crate::session::parse_url;
use crate::{config, secrets, signals, supervisor, terminal};

const EXAMPLES: &str = "\
Examples:
  STEADING_JOIN_TOKEN_FILE=.steading/manager/join-token steading worker
  steading worker --config /etc/steading/worker.toml
  steading worker --manager https://manager.example.org --url http://10.0.0.7:7071

To join a manager for the first time a worker needs STEADING_JOIN_TOKEN, or the file that \
STEADING_JOIN_TOKEN_FILE names; its state folder keeps who it is. Secrets of apps lie there encrypted, with the key in \
STEADING_STATE_KEY where that is set, else with one in the folder. A worker whose manager is away goes \
on serving what it has.";

/// Run the worker role: answer function calls in a fresh sandbox each
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct WorkerRoleArgs {
    /// The configuration, a TOML file; flags win over it
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The manager to join [default: http://127.0.0.1:7070]
    #[arg(long, value_name = "URL", env = "STEADING_MANAGER", value_parser = parse_url)]
    manager: Option<Url>,
    /// Where function calls are answered [default: 0.0.0.0:7071]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// Where /live, /ready and /metrics are answered [default: 127.0.0.1:7072]
    #[arg(long, value_name = "ADDRESS:PORT")]
    control: Option<SocketAddr>,
    /// The name shown to people [default: that of the machine]
    #[arg(long)]
    name: Option<String>,
    /// How callers reach this worker [default: the address it listens on]
    #[arg(long, value_parser = parse_url)]
    url: Option<Url>,
    /// Where identity, last state and compiled modules are kept [default: .steading/worker]
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
    /// Print the line that says it is ready as JSON
    #[arg(long)]
    json: bool,
}

/// What is printed once the role answers.
#[derive(Debug, Serialize)]
struct Ready {
    address: SocketAddr,
    control: SocketAddr,
    manager: Url,
}

/// Runs the command.
pub(crate) async fn run(args: WorkerRoleArgs) -> Result<(), Failure> {
    serve(args, signals::shutdown()?).await
}

/// Runs the role until `stop`, whoever cancels that.
pub(crate) async fn serve(args: WorkerRoleArgs, stop: CancellationToken) -> Result<(), Failure> {
    let json = args.json;
    let config = configure(args)?;
    config.caps.put_on_this_process().context("cannot start the worker")?;
    let manager = config.manager.clone();
    let worker = Worker::start(config).await.context("cannot start the worker")?;
    let ready = Ready { address: worker.address(), control: worker.control_address(), manager };
    terminal::ready(&ready, json)?;
    supervisor::ready(&ready, &stop);
    worker.run_until(stop.cancelled_owned()).await;
    Ok(())
}

fn configure(args: WorkerRoleArgs) -> Result<Config, Failure> {
    let mut config: Config = config::load(args.config.as_deref())?;
    config::lay_over(&mut config.manager, args.manager);
    config::lay_over(&mut config.listen, args.listen);
    config::lay_over(&mut config.control, args.control);
    config::lay_over(&mut config.name, args.name);
    config::lay_over(&mut config.state_dir, args.state_dir);
    config.url = args.url.or(config.url);
    config.state_key = secrets::read(secrets::STATE_KEY)?;
    config.check().or_exit(Exit::Usage)?;
    config.join_token = secrets::read(secrets::JOIN_TOKEN)?;
    Ok(config)
}

impl std::fmt::Display for Ready {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { address, control, manager } = self;
        write!(f, "worker ready: functions on {address}, control on {control}, manager {manager}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_go_before_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("worker.toml");
        std::fs::write(&file, "name = \"from-file\"\nlisten = \"127.0.0.1:1\"\n").unwrap();
        let args = WorkerRoleArgs {
            config: Some(file),
            manager: None,
            listen: Some("127.0.0.1:2".parse().unwrap()),
            control: None,
            name: None,
            url: None,
            state_dir: None,
            json: false,
        };
        let config = configure(args).unwrap();
        assert_eq!(config.name, "from-file");
        assert_eq!(config.listen.port(), 2);
        assert_eq!(config.control.port(), 7072);
    }
}
