//! Which manager a client command speaks to, and with which token. One rule for all of them:
//!
//! - manager: `--manager` or `STEADING_MANAGER`, else the `steading dev` that runs on this folder,
//!   else this machine's port 7070;
//! - token: `STEADING_TOKEN`, else that of the running `dev` when it is the manager meant, else
//!   what `steading login` kept for that manager.

use std::path::Path;

use clap::Args;
use steading_protocol::Secret;
use url::Url;

use crate::client::Client;
use crate::credentials::Credentials;
use crate::dev_state::{self, DevAccess};
use crate::exit::{Exit, Failure};
use crate::secrets;

/// The manager of this machine.
pub(crate) const DEFAULT_MANAGER: &str = "http://127.0.0.1:7070";

/// The choice of a manager.
#[derive(Debug, Args)]
pub(crate) struct ManagerArgs {
    /// The manager [default: a `steading dev` started in this folder, else http://127.0.0.1:7070]
    #[arg(long, value_name = "URL", env = "STEADING_MANAGER", value_parser = parse_url)]
    manager: Option<Url>,
}

impl ManagerArgs {
    /// The manager meant, with a token for it.
    pub(crate) fn connect(&self) -> Result<Client, Failure> {
        let running = DevAccess::of_running(Path::new(dev_state::DEFAULT_FOLDER));
        let manager = choose_manager(self.manager.as_ref(), running.as_ref());
        let token = match secrets::read(secrets::TOKEN)? {
            Some(token) => Some(token),
            None => kept_token(&manager, running)?,
        };
        let Some(token) = token else {
            let message = format!(
                "nobody is signed in to {manager}; run `steading login --manager {manager}` or set {}",
                secrets::TOKEN
            );
            return Err(Failure::new(Exit::Denied, message));
        };
        Ok(Client::new(manager, Some(token))?)
    }
}

/// A URL that a manager can have.
pub(crate) fn parse_url(text: &str) -> Result<Url, String> {
    let url: Url =
        text.parse().map_err(|error| format!("{error}; write it as {DEFAULT_MANAGER}"))?;
    match url.scheme() {
        "http" | "https" => Ok(url),
        scheme => Err(format!("`{scheme}` is not http or https; write it as {DEFAULT_MANAGER}")),
    }
}

fn choose_manager(given: Option<&Url>, running: Option<&DevAccess>) -> Url {
    match (given, running) {
        (Some(url), _) => url.clone(),
        (None, Some(dev)) => dev.manager.clone(),
        (None, None) => DEFAULT_MANAGER.parse().expect("the default manager is a URL"),
    }
}

fn kept_token(manager: &Url, running: Option<DevAccess>) -> anyhow::Result<Option<Secret>> {
    match running {
        Some(dev) if dev.manager == *manager => Ok(Some(dev.token)),
        _ => Ok(Credentials::load()?.get(manager).map(|kept| kept.token.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_manager_goes_before_a_running_dev_and_that_before_the_default() {
        let url = |text: &str| parse_url(text).unwrap();
        let dev = DevAccess { manager: url("http://127.0.0.1:9"), token: Secret::new("t") };
        let far = url("https://m.example.org");
        assert_eq!(choose_manager(Some(&far), Some(&dev)), far);
        assert_eq!(choose_manager(None, Some(&dev)), dev.manager);
        assert_eq!(choose_manager(None, None), url(DEFAULT_MANAGER));
        assert_eq!(kept_token(&dev.manager.clone(), Some(dev)).unwrap().unwrap(), Secret::new("t"));
    }

    #[test]
    fn a_url_that_no_manager_can_have_is_refused() {
        assert!(parse_url("127.0.0.1:7070").is_err());
        assert!(parse_url("localhost:7070").unwrap_err().contains("not http or https"));
        assert!(parse_url("ftp://x").is_err());
    }
}
