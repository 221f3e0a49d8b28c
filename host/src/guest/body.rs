//! A request's body as a guest reads it: in pieces, bounded, and never held whole by the worker. What a
//! guest leaves unread is given back, because the connection cannot go on before it is out of the way.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use hyper::body::{Body, Frame, Incoming};
use tokio::sync::oneshot::{self, error::TryRecvError};

/// A body that is read once, from front to back.
pub(crate) struct RequestBody {
    stream: Option<Incoming>,
    /// Whom to give an unfinished stream.
    rest: Option<oneshot::Sender<Incoming>>,
    failed: bool,
    piece: Bytes,
    read_bytes: u64,
    bytes_max: u64,
}

/// What is left of a body when its request has been answered.
pub(crate) enum Rest {
    /// Nothing.
    Nothing,
    /// All of it; no guest was called.
    All(Incoming),
    /// What the guest gives back when its [`RequestBody`] goes.
    Unread(oneshot::Receiver<Incoming>),
}

/// The body cannot be read any further.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum BodyFault {
    /// It is longer than the function takes.
    TooLarge,
    /// The caller went away, or sent no valid HTTP.
    Broken,
}

impl RequestBody {
    /// A body that comes in over a connection.
    pub(crate) fn streamed(stream: Incoming, bytes_max: u64) -> (Self, Rest) {
        if stream.is_end_stream() {
            return (Self::full(Bytes::new()), Rest::Nothing);
        }
        let (sender, receiver) = oneshot::channel();
        let body = Self {
            stream: Some(stream),
            rest: Some(sender),
            failed: false,
            piece: Bytes::new(),
            read_bytes: 0,
            bytes_max,
        };
        (body, Rest::Unread(receiver))
    }

    /// A body that is there already; its length is not limited, because the worker made it.
    pub(crate) fn full(bytes: Bytes) -> Self {
        Self {
            stream: None,
            rest: None,
            failed: false,
            piece: bytes,
            read_bytes: 0,
            bytes_max: u64::MAX,
        }
    }

    /// A body of which nothing can be read.
    pub(crate) fn closed() -> Self {
        let mut body = Self::full(Bytes::new());
        body.failed = true;
        body
    }

    /// Copies the next bytes into `buffer` and returns how many; 0 is the end, unless `buffer` is empty.
    pub(crate) async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, BodyFault> {
        poll_fn(|context| self.poll_filled(context)).await?;
        let count = buffer.len().min(self.piece.len());
        self.piece.copy_to_slice(&mut buffer[..count]);
        Ok(count)
    }

    /// Ready when there are bytes to [`take`](Self::take), or none will come any more.
    pub(crate) fn poll_filled(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BodyFault>> {
        while self.piece.is_empty() {
            if self.failed {
                return Poll::Ready(Err(BodyFault::Broken));
            }
            let Some(stream) = &mut self.stream else { break };
            match ready!(Pin::new(stream).poll_frame(context)) {
                None => self.end(),
                Some(Ok(frame)) => self.accept(frame.into_data().unwrap_or_default())?,
                Some(Err(_)) => {
                    self.failed = true;
                    self.end();
                }
            }
        }
        Poll::Ready(Ok(()))
    }

    /// The next frame: bytes, or the trailers, which are the last. `None` is the end.
    pub(crate) fn poll_frame(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyFault>>> {
        if !self.piece.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.piece)))));
        }
        if self.failed {
            return Poll::Ready(Some(Err(BodyFault::Broken)));
        }
        let Some(stream) = &mut self.stream else { return Poll::Ready(None) };
        let frame = ready!(Pin::new(stream).poll_frame(context));
        Poll::Ready(match frame.map(|frame| frame.map(Frame::into_data)) {
            None => {
                self.end();
                None
            }
            Some(Ok(Ok(piece))) => {
                let accepted = self.accept(piece);
                Some(accepted.map(|()| Frame::data(std::mem::take(&mut self.piece))))
            }
            Some(Ok(Err(trailers))) => Some(Ok(trailers)),
            Some(Err(_)) => {
                self.failed = true;
                self.end();
                Some(Err(BodyFault::Broken))
            }
        })
    }

    /// Takes at most so many of the bytes that are there, which may be none; `None` is the end.
    pub(crate) fn take(&mut self, bytes_max: usize) -> Result<Option<Bytes>, BodyFault> {
        if self.failed {
            return Err(BodyFault::Broken);
        }
        let is_at_end = self.piece.is_empty() && self.stream.is_none();
        Ok((!is_at_end).then(|| self.piece.split_to(bytes_max.min(self.piece.len()))))
    }

    /// There is nothing to give back.
    fn end(&mut self) {
        self.stream = None;
        self.rest = None;
    }

    fn accept(&mut self, piece: Bytes) -> Result<(), BodyFault> {
        self.read_bytes += piece.len() as u64;
        if self.read_bytes > self.bytes_max {
            self.failed = true;
            return Err(BodyFault::TooLarge);
        }
        self.piece = piece;
        Ok(())
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        if let (Some(stream), Some(rest)) = (self.stream.take(), self.rest.take()) {
            // nobody waits for it when the caller has gone
            let _ = rest.send(stream);
        }
    }
}

impl Rest {
    /// Whether nothing is left, after what little there may be was read.
    pub(crate) async fn discard(self) -> bool {
        let stream = match self {
            Self::Nothing => None,
            Self::All(stream) => Some(stream),
            Self::Unread(mut rest) => match rest.try_recv() {
                Ok(stream) => Some(stream),
                Err(TryRecvError::Closed) => None,
                // the guest has answered and still reads
                Err(TryRecvError::Empty) => return false,
            },
        };
        match stream {
            Some(stream) => steading_server::discard(stream).await,
            None => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_full_body_is_read_in_pieces_and_ends() {
        let mut body = RequestBody::full(Bytes::from_static(b"hello"));
        let mut buffer = [0; 3];
        assert_eq!(body.read(&mut buffer).await, Ok(3));
        assert_eq!(&buffer, b"hel");
        assert_eq!(body.read(&mut buffer).await, Ok(2));
        assert_eq!(body.read(&mut buffer).await, Ok(0));
    }

    #[tokio::test]
    async fn a_full_body_is_taken_without_a_copy_and_ends() {
        let mut body = RequestBody::full(Bytes::from_static(b"hello"));
        poll_fn(|context| body.poll_filled(context)).await.unwrap();
        assert_eq!(body.take(3), Ok(Some(Bytes::from_static(b"hel"))));
        assert_eq!(body.take(9), Ok(Some(Bytes::from_static(b"lo"))));
        assert_eq!(body.take(9), Ok(None));
    }
}
