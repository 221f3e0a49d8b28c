//! `steading gateway`: runs the gateway role until it is told to stop.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use serde::Serialize;
use steading_gateway::{Config, Gateway, Network};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::exit::{Exit, Failure, OrExit as _};
use crate::session::parse_url;
use crate::{config, secrets, signals, supervisor, terminal};

const EXAMPLES: &str = "\
Examples:
  STEADING_JOIN_TOKEN_FILE=.steading/manager/join-token steading gateway
  steading gateway --config /etc/steading/gateway.toml
  steading gateway --manager https://manager.example.org --listen 0.0.0.0:80

A gateway needs the join token of its manager, in STEADING_JOIN_TOKEN or in the file that \
STEADING_JOIN_TOKEN_FILE names. One whose manager is away goes on with the workers that it knows, also \
when it is started again.";

/// Run the gateway role: one address for callers in front of all workers
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct GatewayRoleArgs {
    /// The configuration, a TOML file; flags win over it
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The manager that knows the workers [default: http://127.0.0.1:7070]
    #[arg(long, value_name = "URL", env = "STEADING_MANAGER", value_parser = parse_url)]
    manager: Option<Url>,
    /// Where callers are answered [default: 0.0.0.0:7080]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// Where /live, /ready and /metrics are answered [default: 127.0.0.1:7081]
    #[arg(long, value_name = "ADDRESS:PORT")]
    control: Option<SocketAddr>,
    /// Where the last routes are kept [default: .steading/gateway]
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
    /// An address or network, such as 10.0.0.0/8, of proxies whose X-Forwarded-* headers are believed;
    /// may be given several times
    #[arg(long, value_name = "NETWORK")]
    trust_forwarded_from: Vec<Network>,
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
pub(crate) async fn run(args: GatewayRoleArgs) -> Result<(), Failure> {
    serve(args, signals::shutdown()?).await
}

/// Runs the role until `stop`, whoever cancels that.
pub(crate) async fn serve(args: GatewayRoleArgs, stop: CancellationToken) -> Result<(), Failure> {
    let json = args.json;
    let config = configure(args)?;
    let manager = config.manager.clone();
    let gateway = Gateway::start(config).await.context("cannot start the gateway")?;
    let ready = Ready { address: gateway.address(), control: gateway.control_address(), manager };
    terminal::ready(&ready, json)?;
    supervisor::ready(&ready, &stop);
    gateway.run_until(stop.cancelled_owned()).await;
    Ok(())
}

fn configure(args: GatewayRoleArgs) -> Result<Config, Failure> {
    let mut config: Config = config::load(args.config.as_deref())?;
    config::lay_over(&mut config.manager, args.manager);
    config::lay_over(&mut config.listen, args.listen);
    config::lay_over(&mut config.control, args.control);
    config::lay_over(&mut config.state_dir, args.state_dir);
    if !args.trust_forwarded_from.is_empty() {
        config.trust_forwarded_from = args.trust_forwarded_from;
    }
    config.token = secrets::read(secrets::JOIN_TOKEN)?;
    config.check().or_exit(Exit::Usage)?;
    Ok(config)
}

impl std::fmt::Display for Ready {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { address, control, manager } = self;
        write!(f, "gateway ready: callers on {address}, control on {control}, manager {manager}")
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(Debug, clap::Parser)]
    struct Only {
        #[command(flatten)]
        args: GatewayRoleArgs,
    }

    #[test]
    fn flags_go_before_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("gateway.toml");
        let text = "listen = \"127.0.0.1:1\"\ntrust_forwarded_from = [\"10.0.0.0/8\"]\n";
        std::fs::write(&file, text).unwrap();
        let flags = ["gateway", "--listen", "127.0.0.1:2", "--config", file.to_str().unwrap()];
        let config = configure(Only::try_parse_from(flags).unwrap().args).unwrap();
        assert_eq!((config.listen.port(), config.control.port()), (2, 7081));
        assert_eq!(config.trust_forwarded_from, ["10.0.0.0/8".parse().unwrap()]);
    }

    #[test]
    fn what_is_no_network_is_refused_by_name() {
        let flags = ["gateway", "--trust-forwarded-from", "everyone"];
        let error = Only::try_parse_from(flags).unwrap_err().to_string();
        assert!(error.contains("`everyone` is neither an address nor a network"), "{error}");
    }
}
