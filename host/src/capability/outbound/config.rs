//! What an operator sets for requests that functions send.

use std::path::PathBuf;

use serde::Deserialize;

/// The `[outbound]` table of `worker.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OutboundConfig {
    /// Certificates (PEM) of authorities that are trusted beside the system's.
    pub ca_file: Option<PathBuf>,
    /// Open connections of the worker.
    pub connections_max: u32,
    /// Open connections of one version of an app.
    pub app_connections_max: u32,
    /// Open connections of one invocation.
    pub invocation_connections_max: u32,
    /// What one invocation sends and receives on all of them together, MiB.
    pub invocation_mib_max: u32,
    /// The time that looking a name up, connecting and setting up TLS may take together.
    pub connect_ms_max: u64,
}

impl Default for OutboundConfig {
    fn default() -> Self {
        Self {
            ca_file: None,
            // each is a file descriptor and some 100 KiB at worst
            connections_max: 1000,
            // so that one app with a slow backend leaves the others most of them
            app_connections_max: 200,
            // a function that asks many at once; more than that is a scanner
            invocation_connections_max: 16,
            // as much as a request and a response may have together by default
            invocation_mib_max: 200,
            connect_ms_max: 10_000,
        }
    }
}

impl OutboundConfig {
    /// The first key that makes no sense, with its range.
    pub(crate) fn fault(&self) -> Option<(&'static str, u64, u64)> {
        let counts = [
            ("outbound.connections_max", self.connections_max),
            ("outbound.app_connections_max", self.app_connections_max),
            ("outbound.invocation_connections_max", self.invocation_connections_max),
            ("outbound.invocation_mib_max", self.invocation_mib_max),
        ];
        let count = counts.into_iter().find(|(_, count)| !(1..=1_000_000).contains(count));
        if let Some((key, _)) = count {
            return Some((key, 1, 1_000_000));
        }
        let in_range = (1..=600_000).contains(&self.connect_ms_max);
        (!in_range).then_some(("outbound.connect_ms_max", 1, 600_000))
    }

    pub(super) fn invocation_bytes_max(&self) -> u64 {
        u64::from(self.invocation_mib_max) << 20
    }
}
