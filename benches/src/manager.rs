//! The release binary's management role as a process of its own, and its API as far as benchmarks
//! need it. Killed when dropped, and killed hard when told to be.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Child;

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use steading_protocol::api::Status;

use crate::process::{resident_bytes, started};

/// What machines join with.
pub const JOIN_TOKEN: &str = "a join token of a benchmark";

const PASSWORD: &str = "a password of a benchmark";

/// A running manager.
pub struct ManagerProcess {
    child: Child,
    address: SocketAddr,
}

/// An operator of a manager.
#[derive(Clone)]
pub struct Operator {
    http: reqwest::Client,
    manager: String,
    token: String,
}

impl ManagerProcess {
    /// Starts it on a store in `data_dir`, on a free port or that of an earlier start, and waits until it
    /// answers.
    pub fn start(data_dir: &Path, address: Option<SocketAddr>) -> anyhow::Result<Self> {
        let listen = address.map_or_else(|| "127.0.0.1:0".to_owned(), |a| a.to_string());
        let (child, ready) = started("manager", |command| {
            command
                .args(["--listen", &listen, "--data-dir"])
                .arg(data_dir)
                .env("STEADING_JOIN_TOKEN", JOIN_TOKEN)
                .env("STEADING_ADMIN_PASSWORD", PASSWORD)
        })?;
        let address = ready["address"].as_str().context("an address")?.parse()?;
        Ok(Self { child, address })
    }

    /// Where it answers.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Resident memory, bytes.
    pub fn resident_bytes(&self) -> anyhow::Result<u64> {
        resident_bytes(&self.child)
    }

    /// Signs an operator in.
    pub async fn operator(&self) -> anyhow::Result<Operator> {
        let (http, manager) = (client(), self.url());
        let tokens = http.post(format!("{manager}/api/v1/tokens"));
        let tokens = tokens.basic_auth("admin", Some(PASSWORD)).json(&json!({"name": "bench"}));
        let made: Value = tokens.send().await?.error_for_status()?.json().await?;
        let token = made["token"].as_str().context("a token")?.to_owned();
        Ok(Operator { http, manager, token })
    }
}

/// An HTTP client; the first one chooses the TLS library of the process, as the product does.
pub(crate) fn client() -> reqwest::Client {
    // chosen before, when it fails
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}

impl Drop for ManagerProcess {
    fn drop(&mut self) {
        // SIGKILL: nothing is put in order; it may have ended by itself
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Operator {
    /// Publishes a module or a package.
    pub async fn publish(&self, app: &str, package: Vec<u8>) -> anyhow::Result<()> {
        let call = self.http.post(format!("{}/api/v1/apps/{app}/versions", self.manager));
        let answer = call.bearer_auth(&self.token).body(package).send().await?;
        let status = answer.status();
        ensure!(status.is_success(), "publish: {status} {}", answer.text().await?);
        Ok(())
    }

    /// Goes back to the version before.
    pub async fn roll_back(&self, app: &str) -> anyhow::Result<()> {
        let call = self.http.post(format!("{}/api/v1/apps/{app}/rollback", self.manager));
        call.bearer_auth(&self.token).json(&json!({})).send().await?.error_for_status()?;
        Ok(())
    }

    /// Everything at a glance.
    pub async fn status(&self) -> anyhow::Result<Status> {
        let call = self.http.get(format!("{}/api/v1/status", self.manager));
        Ok(call.bearer_auth(&self.token).send().await?.error_for_status()?.json().await?)
    }
}
