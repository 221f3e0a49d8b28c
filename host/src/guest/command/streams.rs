//! A command's stdin and stdout: two streams at one exchange. The body comes in as the caller sends it, and
//! the response leaves as the caller takes it; nothing is held whole.
//!
//! Neither stream wakes anybody: what it waits for is polled by the one who drives the guest (the body),
//! or taken out by the same (the outlet). Both shapes that WASI's library asks for are here; the program
//! uses those of preview 2.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use wasmtime_wasi::cli::{IsTerminal, StdinStream, StdoutStream};
use wasmtime_wasi::p2::{InputStream, OutputStream, Pollable, StreamError, StreamResult};

use super::response::{HeadReader, Read};
use crate::guest::Conduit;
use crate::guest::body::BodyFault;
use crate::guest::exchange::{Exchange, Written};
use crate::guest::head::InvalidHead;

/// The exchange as a command's streams see it; clones are the same streams.
#[derive(Clone)]
pub(super) struct Dialogue {
    talk: Arc<Mutex<Talk>>,
    conduit: Arc<Conduit>,
}

struct Talk {
    exchange: Exchange,
    head: HeadReader,
}

/// Stdin as a stream.
struct Stdin(Dialogue);

/// Stdout as a stream.
struct Stdout(Dialogue);

/// The response cannot be sent; why is noted in the exchange. Ends the call.
#[derive(Debug, thiserror::Error)]
#[error("the response cannot be sent")]
struct Unsendable;

impl Dialogue {
    pub(super) fn new(exchange: Exchange, conduit: &Arc<Conduit>) -> Self {
        let talk = Talk { exchange, head: HeadReader::default() };
        Self { talk: Arc::new(Mutex::new(talk)), conduit: Arc::clone(conduit) }
    }

    /// Does something with the request and the response.
    pub(super) fn exchange<T>(&self, act: impl FnOnce(&mut Exchange) -> T) -> T {
        act(&mut self.lock().exchange)
    }

    /// The program has ended well: a head that was begun and has no end is a fault.
    pub(super) fn end(&self) {
        let mut talk = self.lock();
        if !talk.exchange.is_answered() && talk.head.has_begun() {
            let reason = "its head is not ended by an empty line".to_owned();
            talk.exchange.refuse(InvalidHead::Unsendable(reason));
        }
    }

    fn poll_filled(&self, context: &mut Context<'_>) -> Poll<Result<(), BodyFault>> {
        self.lock().exchange.poll_filled(context)
    }

    /// Bytes of the body that are there; `None` is its end.
    fn take(&self, bytes_max: usize) -> io::Result<Option<Bytes>> {
        let taken = self.lock().exchange.take(bytes_max);
        taken.map_err(|_| io::Error::other("the request body cannot be read any further"))
    }

    /// What stdout takes without waiting.
    fn room(&self) -> usize {
        self.conduit.outlet.room()
    }

    /// Takes what the program wrote, no more than there is room for.
    fn write(&self, bytes: &[u8]) -> Result<(), Unsendable> {
        let mut talk = self.lock();
        let Some(body) = talk.body_in(bytes)? else { return Ok(()) };
        match talk.exchange.count(body) {
            Written::Stop => Err(Unsendable),
            Written::Ok => {
                self.conduit.outlet.put(body);
                Ok(())
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Talk> {
        // a panic in here would end the invocation, and nobody would look at it again
        self.talk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Talk {
    /// The part of what was written that belongs to the body, once the head is whole.
    fn body_in<'b>(&mut self, bytes: &'b [u8]) -> Result<Option<&'b [u8]>, Unsendable> {
        if self.exchange.is_answered() {
            return Ok(Some(bytes));
        }
        match self.head.read(bytes) {
            Ok(Read::More) => Ok(None),
            Ok(Read::Whole { head, length }) => {
                self.exchange.start(head);
                Ok(Some(&bytes[length..]))
            }
            Err(invalid) => {
                self.exchange.refuse(invalid);
                Err(Unsendable)
            }
        }
    }
}

impl IsTerminal for Dialogue {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdinStream for Dialogue {
    fn async_stream(&self) -> Box<dyn AsyncRead + Send + Sync> {
        Box::new(Stdin(self.clone()))
    }

    fn p2_stream(&self) -> Box<dyn InputStream> {
        Box::new(Stdin(self.clone()))
    }
}

impl StdoutStream for Dialogue {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(Stdout(self.clone()))
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(Stdout(self.clone()))
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Stdin {
    async fn ready(&mut self) {
        // what is wrong with the body is said when it is read
        let _ = poll_fn(|context| self.0.poll_filled(context)).await;
    }
}

impl InputStream for Stdin {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        match self.0.take(size) {
            Ok(Some(bytes)) => Ok(bytes),
            Ok(None) => Err(StreamError::Closed),
            Err(fault) => Err(StreamError::LastOperationFailed(fault.into())),
        }
    }
}

impl AsyncRead for Stdin {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let _ = ready!(self.0.poll_filled(context));
        let taken = self.0.take(buffer.remaining())?;
        buffer.put_slice(&taken.unwrap_or_default());
        Poll::Ready(Ok(()))
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Stdout {
    async fn ready(&mut self) {
        poll_fn(|_| if self.0.room() > 0 { Poll::Ready(()) } else { Poll::Pending }).await;
    }
}

impl OutputStream for Stdout {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.0.write(&bytes).map_err(|unsendable| StreamError::Trap(unsendable.into()))
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(self.0.room())
    }
}

impl AsyncWrite for Stdout {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let count = bytes.len().min(self.0.room());
        if count == 0 && !bytes.is_empty() {
            return Poll::Pending;
        }
        let written = self.0.write(&bytes[..count]).map_err(io::Error::other);
        Poll::Ready(written.map(|()| count))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
