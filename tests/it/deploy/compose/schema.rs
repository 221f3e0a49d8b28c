//! What of Compose's schema is used in `deploy/compose.yaml`. A key that is not here is found by who reads.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::FILE;
use crate::deploy::start::Start;

#[derive(Debug, Deserialize)]
pub(super) struct Compose {
    #[serde(rename = "name")]
    _name: String,
    pub(super) services: BTreeMap<String, Service>,
    pub(super) networks: BTreeMap<String, Network>,
    pub(super) volumes: BTreeMap<String, Nothing>,
    pub(super) secrets: BTreeMap<String, SecretFile>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Service {
    pub(super) image: String,
    #[serde(rename = "restart")]
    _restart: Restart,
    pub(super) build: Option<Build>,
    #[serde(default)]
    pub(super) entrypoint: Vec<String>,
    #[serde(default)]
    pub(super) command: Vec<String>,
    pub(super) environment: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) secrets: Vec<String>,
    #[serde(default)]
    pub(super) volumes: Vec<String>,
    #[serde(default)]
    pub(super) ports: Vec<String>,
    #[serde(default)]
    pub(super) depends_on: BTreeMap<String, Dependency>,
    pub(super) healthcheck: Healthcheck,
    pub(super) stop_grace_period: String,
    #[serde(rename = "mem_limit")]
    pub(super) memory: Option<String>,
    pub(super) networks: Networks,
    #[serde(default)]
    pub(super) read_only: bool,
    #[serde(default)]
    pub(super) cap_drop: Vec<String>,
    #[serde(default)]
    pub(super) security_opt: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Restart {
    UnlessStopped,
}

#[derive(Debug, Deserialize)]
pub(super) struct Build {
    pub(super) context: String,
    pub(super) dockerfile: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Dependency {
    pub(super) condition: Condition,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(super) enum Condition {
    #[serde(rename = "service_started")]
    Started,
    #[serde(rename = "service_healthy")]
    Healthy,
    #[serde(rename = "service_completed_successfully")]
    Completed,
}

#[derive(Debug, Deserialize)]
pub(super) struct Healthcheck {
    pub(super) test: Vec<String>,
    pub(super) interval: String,
    pub(super) timeout: String,
    pub(super) start_period: String,
    #[serde(rename = "retries")]
    _retries: u32,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Networks {
    Names(Vec<String>),
    Joined(BTreeMap<String, Joined>),
}

#[derive(Debug, Deserialize)]
pub(super) struct Joined {
    #[serde(default)]
    pub(super) aliases: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Network {
    #[serde(default)]
    pub(super) internal: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct Nothing {}

#[derive(Debug, Deserialize)]
pub(super) struct SecretFile {
    pub(super) file: String,
}

impl Compose {
    /// Those of our image, with the role of each.
    pub(super) fn ours(&self) -> impl Iterator<Item = (&String, &Service)> {
        self.services.iter().filter(|(_, service)| service.image.starts_with("steading:"))
    }
}

impl Service {
    pub(super) fn start(&self, name: &str) -> Start {
        let (args, env) = (self.command.clone(), self.environment.clone());
        Start { at: format!("{FILE}: {name}"), args, env, ..Start::default() }
    }

    pub(super) fn networks(&self) -> Vec<&str> {
        match &self.networks {
            Networks::Names(names) => names.iter().map(String::as_str).collect(),
            Networks::Joined(joined) => joined.keys().map(String::as_str).collect(),
        }
    }

    pub(super) fn aliases(&self) -> Vec<&str> {
        let Networks::Joined(joined) = &self.networks else { return vec![] };
        joined.values().flat_map(|joined| &joined.aliases).map(String::as_str).collect()
    }
}
