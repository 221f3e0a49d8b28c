//! A role's own state: `/live`, `/ready` and `/metrics`, on a thread and a runtime of their own,
//! so that they answer however busy the others are.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio_util::sync::CancellationToken;

use crate::BindError;
use crate::accept::ACCEPT_PAUSE;
use crate::bind::open;

/// What the endpoints tell.
pub trait Control: Send + Sync + 'static {
    /// Nothing when requests should be sent here, or else why not, for people.
    fn ready(&self) -> Result<(), String>;
    /// The metrics, in the OpenMetrics text format.
    fn metrics(&self) -> String;
}

/// The running control server; stops when dropped.
pub struct ControlServer {
    address: SocketAddr,
    stop: CancellationToken,
}

/// A control request is one short head; whoever takes longer is no probe.
const HEADER_READ: std::time::Duration = std::time::Duration::from_secs(5);
/// Probes and scrapers are few.
const CONNECTIONS_MAX: usize = 64;

impl ControlServer {
    /// Binds and starts to answer.
    pub fn start(address: SocketAddr, state: Arc<impl Control>) -> Result<Self, BindError> {
        let failed = |source| BindError { address, source };
        let listener = open(address).map_err(failed)?;
        let bound = listener.local_addr().map_err(failed)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(failed)?;
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let run = move || {
            runtime.block_on(stopped.run_until_cancelled_owned(accept(listener, state)));
        };
        std::thread::Builder::new().name("steading-control".into()).spawn(run).map_err(failed)?;
        Ok(Self { address: bound, stop })
    }

    /// Where it answers.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for ControlServer {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn accept(listener: std::net::TcpListener, state: Arc<impl Control>) {
    let listener = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => {
            tracing::error!(error = %error, "Control port cannot be served");
            return;
        }
    };
    let connections = Arc::new(tokio::sync::Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(permit) = Arc::clone(&connections).acquire_owned().await else { return };
        let Ok((stream, _peer)) = listener.accept().await else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let state = Arc::clone(&state);
        let answer = hyper::service::service_fn(move |request| {
            let response = respond(&*state, &request);
            async move { Ok::<_, std::convert::Infallible>(response) }
        });
        let mut http = hyper::server::conn::http1::Builder::new();
        let connection = http
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_READ)
            .serve_connection(TokioIo::new(stream), answer);
        tokio::spawn(async move {
            // a probe that breaks off is none of our concern
            let _ = connection.await;
            drop(permit);
        });
    }
}

fn respond(state: &impl Control, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return plain(StatusCode::METHOD_NOT_ALLOWED, "only GET");
    }
    match request.uri().path() {
        "/live" => plain(StatusCode::OK, "live"),
        "/ready" => match state.ready() {
            Ok(()) => plain(StatusCode::OK, "ready"),
            Err(why) => plain(StatusCode::SERVICE_UNAVAILABLE, why),
        },
        "/metrics" => metrics(state),
        _ => plain(StatusCode::NOT_FOUND, "there are /live, /ready and /metrics"),
    }
}

fn metrics(state: &impl Control) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(state.metrics()));
    let kind =
        HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

fn plain(status: StatusCode, text: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(text.into()));
    *response.status_mut() = status;
    response
}
