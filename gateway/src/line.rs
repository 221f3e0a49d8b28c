//! One connection to a worker. Whoever has it drives it: no task of its own stands between the caller's
//! connection and the worker's, so that a short call wakes one task and not three.
//!
//! While a line waits to be used again nobody drives it; [`Line::is_open`] looks before it is used. hyper's
//! halves talk through channels that only the driver fills, hence they are asked without a waker, right after
//! it was driven. Invariant: a line is used for one request at a time.

use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::{Body as _, Frame, Incoming};
use hyper::client::conn::http1::{self, Connection, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

use crate::resend::Sending;

/// An open connection.
pub(crate) struct Line {
    sender: SendRequest<Sending>,
    driver: Connection<TokioIo<TcpStream>, Sending>,
    has_ended: bool,
    /// Whether a request went over it already.
    pub(crate) is_used: bool,
    silence: Silence,
}

/// How long nothing has come. One timer for all requests of a line, set anew only when it fires.
struct Silence {
    max: Duration,
    since: Instant,
    timer: Pin<Box<Sleep>>,
}

/// A request that got no reply.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LineError {
    /// The connection was closed before it took anything.
    #[error("the connection was closed before the request was sent")]
    Unsent(#[source] hyper::Error),
    /// The connection broke, or what came was no reply.
    #[error("the connection broke before the reply")]
    Broken(#[source] hyper::Error),
    /// Nothing came for too long.
    #[error("nothing came for {} s", .0.as_secs())]
    Silent(Duration),
}

impl Line {
    /// Speaks HTTP/1.1 over a new connection.
    pub(crate) async fn over(stream: TcpStream, silence_max: Duration) -> io::Result<Box<Self>> {
        stream.set_nodelay(true)?;
        let (sender, driver) =
            http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
        let silence = Silence {
            max: silence_max,
            since: Instant::now(),
            timer: Box::pin(tokio::time::sleep(silence_max)),
        };
        Ok(Box::new(Self { sender, driver, has_ended: false, is_used: false, silence }))
    }

    /// Whether it can be used; finds out what has happened while nobody drove it.
    pub(crate) fn is_open(&mut self) -> bool {
        self.drive(&mut Context::from_waker(Waker::noop()));
        !self.has_ended && self.sender.is_ready()
    }

    /// Sends a request and waits for the head of its reply.
    pub(crate) async fn send(
        &mut self,
        request: Request<Sending>,
    ) -> Result<Response<Incoming>, LineError> {
        self.is_used = true;
        self.silence.heard();
        let mut reply = pin!(self.sender.try_send_request(request));
        let (driver, has_ended, silence) =
            (&mut self.driver, &mut self.has_ended, &mut self.silence);
        poll_fn(|context| {
            if !*has_ended {
                // what went wrong is told by the reply
                *has_ended = Pin::new(&mut *driver).poll(context).is_ready();
            }
            match reply.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(Ok(reply)) => Poll::Ready(Ok(reply)),
                Poll::Ready(Err(mut error)) => Poll::Ready(Err(match error.take_message() {
                    Some(_unsent) => LineError::Unsent(error.into_error()),
                    None => LineError::Broken(error.into_error()),
                })),
                Poll::Pending => silence.poll(context).map(|max| Err(LineError::Silent(max))),
            }
        })
        .await
    }

    /// The next frame of a reply's body.
    pub(crate) fn poll_frame(
        &mut self,
        body: &mut Incoming,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, LineError>>> {
        let mut unwoken = Context::from_waker(Waker::noop());
        // asking tells the driver that there is room, so it comes before driving as well as after
        let mut frame = Pin::new(&mut *body).poll_frame(&mut unwoken);
        if frame.is_pending() {
            self.drive(context);
            frame = Pin::new(body).poll_frame(&mut unwoken);
        }
        match frame {
            Poll::Ready(frame) => {
                self.silence.heard();
                Poll::Ready(frame.map(|frame| frame.map_err(LineError::Broken)))
            }
            Poll::Pending => {
                self.silence.poll(context).map(|max| Some(Err(LineError::Silent(max))))
            }
        }
    }

    fn drive(&mut self, context: &mut Context<'_>) {
        if !self.has_ended {
            self.has_ended = Pin::new(&mut self.driver).poll(context).is_ready();
        }
    }
}

impl Silence {
    fn heard(&mut self) {
        self.since = Instant::now();
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Duration> {
        while self.timer.as_mut().poll(context).is_ready() {
            let until = self.since + self.max;
            if until <= Instant::now() {
                return Poll::Ready(self.max);
            }
            self.timer.as_mut().reset(until);
        }
        Poll::Pending
    }
}
