//! The worker's sockets: function calls on one port, the worker's own state on another.
//!
//! Not here: what a request means ([`service`] hands that on). Invariant: everything a caller can
//! make us hold has a bound: connections, the time to send a head, the size of a head, idle time.

mod connections;
mod control;
mod patience;
mod service;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use serde::Deserialize;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use self::connections::{Connections, Counted};
use self::patience::{Activity, Asked, Heard, Overdue, Patience};

pub(crate) use control::{ControlServer, ControlState};
pub(crate) use service::{HeadLimits, Routes, Service};

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
    /// Zero is no time and no room: nothing but the time to drain can be that.
    pub(crate) fn check(self) -> Result<(), ServerConfigError> {
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

/// The size of a request's head, bytes, with HTTP/1.1's line and headers together.
const HEAD_BYTES_MAX: usize = 64 << 10;
/// The streams one HTTP/2 connection may have open.
const STREAMS_MAX: u32 = 250;
/// The streams that a caller may have reset before they were looked at; past it the connection ends
/// (CVE-2023-44487). hyper's own default, named here because we rely on it.
const STREAMS_RESET_MAX: usize = 20;
/// What hyper parses without setting memory aside.
const HYPER_HEADERS_MAX: usize = 100;
/// How long to wait when a connection cannot be accepted: with no file handles left, trying at once only burns the processor.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A port that could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}")]
pub struct BindError {
    /// The address and port asked for.
    pub address: SocketAddr,
    /// What the system says.
    pub source: io::Error,
}

pub(crate) async fn bind(address: SocketAddr) -> Result<TcpListener, BindError> {
    TcpListener::bind(address).await.map_err(|source| BindError { address, source })
}

/// Accepts connections until `stop`, then lets what is in flight end, for as long as the
/// configuration allows. Returns how many connections had to be cut.
pub(crate) async fn serve(
    listener: TcpListener,
    service: Arc<Service>,
    config: ServerConfig,
    stop: CancellationToken,
) -> usize {
    let connections = Connections::new(config.connections_max, config.connections_per_address_max);
    let graceful = GracefulShutdown::new();
    let builder = Arc::new(builder(config));
    let patience = Patience {
        head: Duration::from_millis(config.header_read_ms_max),
        idle: Duration::from_millis(config.idle_ms_max),
    };
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener) => accepted,
            () = stop.cancelled() => break,
        };
        match accepted {
            Ok((stream, peer)) => match connections.open(peer) {
                Ok(counted) => spawn(stream, counted, patience, &builder, &service, &graceful),
                Err(full) => {
                    service.connection_refused(full.code());
                    full.answer(stream);
                }
            },
            Err(error) => {
                tracing::warn!(error = %error, "Connection cannot be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    let drained = graceful.shutdown();
    match tokio::time::timeout(Duration::from_millis(config.drain_ms_max), drained).await {
        Ok(()) => 0,
        Err(_elapsed) => connections.count(),
    }
}

async fn accept(listener: &TcpListener) -> io::Result<(TcpStream, IpAddr)> {
    let (stream, peer) = listener.accept().await?;
    // replies are written whole; waiting for more to send only delays them
    stream.set_nodelay(true)?;
    Ok((stream, peer.ip()))
}

fn builder(config: ServerConfig) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    // the time for a head is kept by `patience`
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(None::<Duration>)
        .max_buf_size(HEAD_BYTES_MAX);
    if config.headers_max != HYPER_HEADERS_MAX {
        builder.http1().max_headers(config.headers_max);
    }
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(HEAD_BYTES_MAX as u32)
        .max_concurrent_streams(STREAMS_MAX)
        .max_pending_accept_reset_streams(STREAMS_RESET_MAX)
        .keep_alive_interval(Duration::from_secs(20));
    builder
}

fn spawn(
    stream: TcpStream,
    counted: Counted,
    patience: Patience,
    builder: &Arc<auto::Builder<TokioExecutor>>,
    service: &Arc<Service>,
    graceful: &GracefulShutdown,
) {
    let activity = Arc::new(Activity::default());
    let (calls, doings) = (Arc::clone(service), Arc::clone(&activity));
    let call = hyper::service::service_fn(move |request: http::Request<_>| {
        let (service, doings) = (Arc::clone(&calls), Arc::clone(&doings));
        async move {
            let asked = Asked::new(doings, request.version());
            let response = service.call(request).await;
            Ok::<_, std::convert::Infallible>(response.map(|body| asked.hold(body)))
        }
    });
    let stream = TokioIo::new(Heard::new(stream, Arc::clone(&activity)));
    let connection = graceful.watch(builder.serve_connection(stream, call).into_owned());
    let (open, service) = (service.connection_opened(), Arc::clone(service));
    tokio::spawn(async move {
        match patience::within(patience, &activity, connection).await {
            Ok(Ok(())) | Err(Overdue::Idle) => {}
            Ok(Err(error)) => {
                if let Some(code) = fault(&*error) {
                    service.connection_refused(code);
                }
                tracing::debug!(error, "Connection ended");
            }
            Err(Overdue::Head) => service.connection_refused("head_too_slow"),
        }
        drop(open);
        drop(counted);
    });
}

/// The name of what a caller did wrong before there was a request; hyper has answered it.
fn fault(error: &(dyn std::error::Error + 'static)) -> Option<&'static str> {
    let error = error.downcast_ref::<hyper::Error>()?;
    match error {
        error if error.is_parse_too_large() => Some("head_too_large"),
        error if error.is_parse() => Some("request_malformed"),
        _ => None,
    }
}
