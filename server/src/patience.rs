//! How long a caller may keep a connection without asking for anything: a head has to come within
//! one time, counted from its first byte (and that of a new connection from the start), and a
//! connection that does nothing at all is kept for another.
//!
//! hyper's own timer for heads is not used: it begins only when the version of HTTP is known, so
//! that a caller that sends nothing is never cut, it counts idle time as part of the next head, and
//! it does not exist for HTTP/2. Invariant: a connection with a request in flight is never cut here.

use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::body::{Body, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;

/// The two times.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// For a head to come.
    pub(crate) head: Duration,
    /// For a connection that does nothing.
    pub(crate) idle: Duration,
}

/// What was waited for when the time was over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Overdue {
    Head,
    Idle,
}

/// What happens on one connection. Its parts are written and read by one task; the atomics are there
/// because the compiler cannot know that.
#[derive(Debug, Default)]
pub(crate) struct Activity {
    /// Requests whose head has come.
    asked: AtomicU64,
    in_flight: AtomicU32,
    /// Bytes came since the last request ended.
    heard: AtomicBool,
    written_bytes: AtomicU64,
    /// In HTTP/2 bytes may be of no request at all, so they are not taken for the start of a head.
    multiplexed: AtomicBool,
}

/// A socket that notes what passes through it.
pub(crate) struct Heard {
    stream: TcpStream,
    activity: Arc<Activity>,
}

/// One request, until its response's body is gone.
pub(crate) struct Asked(Arc<Activity>);

/// The body of a response, which holds its request in flight.
pub(crate) struct Held<B> {
    body: B,
    _asked: Asked,
}

impl Heard {
    pub(crate) fn new(stream: TcpStream, activity: Arc<Activity>) -> Self {
        Self { stream, activity }
    }
}

impl Asked {
    pub(crate) fn new(activity: Arc<Activity>, version: http::Version) -> Self {
        activity.asked.fetch_add(1, Relaxed);
        activity.in_flight.fetch_add(1, Relaxed);
        activity.heard.store(false, Relaxed);
        activity.multiplexed.store(version == http::Version::HTTP_2, Relaxed);
        Self(activity)
    }

    pub(crate) fn hold<B>(self, body: B) -> Held<B> {
        Held { body, _asked: self }
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Relaxed);
        self.0.heard.store(false, Relaxed);
    }
}

impl<B: Body + Unpin> Body for Held<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Head,
    Idle,
    Busy,
}

impl Activity {
    /// What the connection does now, with counts that change whenever anything happens.
    fn now(&self) -> (Phase, u64, u64) {
        let asked = self.asked.load(Relaxed);
        let head = asked == 0 || self.heard.load(Relaxed) && !self.multiplexed.load(Relaxed);
        let phase = match self.in_flight.load(Relaxed) {
            0 if head => Phase::Head,
            0 => Phase::Idle,
            _ => Phase::Busy,
        };
        (phase, asked, self.written_bytes.load(Relaxed))
    }
}

/// Drives a connection to its end, or until its caller has been waited for too long.
pub(crate) async fn within<F: Future>(
    patience: Patience,
    activity: &Activity,
    connection: F,
) -> Result<F::Output, Overdue> {
    let mut connection = pin!(connection);
    let mut timer = pin!(tokio::time::sleep(patience.head));
    let (mut last, mut since) = (activity.now(), Instant::now());
    poll_fn(|context| {
        if let Poll::Ready(output) = connection.as_mut().poll(context) {
            return Poll::Ready(Ok(output));
        }
        let now = activity.now();
        if now != last {
            since = Instant::now();
            // the timer may be set for the longer wait; for the others it is set when it fires
            if now.0 == Phase::Head && last.0 != Phase::Head {
                timer.as_mut().reset(since + patience.head);
            }
            last = now;
        }
        loop {
            ready!(timer.as_mut().poll(context));
            let (wait, overdue) = match last.0 {
                Phase::Head => (patience.head, Some(Overdue::Head)),
                Phase::Idle => (patience.idle, Some(Overdue::Idle)),
                Phase::Busy => (patience.idle, None),
            };
            match overdue {
                Some(overdue) if since.elapsed() >= wait => return Poll::Ready(Err(overdue)),
                Some(_) => timer.as_mut().reset(since + wait),
                None => timer.as_mut().reset(Instant::now() + wait),
            }
        }
    })
    .await
}

impl AsyncRead for Heard {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.activity.heard.store(true, Relaxed);
        }
        read
    }
}

impl Heard {
    fn wrote(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(bytes)) = written {
            self.activity.written_bytes.fetch_add(bytes as u64, Relaxed);
        }
        written
    }
}

impl AsyncWrite for Heard {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.wrote(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, pieces);
        self.wrote(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
