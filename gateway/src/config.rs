//! What an operator sets for a gateway.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use serde::Deserialize;
use steading_protocol::Secret;
use steading_server::{ServerConfig, ServerConfigError};
use url::Url;

use crate::Network;

/// Everything a gateway is started with; read from TOML, unknown keys are errors.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where callers are answered.
    pub listen: SocketAddr,
    /// Where `/live`, `/ready` and `/metrics` are answered; loopback unless told otherwise, because
    /// metrics name every app.
    pub control: SocketAddr,
    /// The manager that knows what is ready where.
    pub manager: Url,
    /// Where the last routes are kept, for a start without a manager.
    pub state_dir: PathBuf,
    /// Callers whose own `X-Forwarded-*` headers are believed and added to; those of all others are
    /// replaced.
    pub trust_forwarded_from: Vec<Network>,
    /// The join token, or an API token; from the environment or a file, never from TOML.
    #[serde(skip)]
    pub token: Option<Secret>,
    /// The sockets that callers reach.
    pub server: ServerConfig,
    /// The connections to workers.
    pub upstream: UpstreamConfig,
}

/// What an operator sets for the connections to workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UpstreamConfig {
    /// The time to connect to a worker, milliseconds.
    pub connect_ms_max: u64,
    /// How long a worker may be silent within a reply, or before it, milliseconds.
    pub silence_ms_max: u64,
    /// Failures in a row after which a worker is left alone until it answers a probe.
    pub eject_after: u32,
}

/// A number under which nothing would be answered.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Of the sockets.
    #[error(transparent)]
    Server(#[from] ServerConfigError),
    /// Of the connections to workers; names the key.
    #[error("upstream.{0} = 0 would let nothing be answered")]
    Upstream(&'static str),
}

impl Default for UpstreamConfig {
    /// Workers are near: one that has not taken a connection within 2 s is not there. The longest deadline
    /// of a function is an hour, and the worker keeps it, so silence for longer means that the worker
    /// is gone. Three failures in a row are no accident.
    fn default() -> Self {
        Self { connect_ms_max: 2_000, silence_ms_max: 3_660_000, eject_after: 3 }
    }
}

impl UpstreamConfig {
    fn check(self) -> Result<(), ConfigError> {
        let zeroes = [
            ("connect_ms_max", self.connect_ms_max == 0),
            ("silence_ms_max", self.silence_ms_max == 0),
            ("eject_after", self.eject_after == 0),
        ];
        match zeroes.into_iter().find(|(_, zero)| *zero) {
            Some((key, _)) => Err(ConfigError::Upstream(key)),
            None => Ok(()),
        }
    }
}

impl Config {
    /// Whether it makes sense; to be found out before anything is bound.
    pub fn check(&self) -> Result<(), ConfigError> {
        self.server.check()?;
        self.upstream.check()
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 7080)),
            control: SocketAddr::from((Ipv4Addr::LOCALHOST, 7081)),
            manager: Url::parse("http://127.0.0.1:7070").expect("the default URL is one"),
            state_dir: PathBuf::from(".steading/gateway"),
            trust_forwarded_from: vec![],
            token: None,
            server: ServerConfig::default(),
            upstream: UpstreamConfig::default(),
        }
    }
}
