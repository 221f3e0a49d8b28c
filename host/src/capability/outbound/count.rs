//! Counts what passes a connection, heads and TLS included, and ends it when the invocation has had its share.
//! Counting here, below everything that interprets bytes, leaves nothing out.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::error::Limit;
use crate::metrics::Metrics;

/// What one invocation may still send and receive.
pub(super) struct Budget {
    bytes_max: u64,
    used: AtomicU64,
    metrics: Arc<Metrics>,
}

/// A stream whose bytes are counted.
pub(super) struct Counted<S> {
    stream: S,
    budget: Arc<Budget>,
}

impl Budget {
    pub(super) fn new(bytes_max: u64, metrics: Arc<Metrics>) -> Self {
        Self { bytes_max, used: AtomicU64::new(0), metrics }
    }

    /// Whether there is something left.
    fn check(&self) -> io::Result<()> {
        if self.used.load(Ordering::Relaxed) < self.bytes_max {
            return Ok(());
        }
        Err(io::Error::other(Limit::Bytes(self.bytes_max)))
    }

    fn spend(&self, bytes: usize) {
        self.used.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

impl<S> Counted<S> {
    pub(super) fn new(stream: S, budget: Arc<Budget>) -> Self {
        Self { stream, budget }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.budget.check()?;
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        let read = buffer.filled().len() - before;
        self.budget.spend(read);
        self.budget.metrics.outbound.received(read);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.budget.check()?;
        let written = ready!(Pin::new(&mut self.stream).poll_write(context, bytes))?;
        self.budget.spend(written);
        self.budget.metrics.outbound.sent(written);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
