//! What an operator sets for a worker. The tables inside are owned by the modules they configure.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use serde::Deserialize;
use steading_protocol::{Labels, Secret, label_fault};
use steading_seal::{KeyError, Keys};
use url::Url;

use crate::capacity::{Bound, Room};
use crate::ceilings::{Ceilings, CeilingsError};
use crate::{
    AvailabilityConfig, CapacityConfig, CapsConfig, CapsConfigError, CeilingsConfig,
    DirectoryConfig, EngineConfig, EngineError, FitError, Memory, OutboundConfig, ServerConfig,
    ServerConfigError,
};

/// Everything a worker is started with; read from TOML, unknown keys are errors.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The name shown to people; defaults to the machine's.
    pub name: String,
    /// Where function calls are answered.
    pub listen: SocketAddr,
    /// Where `/live`, `/ready` and `/metrics` are answered; loopback unless told otherwise, because
    /// metrics name every app.
    pub control: SocketAddr,
    /// How callers reach `listen` from elsewhere; defaults to its address.
    pub url: Option<Url>,
    /// The manager to join.
    pub manager: Url,
    /// Where the worker keeps its identity, its last desired state and its compiled modules. Whoever
    /// can write here can make the worker run any native code.
    pub state_dir: PathBuf,
    /// What apps may ask of their workers: `zone = "plant-2"`.
    pub labels: Labels,
    /// The token that lets a new worker join; from the environment or a file, never from TOML.
    #[serde(skip)]
    pub join_token: Option<Secret>,
    /// The key, 64 hexadecimal digits, with which secrets are encrypted on this worker's disk; from the
    /// environment or a file. Absent, one is made and kept in `state_dir`.
    #[serde(skip)]
    pub state_key: Option<Secret>,
    /// The sandboxes.
    pub engine: EngineConfig,
    /// The sockets.
    pub server: ServerConfig,
    /// What functions may ask for.
    pub ceilings: CeilingsConfig,
    /// What functions may send, together.
    pub outbound: OutboundConfig,
    /// The directories that apps may ask for, by name.
    pub directories: BTreeMap<String, DirectoryConfig>,
    /// What the manager may place here.
    pub capacity: CapacityConfig,
    /// What the whole process may take of a Windows machine.
    pub caps: CapsConfig,
    /// When this worker takes work.
    pub availability: AvailabilityConfig,
}

/// A value that makes no sense, named by its key.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Of the sockets.
    #[error(transparent)]
    Server(#[from] ServerConfigError),
    /// Of the ceilings.
    #[error(transparent)]
    Ceilings(#[from] CeilingsError),
    /// Of the sandboxes.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// Of the sandboxes, which take more memory than there is.
    #[error(transparent)]
    Fit(#[from] FitError),
    /// Of the caps.
    #[error(transparent)]
    Caps(#[from] CapsConfigError),
    /// The key for secrets.
    #[error("STEADING_STATE_KEY cannot be used")]
    StateKey(#[source] KeyError),
    /// Of the labels.
    #[error("{0}")]
    Labels(String),
    /// A number out of its range.
    #[error("{key} is not within {min} to {max}")]
    Range {
        /// The key.
        key: &'static str,
        /// The least.
        min: u64,
        /// The most.
        max: u64,
    },
}

impl Default for Config {
    fn default() -> Self {
        Self {
            name: machine_name(),
            listen: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 7071)),
            control: SocketAddr::from((Ipv4Addr::LOCALHOST, 7072)),
            url: None,
            manager: Url::parse("http://127.0.0.1:7070").expect("the default URL is one"),
            state_dir: PathBuf::from(".steading/worker"),
            labels: Labels::new(),
            join_token: None,
            state_key: None,
            engine: EngineConfig::default(),
            server: ServerConfig::default(),
            ceilings: CeilingsConfig::default(),
            outbound: OutboundConfig::default(),
            directories: BTreeMap::new(),
            capacity: CapacityConfig::default(),
            caps: CapsConfig::default(),
            availability: AvailabilityConfig::default(),
        }
    }
}

impl Config {
    /// Finds what makes no sense, or does not fit the memory of this container or machine, before anything
    /// is bound or made.
    pub fn check(&self) -> Result<(), ConfigError> {
        self.fitted(self.memory()).map(drop)
    }

    /// What there is for the worker, with the cap that it is about to put on itself.
    pub(crate) fn memory(&self) -> Memory {
        let cap = self.caps.memory_mib.map(|mib| u64::from(mib) << 20);
        Memory::look().within(cap, Bound::Caps)
    }

    /// The sandboxes as they fit the memory.
    pub(crate) fn fitted(&self, memory: Memory) -> Result<EngineConfig, ConfigError> {
        self.server.check()?;
        self.engine.check()?;
        self.caps.check()?;
        let state_key = self.state_key.as_ref().map(Keys::parse).transpose();
        state_key.map_err(ConfigError::StateKey)?;
        if let Some(fault) = label_fault("labels", &self.labels) {
            return Err(ConfigError::Labels(fault));
        }
        if let Some(key) = self.capacity.fault() {
            return Err(ConfigError::Range { key, min: 1, max: u64::from(u32::MAX) });
        }
        if let Some((key, min, max)) = self.outbound.fault().or_else(|| self.availability.fault()) {
            return Err(ConfigError::Range { key, min, max });
        }
        let engine = self.engine.fitted(Room::of(memory, self.capacity.memory_mib))?;
        Ceilings::new(self.ceilings, engine.memory_mib())?;
        Ok(engine)
    }
}

/// The machine's name as its shell or kernel tells it; `worker` where neither does.
fn machine_name() -> String {
    let from_environment =
        ["COMPUTERNAME", "HOSTNAME"].into_iter().find_map(|key| std::env::var(key).ok());
    from_environment
        .or_else(|| std::fs::read_to_string("/proc/sys/kernel/hostname").ok())
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "worker".to_owned())
}
