//! The function's log as a standard stream of WASI: stdout and stderr of a native guest, stderr of a command. A guest
//! whose instance serves several invocations holds on to its streams, so those follow the invocation that runs.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

use super::Conduit;
use super::conduit::Running;

/// A standard output that writes to the function's log; never full, never blocking.
#[derive(Clone)]
pub(super) struct LogStream(Running);

/// The most that one write may bring, bytes; WASI splits longer ones.
const WRITE_BYTES_MAX: usize = 64 << 10;

impl LogStream {
    pub(super) fn new(conduit: Arc<Conduit>) -> Self {
        Self(Running::One(conduit))
    }

    /// One that writes to the log of whichever invocation this says.
    pub(super) fn of_running(running: Running) -> Self {
        Self(running)
    }

    fn append(&self, bytes: &[u8]) {
        self.0.with(|conduit| conduit.log.write(bytes));
    }
}

impl IsTerminal for LogStream {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for LogStream {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl AsyncWrite for LogStream {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.append(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for LogStream {
    async fn ready(&mut self) {}
}

impl OutputStream for LogStream {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.append(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(WRITE_BYTES_MAX)
    }
}
