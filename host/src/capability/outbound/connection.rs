//! One connection for one request: opened to an address that was checked, spoken HTTP/1.1 on, and closed.
//!
//! Connections are not kept for later requests. One that is kept was checked for another request, perhaps under
//! another rule or by another app; opening a new one costs a round trip and makes the question go away.

use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::error::{Awaited, OutboundError};
use super::held::Held;
use super::{Driver, RequestBody};

/// The most headers of a response, and the most bytes of its head.
const HEADERS_MAX: usize = 128;
const HEAD_BYTES_MAX: usize = 128 << 10;

/// A response's body as it comes in.
pub(crate) struct ResponseBody {
    incoming: Incoming,
    between: Option<(Duration, Pin<Box<Sleep>>)>,
}

/// Connects to the first of these addresses that takes it; each gets its share of the time that is left.
pub(super) async fn opened(
    addresses: &[SocketAddr],
    until: Instant,
) -> Result<TcpStream, OutboundError> {
    let mut failed = OutboundError::TimedOut(Awaited::Connection);
    for (address, left) in addresses.iter().zip((1..=addresses.len()).rev()) {
        let time = until.saturating_duration_since(Instant::now());
        let share = time / u32::try_from(left).unwrap_or(u32::MAX);
        match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                // requests are written in one go, and a piece of a body should not wait for the next
                stream.set_nodelay(true).map_err(OutboundError::Unreachable)?;
                return Ok(stream);
            }
            Ok(Err(error)) => failed = OutboundError::Unreachable(error),
            Err(_) => failed = OutboundError::TimedOut(Awaited::Connection),
        }
    }
    Err(failed)
}

/// Sends a request and waits for the head of the response. The body of the one and of the other pass as long as
/// somebody polls the driver.
pub(super) async fn exchanged(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<RequestBody>,
    (held, stop): (Held, CancellationToken),
) -> Result<(Response<Incoming>, Driver), OutboundError> {
    let mut builder = http1::Builder::new();
    builder.max_headers(HEADERS_MAX).max_buf_size(HEAD_BYTES_MAX);
    let made = builder.handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = made.map_err(OutboundError::of)?;
    let mut driver: Driver = Box::pin(async move {
        let _held = held;
        let ended = stop.run_until_cancelled(connection).await;
        ended.unwrap_or(Ok(())).map_err(OutboundError::of)
    });
    let mut sending = pin!(sender.send_request(request));
    let response = tokio::select! {
        response = &mut sending => response,
        ended = &mut driver => {
            ended?;
            driver = Box::pin(std::future::ready(Ok(())));
            sending.await
        }
    };
    Ok((response.map_err(OutboundError::of)?, driver))
}

impl ResponseBody {
    /// A body that may pause for no longer than this.
    pub(super) fn new(incoming: Incoming, between: Option<Duration>) -> Self {
        let between = between.map(|time| (time, Box::pin(tokio::time::sleep(time))));
        Self { incoming, between }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = OutboundError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, OutboundError>>> {
        let polled = Pin::new(&mut self.incoming).poll_frame(context);
        let Some((time, sleep)) = &mut self.between else {
            return polled.map_err(OutboundError::of);
        };
        if polled.is_ready() {
            sleep.as_mut().reset(tokio::time::Instant::now() + *time);
            return polled.map_err(OutboundError::of);
        }
        match sleep.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Some(Err(OutboundError::TimedOut(Awaited::Body)))),
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
