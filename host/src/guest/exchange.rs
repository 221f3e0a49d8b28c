//! One request's body, and the response as far as it has come: what every kind of guest reads and
//! writes, within the function's limits. How a head looks in bytes is each kind's own business.
//!
//! Invariant: what was noted against a request or a response decides how the invocation ends, whatever
//! the guest does or says afterwards.

use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use hyper::body::Frame;
use steading_protocol::Limits;

use super::body::BodyFault;
use super::head::InvalidHead;
use super::{Answer, Conduit, GuestError, GuestResponse, RequestBody, ResponseHead};

/// One request's body, and the response.
pub(super) struct Exchange {
    body: RequestBody,
    response: Response,
    conduit: Arc<Conduit>,
    request_bytes_max: u64,
    response_bytes_max: u64,
    fault: Option<Fault>,
}

/// How far the response has come.
enum Response {
    None,
    /// It leaves by the conduit's outlet; so many bytes have gone in.
    Started {
        written_bytes: u64,
    },
    /// All of it has gone in; the guest may go on.
    Ended,
    Complete(ResponseHead, Bytes),
}

/// What made a good answer impossible; noted, because the guest may well go on.
#[derive(Clone, Debug)]
enum Fault {
    RequestTooLarge,
    ResponseTooLarge,
    Head(InvalidHead),
    Body(String),
    Failed(String),
}

/// Whether the guest may go on writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    Ok,
    Stop,
}

impl Exchange {
    pub(super) fn new(body: RequestBody, limits: &Limits, conduit: Arc<Conduit>) -> Self {
        Self {
            body,
            response: Response::None,
            conduit,
            request_bytes_max: limits.request_body_bytes_max,
            response_bytes_max: limits.response_body_bytes_max,
            fault: None,
        }
    }

    /// Reads the next piece of the body; `None` when it cannot be read any further.
    pub(super) async fn read(&mut self, buffer: &mut [u8]) -> Option<usize> {
        let read = self.body.read(buffer).await;
        self.noted(read).ok()
    }

    /// Ready when [`take`](Self::take) has something to say.
    pub(super) fn poll_filled(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BodyFault>> {
        self.body.poll_filled(context).map(|filled| self.noted(filled))
    }

    /// Takes at most so many bytes of the body that are there, which may be none; `None` is its end.
    pub(super) fn take(&mut self, bytes_max: usize) -> Result<Option<Bytes>, BodyFault> {
        self.body.take(bytes_max)
    }

    /// The next frame of the body, trailers among them; `None` is its end.
    pub(super) fn poll_frame(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyFault>>> {
        self.body.poll_frame(context).map(|frame| frame.map(|frame| self.noted(frame)))
    }

    fn noted<T>(&mut self, read: Result<T, BodyFault>) -> Result<T, BodyFault> {
        if matches!(read, Err(BodyFault::TooLarge)) {
            self.fault = Some(Fault::RequestTooLarge);
        }
        read
    }

    /// Whether there is a response, or the beginning of one.
    pub(super) fn is_answered(&self) -> bool {
        !matches!(self.response, Response::None)
    }

    /// Whether a response was started whose body comes in pieces.
    pub(super) fn is_started(&self) -> bool {
        matches!(self.response, Response::Started { .. })
    }

    /// Whether something was noted that leaves no answer but an error.
    pub(super) fn is_spoilt(&self) -> bool {
        self.fault.is_some()
    }

    /// There can be no response, because of its head.
    pub(super) fn refuse(&mut self, invalid: InvalidHead) {
        self.fault = Some(Fault::Head(invalid));
    }

    /// There can be no response, because the guest gave an error instead.
    pub(super) fn fail(&mut self, error: String) {
        self.fault.get_or_insert(Fault::Failed(error));
    }

    /// There can be no good response, because its body is not what it should be.
    pub(super) fn break_off(&mut self, why: String) {
        self.fault.get_or_insert(Fault::Body(why));
        self.conduit.outlet.clear();
    }

    /// Takes the whole response.
    pub(super) fn send(&mut self, head: ResponseHead, body: &[u8]) -> Written {
        if body.len() as u64 > self.response_bytes_max {
            self.fault = Some(Fault::ResponseTooLarge);
            return Written::Stop;
        }
        self.response = Response::Complete(head, Bytes::copy_from_slice(body));
        Written::Ok
    }

    /// Takes the head of a response whose body comes in pieces.
    pub(super) fn start(&mut self, head: ResponseHead) {
        self.response = Response::Started { written_bytes: 0 };
        self.conduit.outlet.start(head);
    }

    /// Counts a piece of a response that was started; it goes into the outlet when the guest may go on.
    pub(super) fn count(&mut self, piece: &[u8]) -> Written {
        if self.fault.is_some() {
            return Written::Stop;
        }
        if let Response::Started { written_bytes } = &mut self.response {
            *written_bytes += piece.len() as u64;
            if *written_bytes > self.response_bytes_max {
                self.fault = Some(Fault::ResponseTooLarge);
                self.conduit.outlet.clear();
                return Written::Stop;
            }
        }
        Written::Ok
    }

    /// Takes a piece of the body, waiting while the caller is slower than the guest.
    pub(super) async fn write(&mut self, piece: &[u8]) -> Written {
        let written = self.count(piece);
        if written == Written::Ok {
            self.conduit.outlet.write(piece).await;
        }
        written
    }

    /// All pieces of a response have been written.
    pub(super) fn end(&mut self, trailers: Option<HeaderMap>) {
        self.response = Response::Ended;
        self.conduit.outlet.end(trailers);
    }

    /// What the caller gets from a guest that ended badly: its response, when that was complete before.
    pub(super) fn late(&mut self, fault: GuestError) -> Result<Answer, GuestError> {
        match std::mem::replace(&mut self.response, Response::None) {
            Response::Complete(head, body) if self.fault.is_none() => {
                Ok(Answer::Whole(GuestResponse { head, body, late_fault: Some(fault) }))
            }
            Response::Ended if self.fault.is_none() => {
                Ok(Answer::Streamed { late_fault: Some(fault) })
            }
            _ => Err(fault),
        }
    }

    /// The answer of a guest that returned.
    pub(super) fn answer(&mut self) -> Result<Answer, GuestError> {
        if let Some(fault) = self.fault() {
            return Err(fault);
        }
        match std::mem::replace(&mut self.response, Response::None) {
            Response::None => Err(GuestError::NoResponse),
            Response::Started { .. } | Response::Ended => Ok(Answer::Streamed { late_fault: None }),
            Response::Complete(head, body) => {
                Ok(Answer::Whole(GuestResponse { head, body, late_fault: None }))
            }
        }
    }

    /// The invocation is over: nothing of its body can be read any more, and what is left goes back.
    pub(super) fn close(&mut self) {
        self.body = RequestBody::closed();
    }

    /// What was noted against the request or the response.
    pub(super) fn fault(&self) -> Option<GuestError> {
        Some(match self.fault.clone()? {
            Fault::RequestTooLarge => {
                GuestError::RequestTooLarge { bytes_max: self.request_bytes_max }
            }
            Fault::ResponseTooLarge => {
                GuestError::ResponseTooLarge { bytes_max: self.response_bytes_max }
            }
            Fault::Head(InvalidHead::Unsendable(reason)) | Fault::Body(reason) => {
                GuestError::ResponseInvalid(reason)
            }
            Fault::Failed(error) => GuestError::ErrorGiven(error),
            Fault::Head(InvalidHead::TooLarge(reason)) => GuestError::ResponseHeadTooLarge(reason),
        })
    }
}
