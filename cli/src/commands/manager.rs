//! `steading manager`: runs the management role until it is told to stop.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use serde::Serialize;
use steading_manager::{Config, Manager};
use url::Url;

use crate::exit::Failure;
use crate::{config, secrets, signals, terminal};

const EXAMPLES: &str = "\
Examples:
  steading manager
  steading manager --config /etc/steading/manager.toml
  STEADING_ADMIN_PASSWORD_FILE=/run/secrets/admin steading manager --listen 0.0.0.0:7070

Secrets come from the environment. STEADING_ADMIN_PASSWORD sets the administrator's password, \
STEADING_JOIN_TOKEN what workers join with; STEADING_ADMIN_PASSWORD_FILE and \
STEADING_JOIN_TOKEN_FILE name files to read them from. Without a password the portal asks for one at \
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
}

/// Runs the command.
pub(crate) async fn run(args: ManagerRoleArgs) -> Result<(), Failure> {
    let stop = signals::shutdown()?;
    let config = configure(&args)?;
    let data_dir = config.data_dir.clone();
    let manager = Manager::start(config).await.context("cannot start the manager")?;
    announce(&manager, &data_dir, args.json)?;
    manager.run_until(stop.cancelled_owned()).await.context("the manager has stopped")?;
    Ok(())
}

fn configure(args: &ManagerRoleArgs) -> Result<Config, Failure> {
    let mut config: Config = config::load(args.config.as_deref())?;
    if let Some(listen) = args.listen {
        config.listen = listen;
    }
    if let Some(data_dir) = &args.data_dir {
        config.data_dir.clone_from(data_dir);
    }
    config.admin_password = secrets::read(secrets::ADMIN_PASSWORD)?;
    config.join_token = secrets::read(secrets::JOIN_TOKEN)?;
    Ok(config)
}

fn announce(manager: &Manager, data_dir: &Path, json: bool) -> anyhow::Result<()> {
    let ready = Ready {
        url: manager.url(),
        address: manager.address(),
        join_token_file: data_dir.join("join-token"),
        setup_code: manager.setup_code().map(steading_protocol::Secret::expose),
    };
    if json {
        return terminal::line(serde_json::to_string(&ready).context("cannot write JSON")?);
    }
    terminal::line(ready)
}

impl std::fmt::Display for Ready<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "manager ready: portal {}, ", self.url)?;
        if let Some(code) = self.setup_code {
            write!(f, "set-up code {code}, ")?;
        }
        write!(f, "join token in {}", self.join_token_file.display())
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
        };
        let line = "manager ready: portal http://127.0.0.1:7070/, set-up code abc, join token in d/join-token";
        assert_eq!(ready.to_string(), line);
        ready.setup_code = None;
        assert!(!ready.to_string().contains("set-up"));
    }
}
