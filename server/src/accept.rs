//! Accepts connections, bounds them, and hands their requests to a [`Service`].

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::connections::{Connections, Counted};
use crate::patience::{self, Activity, Asked, Heard, Overdue, Patience};
use crate::{HYPER_HEADERS_MAX, ServerConfig, Service};

/// The size of a request's head, bytes, with HTTP/1.1's line and headers together.
const HEAD_BYTES_MAX: usize = 64 << 10;
/// The streams one HTTP/2 connection may have open.
const STREAMS_MAX: u32 = 250;
/// The streams that a caller may have reset before they were looked at; past it the connection ends
/// (CVE-2023-44487). hyper's own default, named here because we rely on it.
const STREAMS_RESET_MAX: usize = 20;
/// How long to wait when a connection cannot be accepted: with no file handles left, trying at once only burns the processor.
pub(crate) const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Waits for the end of a [`serve`] that was told to stop, and logs how it went.
pub async fn drained(server: JoinHandle<usize>) {
    match server.await {
        Ok(0) => tracing::info!("Drained"),
        Ok(cut) => tracing::warn!(connections = cut, "Drain took too long, connections cut"),
        Err(error) => tracing::error!(%error, "Server ended badly"),
    }
}

/// Accepts connections until `stop`, then lets what is in flight end, for as long as the
/// configuration allows. Returns how many connections had to be cut.
pub async fn serve<S: Service>(
    listener: TcpListener,
    service: Arc<S>,
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
                    service.refused(full.code());
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

/// What the requests of one connection share.
struct Caller<S: Service> {
    service: Arc<S>,
    connection: S::Connection,
    activity: Arc<Activity>,
}

fn spawn<S: Service>(
    stream: TcpStream,
    counted: Counted,
    patience: Patience,
    builder: &Arc<auto::Builder<TokioExecutor>>,
    service: &Arc<S>,
    graceful: &GracefulShutdown,
) {
    let activity = Arc::new(Activity::default());
    let caller = Arc::new(Caller {
        service: Arc::clone(service),
        connection: service.connected(counted.peer()),
        activity: Arc::clone(&activity),
    });
    let call = hyper::service::service_fn(move |request: http::Request<_>| {
        let caller = Arc::clone(&caller);
        async move {
            let asked = Asked::new(Arc::clone(&caller.activity), request.version());
            let response = caller.service.call(&caller.connection, request).await;
            Ok::<_, std::convert::Infallible>(response.map(|body| asked.hold(body)))
        }
    });
    let stream = TokioIo::new(Heard::new(stream, Arc::clone(&activity)));
    let connection = graceful.watch(builder.serve_connection(stream, call).into_owned());
    let service = Arc::clone(service);
    tokio::spawn(async move {
        match patience::within(patience, &activity, connection).await {
            Ok(Ok(())) | Err(Overdue::Idle) => {}
            Ok(Err(error)) => {
                if let Some(code) = fault(&*error) {
                    service.refused(code);
                }
                tracing::debug!(error, "Connection ended");
            }
            Err(Overdue::Head) => service.refused("head_too_slow"),
        }
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
