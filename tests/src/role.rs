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

impl Role {
    pub(crate) async fn start(steading: &Path, role: &str, config: &Path) -> Self {
        Self::with_join_token(steading, role, config, JOIN_TOKEN).await
    }

    pub(crate) async fn with_join_token(
        steading: &Path,
        role: &str,
        config: &Path,
        token: &str,
    ) -> Self {
        let command = Steading::at(steading)
            .args([role.as_ref(), "--json".as_ref(), "--config".as_ref(), config.as_os_str()])
            .env("STEADING_ADMIN_PASSWORD", ADMIN_PASSWORD)
            .env("STEADING_JOIN_TOKEN", token)
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
