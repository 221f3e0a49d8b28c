//! The exchange as a component's request body and response see it. The body is read as the caller sends it, and
//! the response leaves as the caller takes it; nothing is held whole.
//!
//! Nothing here wakes anybody: the one who drives the guest polls all of it.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Method, Response};
use http_body::{Body, Frame};
use http_body_util::BodyExt as _;
use wasmtime_wasi_http::{Error, WasiBody};

use super::head;
use crate::guest::Conduit;
use crate::guest::body::BodyFault;
use crate::guest::exchange::{Exchange, Written};
use crate::guest::head::InvalidHead;

/// One request and its response; clones are the same.
#[derive(Clone)]
pub(super) struct Dialogue {
    exchange: Arc<Mutex<Exchange>>,
    conduit: Arc<Conduit>,
    method: Method,
}

/// The request's body.
pub(super) struct IncomingBody(Dialogue);

/// What has become of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    /// All of it is on its way; the guest may go on.
    Whole,
    /// It cannot be sent, and why is noted; the guest is to be ended.
    Spoilt,
}

impl Dialogue {
    pub(super) fn new(exchange: Exchange, method: Method, conduit: &Arc<Conduit>) -> Self {
        let exchange = Arc::new(Mutex::new(exchange));
        Self { exchange, method, conduit: Arc::clone(conduit) }
    }

    /// The request's body.
    pub(super) fn incoming(&self) -> IncomingBody {
        IncomingBody(self.clone())
    }

    /// Does something with the request and the response.
    pub(super) fn exchange<T>(&self, act: impl FnOnce(&mut Exchange) -> T) -> T {
        act(&mut self.lock())
    }

    /// The guest gave an error instead of a response.
    pub(super) fn fail(&self, error: &Error) -> Sent {
        self.exchange(|exchange| exchange.fail(error.to_string()));
        Sent::Spoilt
    }

    /// Sends a response, as fast as the caller takes it.
    pub(super) async fn send(&self, response: Response<WasiBody>) -> Sent {
        let (parts, mut body) = response.into_parts();
        if self.exchange(|exchange| exchange.is_spoilt()) {
            return Sent::Spoilt;
        }
        let announced = head::length(&self.method, &parts);
        match head::checked(parts) {
            Ok(head) => self.exchange(|exchange| exchange.start(head)),
            Err(invalid) => return self.refuse(invalid),
        }
        let (mut sent_bytes, mut trailers) = (0, None);
        while let Some(frame) = body.frame().await {
            let frame = match frame.map(Frame::into_data) {
                Ok(Ok(piece)) => {
                    sent_bytes += piece.len() as u64;
                    if self.exchange(|exchange| exchange.count(&piece)) == Written::Stop {
                        return Sent::Spoilt;
                    }
                    self.conduit.outlet.write(&piece).await;
                    continue;
                }
                Ok(Err(frame)) => frame,
                Err(error) => return self.break_off(format!("its body was broken off: {error}")),
            };
            match frame.into_trailers().map(head::trailers) {
                Ok(Ok(checked)) => trailers = Some(checked),
                Ok(Err(invalid)) => return self.break_off(format!("its trailers are {invalid}")),
                Err(_) => {}
            }
        }
        if let Some(length) = announced.filter(|length| *length != sent_bytes) {
            let why =
                format!("its body has {sent_bytes} bytes and its content-length says {length}");
            return self.break_off(why);
        }
        self.exchange(|exchange| exchange.end(trailers));
        Sent::Whole
    }

    fn refuse(&self, invalid: InvalidHead) -> Sent {
        self.exchange(|exchange| exchange.refuse(invalid));
        Sent::Spoilt
    }

    fn break_off(&self, why: String) -> Sent {
        self.exchange(|exchange| exchange.break_off(why));
        Sent::Spoilt
    }

    fn lock(&self) -> MutexGuard<'_, Exchange> {
        // a panic in here would end the invocation, and nobody would look at it again
        self.exchange.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Body for IncomingBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let frame = self.0.lock().poll_frame(context);
        frame.map(|frame| {
            frame.map(|frame| {
                frame.map_err(|fault| match fault {
                    BodyFault::TooLarge => Error::HttpRequestBodySize(None),
                    BodyFault::Broken => Error::ConnectionTerminated,
                })
            })
        })
    }
}
