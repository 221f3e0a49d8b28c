//! A request's body on its way to a worker, of which the beginning is kept, so that another worker can
//! get all of it while it is short.
//!
//! A caller that waits for `100 Continue` is asked for its body only when the worker asks: hyper says
//! `100` to the caller when the body is first read, so reading waits for the worker's `100`, or for
//! [`CONTINUE_AFTER`], because a worker need not send one. Invariant: a body is sent again from its first byte
//! or not at all.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::Sleep;

/// What is kept of one body, bytes: JSON of usual length, and little enough for every connection at
/// once to have it.
const KEPT_BYTES_MAX: usize = 64 << 10;

/// How long a worker's `100 Continue` is waited for; curl waits as long for ours.
const CONTINUE_AFTER: Duration = Duration::from_secs(1);

/// A body that may be sent more than once.
#[derive(Clone, Default)]
pub(crate) struct Resend(Option<Arc<Mutex<Source>>>);

/// The caller's side.
struct Source {
    incoming: Incoming,
    whole: SizeHint,
    kept: Vec<Bytes>,
    kept_bytes: usize,
    /// More has passed than is kept.
    is_gone: bool,
    has_ended: bool,
}

/// One sending of it.
pub(crate) struct Sending {
    source: Option<Arc<Mutex<Source>>>,
    /// The next of the kept pieces.
    next: usize,
    gate: Option<Pin<Box<Gate>>>,
}

/// Holds a body back until the worker asks for it.
struct Gate {
    asked: Arc<Asked>,
    timer: Pin<Box<Sleep>>,
}

/// Whether the worker has asked for the body.
#[derive(Debug, Default)]
pub(crate) struct Asked(Mutex<(bool, Option<Waker>)>);

impl Resend {
    /// Takes a caller's body; nothing is set aside for one that is empty.
    pub(crate) fn new(incoming: Incoming) -> Self {
        if incoming.is_end_stream() {
            return Self(None);
        }
        let whole = incoming.size_hint();
        let source = Source {
            incoming,
            whole,
            kept: vec![],
            kept_bytes: 0,
            is_gone: false,
            has_ended: false,
        };
        Self(Some(Arc::new(Mutex::new(source))))
    }

    /// Whether all of it can be sent, once more or for the first time.
    pub(crate) fn is_whole(&self) -> bool {
        self.0.as_ref().is_none_or(|source| !lock(source).is_gone)
    }

    /// Whether the caller has sent all of it, or there was nothing to send.
    pub(crate) fn has_ended(&self) -> bool {
        self.0.as_ref().is_none_or(|source| {
            let source = lock(source);
            source.has_ended || source.incoming.is_end_stream()
        })
    }

    /// Sends it from its first byte; with `asked`, once that is so.
    pub(crate) fn send(&self, asked: Option<Arc<Asked>>) -> Sending {
        let gate = asked.filter(|_| self.0.is_some()).map(|asked| {
            let timer = Box::pin(tokio::time::sleep(CONTINUE_AFTER));
            Box::pin(Gate { asked, timer })
        });
        Sending { source: self.0.clone(), next: 0, gate }
    }
}

impl Source {
    fn poll_next(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.incoming).poll_frame(context));
        match &frame {
            None => self.has_ended = true,
            Some(Ok(frame)) => match frame.data_ref() {
                Some(bytes) => self.keep(bytes),
                // trailers are rare enough not to be kept
                None => self.forget(),
            },
            Some(Err(_)) => self.forget(),
        }
        Poll::Ready(frame)
    }

    fn keep(&mut self, bytes: &Bytes) {
        self.kept_bytes += bytes.len();
        if self.kept_bytes > KEPT_BYTES_MAX {
            self.forget();
        } else if !self.is_gone {
            self.kept.push(bytes.clone());
        }
    }

    fn forget(&mut self) {
        self.is_gone = true;
        self.kept.clear();
    }
}

impl Asked {
    /// The worker asks.
    pub(crate) fn ask(&self) {
        let mut asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        asked.0 = true;
        if let Some(waker) = asked.1.take() {
            waker.wake();
        }
    }

    fn poll(&self, context: &Context<'_>) -> Poll<()> {
        let mut asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if asked.0 {
            return Poll::Ready(());
        }
        asked.1 = Some(context.waker().clone());
        Poll::Pending
    }
}

impl Body for Sending {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let this = &mut *self;
        if let Some(gate) = &mut this.gate {
            if gate.asked.poll(context).is_pending() {
                ready!(gate.timer.as_mut().poll(context));
            }
            this.gate = None;
        }
        let Some(source) = &this.source else { return Poll::Ready(None) };
        let mut source = lock(source);
        if let Some(piece) = source.kept.get(this.next) {
            this.next += 1;
            return Poll::Ready(Some(Ok(Frame::data(piece.clone()))));
        }
        if source.has_ended {
            return Poll::Ready(None);
        }
        let frame = ready!(source.poll_next(context));
        this.next = source.kept.len();
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.source.as_ref().is_none_or(|source| {
            let source = lock(source);
            self.next >= source.kept.len() && (source.has_ended || source.incoming.is_end_stream())
        })
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            None => SizeHint::with_exact(0),
            // hyper asks before the first byte
            Some(source) => lock(source).whole,
        }
    }
}

fn lock(source: &Mutex<Source>) -> MutexGuard<'_, Source> {
    source.lock().unwrap_or_else(PoisonError::into_inner)
}
