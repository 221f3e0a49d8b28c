//! The way out for a response that is written in pieces: the guest's side puts in, whoever sends
//! the response takes out. Bounded, so that a slow caller slows the guest and fills nothing.
//!
//! No wakers in here: the one who takes out is the one who polls the guest, so a guest that waits for room
//! is polled again right after there is some.

use std::future::poll_fn;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;

use super::ResponseHead;

/// What may wait to be sent, bytes: enough for full TCP segments and few system calls, little enough
/// for a thousand slow callers.
const WAITING_BYTES_MAX: usize = 64 << 10;

/// A response on its way out.
#[derive(Debug, Default)]
pub(crate) struct Outlet(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    head: Option<ResponseHead>,
    status: u16,
    pieces: BytesMut,
    ended: bool,
    trailers: Option<HeaderMap>,
}

impl Outlet {
    /// Puts in the head; pieces may follow.
    pub(super) fn start(&self, head: ResponseHead) {
        let mut waiting = self.lock();
        waiting.status = head.status.as_u16();
        waiting.head = Some(head);
    }

    /// Puts in a piece, waiting for room as often as it takes.
    pub(super) async fn write(&self, mut piece: &[u8]) {
        while !piece.is_empty() {
            let put = poll_fn(|_| match self.put(piece) {
                0 => Poll::Pending,
                count => Poll::Ready(count),
            });
            piece = &piece[put.await..];
        }
    }

    /// Nothing will be put in any more but these; the guest may go on.
    pub(super) fn end(&self, trailers: Option<HeaderMap>) {
        let mut waiting = self.lock();
        waiting.ended = true;
        waiting.trailers = trailers;
    }

    /// Takes back what has not left yet: there is to be no response.
    pub(super) fn clear(&self) {
        *self.lock() = Waiting::default();
    }

    /// Takes out the head, once.
    pub(crate) fn take_head(&self) -> Option<ResponseHead> {
        self.lock().head.take()
    }

    /// The status of the head that was put in; 0 before.
    pub(crate) fn status(&self) -> u16 {
        self.lock().status
    }

    /// Takes out everything that waits; `None` when nothing does.
    pub(crate) fn take_pieces(&self) -> Option<Bytes> {
        let mut waiting = self.lock();
        (!waiting.pieces.is_empty()).then(|| waiting.pieces.split().freeze())
    }

    /// Takes out the trailers, once.
    pub(crate) fn take_trailers(&self) -> Option<HeaderMap> {
        self.lock().trailers.take()
    }

    /// Whether the guest has said that nothing more will be put in.
    pub(crate) fn is_ended(&self) -> bool {
        self.lock().ended
    }

    /// How many bytes can be put in without waiting.
    pub(super) fn room(&self) -> usize {
        WAITING_BYTES_MAX - self.lock().pieces.len()
    }

    /// Puts in as much of a piece as there is room for, and says how much.
    pub(super) fn put(&self, piece: &[u8]) -> usize {
        let mut waiting = self.lock();
        let count = piece.len().min(WAITING_BYTES_MAX - waiting.pieces.len());
        waiting.pieces.extend_from_slice(&piece[..count]);
        count
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // nothing in here can be left half-done
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Waker};

    use super::*;

    #[test]
    fn a_writer_waits_until_what_is_there_was_taken() {
        let outlet = Outlet::default();
        let long = vec![7; WAITING_BYTES_MAX + 1];
        let mut writing = pin!(outlet.write(&long));
        let mut context = Context::from_waker(Waker::noop());
        assert!(writing.as_mut().poll(&mut context).is_pending());
        assert!(writing.as_mut().poll(&mut context).is_pending());
        assert_eq!(outlet.take_pieces().unwrap().len(), WAITING_BYTES_MAX);
        assert!(writing.as_mut().poll(&mut context).is_ready());
        assert_eq!(outlet.take_pieces().unwrap().len(), 1);
        assert!(outlet.take_pieces().is_none());
    }
}
