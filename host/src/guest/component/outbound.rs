//! What a component sends out: the one place that every outgoing request of a component passes, of either version
//! of WASI. It goes where its app may send requests, or the guest gets the error that `wasi:http` has for it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;

use http::Request;
use http_body_util::BodyExt as _;
use wasmtime_wasi_http::{Error, RequestOptions, Result, WasiBody, WasiHttpHooks};

use crate::capability::{Awaited, Capabilities, Limit, OutboundError, Patience};
use crate::guest::Conduit;
use crate::guest::outgoing::Outgoing;

/// The most that one write to a body may bring, bytes, and how many of them wait in a body: so much memory of the
/// worker each body can take.
const PIECE_BYTES_MAX: usize = 64 << 10;

/// Sends what one invocation sends out.
pub(super) struct Outbound(Arc<Outgoing>);

/// A response, and what becomes of the connection that it comes over.
type Sent = Result<(http::Response<WasiBody>, Box<dyn Future<Output = Result<()>> + Send>)>;

impl Outbound {
    pub(super) fn new(capabilities: &Capabilities, conduit: Arc<Conduit>) -> Self {
        Self(Arc::new(Outgoing::new(capabilities, conduit)))
    }

    /// Whether nothing that was sent is still waited for or read.
    pub(super) fn is_done(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }
}

impl WasiHttpHooks for Outbound {
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _processed: Box<dyn Future<Output = Result<()>> + Send>,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        let outgoing = Arc::clone(&self.0);
        let options = options.unwrap_or_default();
        let patience = Patience {
            connection: options.connect_timeout,
            response: options.first_byte_timeout,
            body: options.between_bytes_timeout,
        };
        let request = request.map(|body| body.map_err(io::Error::other).boxed_unsync());
        Box::new(async move {
            let sent = Box::pin(outgoing.send(request, patience)).await;
            let (response, driver) = sent.map_err(told)?;
            let driver: Pin<Box<dyn Future<Output = Result<()>> + Send>> =
                Box::pin(async move { driver.await.map_err(told) });
            let broken = move |error| {
                outgoing.broken(&error);
                told(error)
            };
            Ok((response.map(|body| body.map_err(broken).boxed_unsync()), Box::new(driver) as _))
        })
    }

    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        PIECE_BYTES_MAX
    }

    fn p3_outgoing_body_chunk_size(&mut self) -> usize {
        PIECE_BYTES_MAX
    }
}

/// What the guest is told.
fn told(error: OutboundError) -> Error {
    match error {
        OutboundError::UrlInvalid(_) => Error::HttpRequestUriInvalid,
        OutboundError::MethodForbidden(_) => Error::HttpRequestMethodInvalid,
        OutboundError::Denied(_) => Error::HttpRequestDenied,
        OutboundError::AddressProhibited(_) => Error::DestinationIpProhibited,
        OutboundError::NameUnresolved(_) => Error::DnsError { rcode: None, info_code: None },
        OutboundError::Unreachable(error) => Error::Connect(error),
        OutboundError::Tls(error) => Error::Tls(error),
        OutboundError::TimedOut(Awaited::Connection) => Error::ConnectionTimeout,
        OutboundError::TimedOut(Awaited::Response) => Error::HttpResponseTimeout,
        OutboundError::TimedOut(Awaited::Body) => Error::ConnectionReadTimeout,
        OutboundError::LimitReached(Limit::Connections(_)) => Error::ConnectionLimitReached,
        OutboundError::LimitReached(Limit::Bytes(bytes_max)) => {
            Error::HttpResponseBodySize(Some(bytes_max))
        }
        OutboundError::Broken(error) => Error::Hyper(error),
    }
}
