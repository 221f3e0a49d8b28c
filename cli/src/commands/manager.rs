//! `steading manager`: runs the management role until it is told to stop.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use serde::Serialize;
use steading_gateway::Gateway;
use steading_manager::{Config, Manager, StoreLocation};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::exit::Failure;
use crate::{config, secrets, signals, supervisor, terminal};

const EXAMPLES: &str = "\
Examples:
  steading manager
  steading manager --config /etc/steading/manager.toml
  STEADING_ADMIN_PASSWORD_FILE=/run/secrets/admin steading manager --listen 0.0.0.0:7070
  steading manager --gateway 0.0.0.0:80

Secrets come from the environment. STEADING_ADMIN_PASSWORD sets the administrator's password, \
STEADING_JOIN_TOKEN what workers join with, STEADING_SECRETS_KEY (64 hexadecimal digits, as `openssl rand -hex 32` \
prints them) encrypts the secrets of apps, STEADING_STORE_CONNECTION the connection string of a \
store on SQL Server; the same names with _FILE name files to read them from. Without a password the portal asks for one at \
its first visit, against the set-up code printed here. Without a join token one is made and kept in \
the data folder.";

/// Run the management role: portal, API, and the record of what runs where
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ManagerRoleArgs {
    /// The configuration, a TOML file; flags win over it
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where the portal and the API listen [default: 127.0.0.1:7070]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// Where apps, versions and the join token are kept [default: .steading/manager]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Also run a gateway, at this address [default: 0.0.0.0:7080]; its control port is the next one, on
    /// 127.0.0.1
    #[arg(long, value_name = "ADDRESS:PORT", num_args = 0..=1, default_missing_value = "0.0.0.0:7080")]
    gateway: Option<SocketAddr>,
    /// Where the store is: `sqlite:PATH`, or `sqlserver:` with the connection string in
    /// STEADING_STORE_CONNECTION [default: in the data folder]
    #[arg(long, value_name = "STORE")]
    store: Option<StoreLocation>,
    /// Print the line that says it is ready as JSON
    #[arg(long)]
    json: bool,
}

/// What is printed once the role answers.
#[derive(Debug, Serialize)]
struct Ready<'a> {
    url: Url,
    address: SocketAddr,
    join_token_file: PathBuf,
    #[serde(skip_serializing_if = "Option::is_none")]
    setup_code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gateway: Option<SocketAddr>,
}

/// Runs the command.
pub(crate) async fn run(args: ManagerRoleArgs) -> Result<(), Failure> {
    serve(args, signals::shutdown()?).await
}

/// Runs the role until `stop`, whoever cancels that.
pub(crate) async fn serve(args: ManagerRoleArgs, stop: CancellationToken) -> Result<(), Failure> {
    let config = configure(&args)?;
    let data_dir = config.data_dir.clone();
    let manager = Manager::start(config).await.context("cannot start the manager")?;
    let gateway = match args.gateway {
        Some(listen) => Some(start_gateway(&manager, &data_dir, listen).await?),
        None => None,
    };
    announce(&manager, &data_dir, gateway.as_ref(), args.json)?;
    supervisor::ready(&format!("portal {}", manager.url()), &stop);
    let fronting = gateway.map(|gateway| {
        let stop = stop.clone();
        tokio::spawn(async move { gateway.run_until(stop.cancelled_owned()).await })
    });
    manager.run_until(stop.cancelled_owned()).await.context("the manager has stopped")?;
    if let Some(fronting) = fronting {
        fronting.await.context("the gateway has panicked")?;
    }
    Ok(())
}

/// A gateway in this process, which asks the manager over loopback as any other would.
async fn start_gateway(
    manager: &Manager,
    data_dir: &Path,
    listen: SocketAddr,
) -> anyhow::Result<Gateway> {
    let mut near = manager.address();
    if near.ip().is_unspecified() {
        near.set_ip(Ipv4Addr::LOCALHOST.into());
    }
    // port 0 stands for any free one, and so does the one after it
    let control = if listen.port() == 0 { 0 } else { listen.port().wrapping_add(1) };
    let config = steading_gateway::Config {
        listen,
        control: (Ipv4Addr::LOCALHOST, control).into(),
        manager: format!("http://{near}").parse().context("the manager has no address")?,
        state_dir: data_dir.join("gateway"),
        token: Some(manager.join_token().clone()),
        ..steading_gateway::Config::default()
    };
    Gateway::start(config).await.context("cannot start the gateway")
}

fn configure(args: &ManagerRoleArgs) -> Result<Config, Failure> {
    let mut config: Config = config::load(args.config.as_deref())?;
    if let Some(listen) = args.listen {
        config.listen = listen;
    }
    if let Some(data_dir) = &args.data_dir {
        config.data_dir.clone_from(data_dir);
    }
    if let Some(store) = &args.store {
        config.store = Some(store.clone());
    }
    config.store_connection = secrets::read(secrets::STORE_CONNECTION)?;
    config.admin_password = secrets::read(secrets::ADMIN_PASSWORD)?;
    config.join_token = secrets::read(secrets::JOIN_TOKEN)?;
    config.secrets_key = secrets::read(secrets::SECRETS_KEY)?;
    Ok(config)
}

fn announce(
    manager: &Manager,
    data_dir: &Path,
    gateway: Option<&Gateway>,
    json: bool,
) -> anyhow::Result<()> {
    let ready = Ready {
        url: manager.url(),
        address: manager.address(),
        join_token_file: data_dir.join("join-token"),
        setup_code: manager.setup_code().map(steading_protocol::Secret::expose),
        gateway: gateway.map(Gateway::address),
    };
    terminal::ready(&ready, json)
}

impl std::fmt::Display for Ready<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "manager ready: portal {}, ", self.url)?;
        if let Some(code) = self.setup_code {
            write!(f, "set-up code {code}, ")?;
        }
        write!(f, "join token in {}", self.join_token_file.display())?;
        self.gateway.map_or(Ok(()), |address| write!(f, ", gateway on {address}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ready_line_names_the_set_up_code_until_there_is_a_password() {
        let mut ready = Ready {
            url: "http://127.0.0.1:7070".parse().unwrap(),
            address: "127.0.0.1:7070".parse().unwrap(),
            join_token_file: "d/join-token".into(),
            setup_code: Some("abc"),
            gateway: None,
        };
        let line = "manager ready: portal http://127.0.0.1:7070/, set-up code abc, join token in d/join-token";
        assert_eq!(ready.to_string(), line);
        ready.setup_code = None;
        ready.gateway = Some("127.0.0.1:7080".parse().unwrap());
        assert!(!ready.to_string().contains("set-up"));
        assert!(ready.to_string().ends_with(", gateway on 127.0.0.1:7080"));
    }
}
