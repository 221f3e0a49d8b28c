//! `steading login` and `steading logout`: exchange the administrator's password for an API token
//! that this user's commands show from then on, and give it back.
//!
//! Invariant: the password goes to the manager and nowhere else.

use std::io::IsTerminal as _;

use anyhow::Context as _;
use clap::Args;
use steading_protocol::Secret;
use url::Url;

use crate::client::{Client, ClientError};
use crate::credentials::{Credential, Credentials};
use crate::exit::{Exit, Failure};
use crate::secrets;
use crate::session::{DEFAULT_MANAGER, parse_url};
use crate::terminal;

const LOGIN_EXAMPLES: &str = "\
Examples:
  steading login
  steading login --manager https://manager.example.org
  STEADING_ADMIN_PASSWORD_FILE=/run/secrets/admin steading login

The password is asked for, or taken from STEADING_ADMIN_PASSWORD or the file that \
STEADING_ADMIN_PASSWORD_FILE names. The token is kept in your configuration folder, readable by you \
alone. A `steading dev` that was started in the current folder needs no login.";

const LOGOUT_EXAMPLES: &str = "\
Example:
  steading logout --manager https://manager.example.org";

/// Sign in to a manager
#[derive(Debug, Args)]
#[command(after_help = LOGIN_EXAMPLES)]
pub(crate) struct LoginArgs {
    #[command(flatten)]
    of: ManagerUrl,
}

/// Sign out of a manager and revoke the token kept for it
#[derive(Debug, Args)]
#[command(after_help = LOGOUT_EXAMPLES)]
pub(crate) struct LogoutArgs {
    #[command(flatten)]
    of: ManagerUrl,
}

/// A manager by its URL alone: a running `dev` is never signed in to.
#[derive(Debug, Args)]
struct ManagerUrl {
    /// The manager's URL
    #[arg(long, value_name = "URL", env = "STEADING_MANAGER", value_parser = parse_url, default_value = DEFAULT_MANAGER)]
    manager: Url,
}

/// Signs in.
pub(crate) async fn login(args: LoginArgs) -> Result<(), Failure> {
    let manager = args.of.manager;
    // Read before a token is made that could not be kept.
    let mut credentials = Credentials::load()?;
    let password = match secrets::read(secrets::ADMIN_PASSWORD)? {
        Some(password) => password,
        None => ask(&format!("password of admin at {manager}: "))?,
    };
    let client = Client::new(manager.clone(), None)?;
    let reply = client.token_create(&password, &token_name()).await?;
    credentials.insert(&manager, Credential { id: reply.id, token: reply.token })?;
    Ok(terminal::line(format!("signed in to {manager}"))?)
}

/// Signs out.
pub(crate) async fn logout(args: LogoutArgs) -> Result<(), Failure> {
    let manager = args.of.manager;
    let mut credentials = Credentials::load()?;
    let Some(kept) = credentials.get(&manager).cloned() else {
        return Ok(terminal::line(format!("nobody is signed in to {manager}"))?);
    };
    let client = Client::new(manager.clone(), Some(kept.token))?;
    match client.token_delete(&kept.id).await {
        // Gone or refused already: there is nothing left to revoke.
        Ok(()) | Err(ClientError::Refused { status: 401 | 404, .. }) => {}
        Err(error) => return Err(error.into()),
    }
    credentials.remove(&manager)?;
    Ok(terminal::line(format!("signed out of {manager}"))?)
}

fn ask(prompt: &str) -> Result<Secret, Failure> {
    if !std::io::stdin().is_terminal() {
        let message =
            format!("no terminal to ask for the password; set {}", secrets::ADMIN_PASSWORD);
        return Err(Failure::new(Exit::Usage, message));
    }
    let password = rpassword::prompt_password(prompt).context("cannot read the password")?;
    Ok(Secret::new(password))
}

/// What the token is called in the manager's list, so that its owner knows which one to revoke.
fn token_name() -> String {
    let user = ["USER", "USERNAME"].iter().find_map(|name| std::env::var(name).ok());
    format!("command line of {}", user.as_deref().unwrap_or("an unnamed user"))
}
