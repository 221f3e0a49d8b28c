//! What is sent back: a response whole, or one whose body drives the guest that writes it.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

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
///
/// A guest is driven by whoever sends the body, and nobody sends to a caller that has stopped reading.
/// So a task of its own drives the guest once more when its deadline has passed, which is what ends it.
pub(crate) struct Streamed {
    guest: Arc<Mutex<Guest>>,
    conduit: Arc<Conduit>,
    overdue: JoinHandle<()>,
}

/// What has become of the guest.
enum Guest {
    Running(Call),
    Failed(GuestError),
    Ended,
}

/// How long after its deadline a guest is driven by that task: whoever sends to a caller that does read
/// comes first.
const OVERDUE_AFTER: Duration = Duration::from_millis(50);

impl Reply {
    pub(super) fn whole(head: ResponseHead, body: Bytes) -> Self {
        Self { head, body: ReplyBody::Whole(Full::new(body)) }
    }
}

impl Streamed {
    pub(super) fn new(call: Call, conduit: Arc<Conduit>, deadline: Instant) -> Self {
        let guest = Arc::new(Mutex::new(Guest::Running(call)));
        let watched = Arc::clone(&guest);
        let overdue = tokio::spawn(async move {
            sleep_until(deadline + OVERDUE_AFTER).await;
            poll_fn(|context| lock(&watched).drive(context)).await;
        });
        Self { guest, conduit, overdue }
    }

    fn poll_piece(&self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, GuestError>>> {
        if let Some(piece) = self.conduit.outlet.take_pieces() {
            return Poll::Ready(Some(Ok(piece)));
        }
        let mut guest = lock(&self.guest);
        let driven = guest.drive(context);
        if let Some(piece) = self.conduit.outlet.take_pieces() {
            return Poll::Ready(Some(Ok(piece)));
        }
        ready!(driven);
        match std::mem::replace(&mut *guest, Guest::Ended) {
            // the head has left with a good status; breaking off is the only way left to say it
            Guest::Failed(fault) => Poll::Ready(Some(Err(fault))),
            Guest::Running(_) | Guest::Ended => Poll::Ready(None),
        }
    }
}

impl Drop for Streamed {
    fn drop(&mut self) {
        self.overdue.abort();
    }
}

impl Guest {
    /// Lets the guest go on; ready when it has ended.
    fn drive(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Self::Running(call) = self else { return Poll::Ready(()) };
        *self = match ready!(call.as_mut().poll(context)) {
            Ok(_) => Self::Ended,
            Err(fault) => Self::Failed(fault),
        };
        Poll::Ready(())
    }
}

fn lock(guest: &Mutex<Guest>) -> MutexGuard<'_, Guest> {
    // poisoned by a panic while the guest was driven, which leaves it running and to be dropped
    guest.lock().unwrap_or_else(PoisonError::into_inner)
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
