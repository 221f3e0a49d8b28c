//! What is sent back: a response whole, or one whose body drives the guest that writes it.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
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
    /// All of it is here, and ends with these.
    Trailed(Full<Bytes>, Option<HeaderMap>),
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
    pub(super) fn whole(head: ResponseHead, body: Bytes, trailers: Option<HeaderMap>) -> Self {
        let body = Full::new(body);
        let body = match trailers {
            None => ReplyBody::Whole(body),
            Some(_) => ReplyBody::Trailed(body, trailers),
        };
        Self { head, body }
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

    fn poll_frame(
        &self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, GuestError>>> {
        if let Some(left) = self.left() {
            return Poll::Ready(left.map(Ok));
        }
        let mut guest = lock(&self.guest);
        let driven = guest.drive(context);
        if let Some(left) = self.left() {
            return Poll::Ready(left.map(Ok));
        }
        ready!(driven);
        match std::mem::replace(&mut *guest, Guest::Ended) {
            // the head has left with a good status; breaking off is the only way left to say it
            Guest::Failed(fault) => Poll::Ready(Some(Err(fault))),
            Guest::Running(_) | Guest::Ended => Poll::Ready(None),
        }
    }

    /// What can be sent without the guest: a piece, the trailers, or the end, which is a `None` inside.
    fn left(&self) -> Option<Option<Frame<Bytes>>> {
        let outlet = &self.conduit.outlet;
        if let Some(piece) = outlet.take_pieces() {
            return Some(Some(Frame::data(piece)));
        }
        outlet.is_ended().then(|| outlet.take_trailers().map(Frame::trailers))
    }
}

impl Drop for Streamed {
    fn drop(&mut self) {
        self.overdue.abort();
        let guest = Arc::clone(&self.guest);
        if self.conduit.outlet.is_ended() && lock(&guest).is_running() {
            tokio::spawn(poll_fn(move |context| lock(&guest).drive(context)));
        }
    }
}

impl Guest {
    fn is_running(&self) -> bool {
        matches!(self, Self::Running(_))
    }

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
            Self::Trailed(body, trailers) => {
                let frame = ready!(Pin::new(body).poll_frame(context));
                let frame = frame.map(|frame| frame.unwrap_or_else(|never| match never {}));
                Poll::Ready(frame.or_else(|| trailers.take().map(Frame::trailers)).map(Ok))
            }
            Self::Streamed(body) => body.poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(body) if body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(body) => body.size_hint(),
            Self::Trailed(..) | Self::Streamed(_) => SizeHint::default(),
        }
    }
}

impl From<Bytes> for ReplyBody {
    fn from(bytes: Bytes) -> Self {
        Self::Whole(Full::new(bytes))
    }
}
