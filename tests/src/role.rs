//! One role as a process of the real binary, started with a configuration file of its own.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::{ADMIN_PASSWORD, JOIN_TOKEN, Process, Steading};

/// One role's process and where it answers.
#[derive(Debug)]
pub(crate) struct Role {
    pub(crate) process: Process,
    pub(crate) url: String,
    /// Of a worker or gateway: where it tells of itself.
    pub(crate) control: Option<String>,
}

/// What roles find in their environment beside the administrator's password.
#[derive(Clone, Debug)]
pub struct Secrets {
    /// What workers join with.
    pub join_token: String,
    /// What seals the secrets of apps.
    pub secrets_key: String,
}

impl Default for Secrets {
    fn default() -> Self {
        Self { join_token: JOIN_TOKEN.to_owned(), secrets_key: "07".repeat(32) }
    }
}

impl Role {
    pub(crate) async fn start(steading: &Path, role: &str, config: &Path) -> Self {
        Self::with_secrets(steading, role, config, &Secrets::default()).await
    }

    pub(crate) async fn with_secrets(
        steading: &Path,
        role: &str,
        config: &Path,
        secrets: &Secrets,
    ) -> Self {
        let command = Steading::at(steading)
            .args([role.as_ref(), "--json".as_ref(), "--config".as_ref(), config.as_os_str()])
            .env("STEADING_ADMIN_PASSWORD", ADMIN_PASSWORD)
            .env("STEADING_JOIN_TOKEN", &secrets.join_token)
            .env("STEADING_SECRETS_KEY", &secrets.secrets_key)
            .into_command();
        let name = config.file_stem().unwrap_or_default().to_string_lossy();
        let mut process = Process::start(name, command).await;
        let ready = process.line("its address", ready).await;
        let url = url_in(&ready, "address").expect("a role has an address");
        Self { process, url, control: url_in(&ready, "control") }
    }
}

/// The line of JSON by which a role says that it is ready.
pub(crate) fn ready(line: &str) -> Option<Value> {
    serde_json::from_str(line).ok().filter(Value::is_object)
}

pub(crate) fn url_in(ready: &Value, key: &str) -> Option<String> {
    Some(format!("http://{}", ready[key].as_str()?))
}

pub(crate) fn written(path: PathBuf, text: &str) -> PathBuf {
    std::fs::write(&path, text).expect("the temporary folder takes a file");
    path
}
