//! The body that a caller gets: one that a worker still sends, or one that is here.
//!
//! Whoever sends the body to the caller drives the worker's connection, so a slow caller slows the
//! worker, and a caller that goes away drops the connection, which ends the invocation.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};

use crate::line::{Line, LineError};
use crate::upstream::InFlight;

/// A response's body.
pub(crate) enum ReplyBody {
    /// All of it is here.
    Whole(Option<Bytes>),
    /// A worker sends it.
    Streamed(Box<Streamed>),
}

/// A body that comes over a worker's connection.
pub(crate) struct Streamed {
    /// What came together with the head.
    first: Option<Result<Frame<Bytes>, LineError>>,
    body: Incoming,
    line: Option<Box<Line>>,
    in_flight: InFlight,
}

impl Streamed {
    pub(crate) fn new(
        first: Option<Result<Frame<Bytes>, LineError>>,
        body: Incoming,
        line: Box<Line>,
        in_flight: InFlight,
    ) -> Self {
        Self { first, body, line: Some(line), in_flight }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, LineError>>> {
        let Some(line) = &mut self.line else { return Poll::Ready(None) };
        let frame = match self.first.take() {
            Some(first) => Some(first),
            None => ready!(line.poll_frame(&mut self.body, context)),
        };
        match &frame {
            Some(Ok(_)) if !self.body.is_end_stream() => {}
            Some(Ok(_)) | None => {
                // the connection is free before the caller has the last of it
                if let Some(line) = self.line.take() {
                    self.in_flight.0.put_back(line);
                }
            }
            Some(Err(error)) => {
                let worker = &self.in_flight.0.worker;
                tracing::warn!(%worker, error = %error, "Reply broke off");
                self.line = None;
            }
        }
        Poll::Ready(frame)
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = LineError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, LineError>>> {
        match &mut *self {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Streamed(body) => body.poll(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_none(),
            Self::Streamed(body) => body.line.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            // with the length unsaid here, that of the head counts
            Self::Streamed(_) => SizeHint::default(),
        }
    }
}

impl From<Bytes> for ReplyBody {
    fn from(bytes: Bytes) -> Self {
        Self::Whole((!bytes.is_empty()).then_some(bytes))
    }
}
