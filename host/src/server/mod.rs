//! The worker's sockets: function calls on one port, the worker's own state on another.
//!
//! Not here: what a request means ([`service`] hands that on). Invariant: everything a caller can
//! make us hold has a bound: connections, the time to send a head, the size of a head.

mod control;
mod service;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use serde::Deserialize;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

pub(crate) use control::{ControlServer, ControlState};
pub(crate) use service::{Routes, Service};

/// What an operator sets for the sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServerConfig {
    /// Open connections; further ones wait in the kernel's backlog.
    pub connections_max: u32,
    /// The time a caller has to send a request's head, milliseconds.
    pub header_read_ms_max: u64,
    /// The time that requests in flight have to end when the worker is told to stop, milliseconds.
    pub drain_ms_max: u64,
}

impl Default for ServerConfig {
    /// 10,000 connections are about 200 MB of buffers at their fullest; 30 s drain is the default
    /// deadline of a function.
    fn default() -> Self {
        Self { connections_max: 10_000, header_read_ms_max: 10_000, drain_ms_max: 30_000 }
    }
}

/// The size of a request's head, bytes, with HTTP/1.1's line and headers together.
const HEAD_BYTES_MAX: usize = 64 << 10;
/// The streams one HTTP/2 connection may have open.
const STREAMS_MAX: u32 = 250;
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
    let connections = Arc::new(Semaphore::new(config.connections_max as usize));
    let graceful = GracefulShutdown::new();
    let builder = Arc::new(builder(config));
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &connections) => accepted,
            () = stop.cancelled() => break,
        };
        match accepted {
            Ok((stream, permit)) => spawn(stream, permit, &builder, &service, &graceful),
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
        Err(_elapsed) => config.connections_max as usize - connections.available_permits(),
    }
}

async fn accept(
    listener: &TcpListener,
    connections: &Arc<Semaphore>,
) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let permit = Arc::clone(connections).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _peer) = listener.accept().await?;
    // replies are written whole; waiting for more to send only delays them
    stream.set_nodelay(true)?;
    Ok((stream, permit))
}

fn builder(config: ServerConfig) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_millis(config.header_read_ms_max))
        .max_buf_size(HEAD_BYTES_MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(HEAD_BYTES_MAX as u32)
        .max_concurrent_streams(STREAMS_MAX)
        .keep_alive_interval(Duration::from_secs(20));
    builder
}

fn spawn(
    stream: TcpStream,
    permit: OwnedSemaphorePermit,
    builder: &Arc<auto::Builder<TokioExecutor>>,
    service: &Arc<Service>,
    graceful: &GracefulShutdown,
) {
    let calls = Arc::clone(service);
    let call = hyper::service::service_fn(move |request| {
        let service = Arc::clone(&calls);
        async move { Ok::<_, std::convert::Infallible>(service.call(request).await) }
    });
    let connection = builder.serve_connection(TokioIo::new(stream), call).into_owned();
    let connection = graceful.watch(connection);
    let open = service.connection_opened();
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(error, "Connection ended");
        }
        drop(open);
        drop(permit);
    });
}
