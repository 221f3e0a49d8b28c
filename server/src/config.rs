//! What an operator sets for the sockets; the same keys for every role that callers reach.

use serde::Deserialize;

use crate::HeadLimits;

/// What hyper parses without setting memory aside.
pub(crate) const HYPER_HEADERS_MAX: usize = 100;

/// What an operator sets for the sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServerConfig {
    /// Open connections; further ones are answered with 503 and closed.
    pub connections_max: u32,
    /// Open connections of one address (of one /64 in IPv6).
    pub connections_per_address_max: u32,
    /// The time a caller has to send a request's head, milliseconds.
    pub header_read_ms_max: u64,
    /// How long a connection is kept that does nothing, milliseconds.
    pub idle_ms_max: u64,
    /// The headers of one request.
    pub headers_max: usize,
    /// A request's path and query, bytes.
    pub uri_bytes_max: usize,
    /// The time that requests in flight have to end when the worker is told to stop, milliseconds.
    pub drain_ms_max: u64,
}

impl Default for ServerConfig {
    /// 10,000 connections are about 200 MB of buffers at their fullest, and half of them are more than
    /// any honest machine opens; 60 s idle is what browsers and proxies expect; 100 headers are
    /// hyper's and 8 KiB of URI nginx's limit; 30 s drain is the default deadline of a function.
    fn default() -> Self {
        Self {
            connections_max: 10_000,
            connections_per_address_max: 5_000,
            header_read_ms_max: 10_000,
            idle_ms_max: 60_000,
            headers_max: HYPER_HEADERS_MAX,
            uri_bytes_max: 8 << 10,
            drain_ms_max: 30_000,
        }
    }
}

/// A number that would refuse every connection.
#[derive(Debug, thiserror::Error)]
#[error("server.{0} = 0 would let nobody in")]
pub struct ServerConfigError(&'static str);

impl ServerConfig {
    /// What a service checks of every head.
    pub fn head_limits(self) -> HeadLimits {
        HeadLimits { uri_bytes_max: self.uri_bytes_max, headers_max: self.headers_max }
    }

    /// Zero is no time and no room: nothing but the time to drain can be that.
    pub fn check(self) -> Result<(), ServerConfigError> {
        let zeroes = [
            ("connections_max", self.connections_max == 0),
            ("connections_per_address_max", self.connections_per_address_max == 0),
            ("header_read_ms_max", self.header_read_ms_max == 0),
            ("idle_ms_max", self.idle_ms_max == 0),
            ("headers_max", self.headers_max == 0),
            ("uri_bytes_max", self.uri_bytes_max == 0),
        ];
        match zeroes.into_iter().find(|(_, zero)| *zero) {
            Some((key, _)) => Err(ServerConfigError(key)),
            None => Ok(()),
        }
    }
}
