//! What is sent back: a response whole, or one whose body drives the guest that writes it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;

use crate::guest::{Answer, Conduit, GuestError, ResponseHead};

/// A running call.
pub(super) type Call = Pin<Box<dyn Future<Output = Result<Answer, GuestError>> + Send>>;

/// A response.
pub(crate) struct Reply {
    pub(crate) head: ResponseHead,
    pub(crate) body: ReplyBody,
}

/// A response's body.
pub(crate) enum ReplyBody {
    /// All of it is here.
    Whole(Full<Bytes>),
    /// The guest still writes it.
    Streamed(Streamed),
}

/// A body that a running guest writes. Dropping it ends the guest.
pub(crate) struct Streamed {
    call: Option<Call>,
    conduit: Arc<Conduit>,
}

impl Reply {
    pub(super) fn whole(head: ResponseHead, body: Bytes) -> Self {
        Self { head, body: ReplyBody::Whole(Full::new(body)) }
    }
}

impl Streamed {
    pub(super) fn new(call: Call, conduit: Arc<Conduit>) -> Self {
        Self { call: Some(call), conduit }
    }

    fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, GuestError>>> {
        loop {
            if let Some(piece) = self.conduit.outlet.take_pieces() {
                return Poll::Ready(Some(Ok(piece)));
            }
            let Some(call) = &mut self.call else { return Poll::Ready(None) };
            match call.as_mut().poll(context) {
                Poll::Ready(Ok(_)) => self.call = None,
                // the head has left with a good status; breaking off is the only way left to say it
                Poll::Ready(Err(fault)) => {
                    self.call = None;
                    return Poll::Ready(Some(Err(fault)));
                }
                Poll::Pending => {
                    return match self.conduit.outlet.take_pieces() {
                        Some(piece) => Poll::Ready(Some(Ok(piece))),
                        None => Poll::Pending,
                    };
                }
            }
        }
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = GuestError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, GuestError>>> {
        match &mut *self {
            Self::Whole(body) => {
                let frame = ready!(Pin::new(body).poll_frame(context));
                Poll::Ready(frame.map(|frame| frame.map_err(|never| match never {})))
            }
            Self::Streamed(body) => {
                let piece = ready!(body.poll_piece(context));
                Poll::Ready(piece.map(|piece| piece.map(Frame::data)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(body) if body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(body) => body.size_hint(),
            Self::Streamed(_) => SizeHint::default(),
        }
    }
}

impl From<Bytes> for ReplyBody {
    fn from(bytes: Bytes) -> Self {
        Self::Whole(Full::new(bytes))
    }
}
