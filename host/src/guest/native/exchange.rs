//! The request and the response of one invocation, as the ABI's imports read and write them.

use std::sync::Arc;

use bytes::Bytes;
use steading_protocol::Limits;

use super::super::body::BodyFault;
use super::super::{
    Answer, Conduit, GuestError, GuestRequest, GuestResponse, RequestBody, ResponseHead,
};
use super::head::{self, InvalidHead};

/// One request, and the response as far as it has come.
pub(super) struct Exchange {
    head: Vec<u8>,
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
    Complete(ResponseHead, Bytes),
}

/// What made a good answer impossible; noted, because the guest may well go on.
#[derive(Clone, Debug)]
enum Fault {
    RequestTooLarge,
    ResponseTooLarge,
    ResponseInvalid(String),
    ResponseHeadTooLarge(String),
}

/// The guest broke the ABI; the call is ended.
#[derive(Debug)]
pub(super) struct Violation(pub(super) &'static str);

/// Whether the guest may go on writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    Ok,
    Stop,
}

impl Exchange {
    pub(super) fn new(request: GuestRequest, limits: &Limits, conduit: Arc<Conduit>) -> Self {
        Self {
            head: head::encode(&request),
            body: request.body,
            response: Response::None,
            conduit,
            request_bytes_max: limits.request_body_bytes_max,
            response_bytes_max: limits.response_body_bytes_max,
            fault: None,
        }
    }

    pub(super) fn head(&self) -> &[u8] {
        &self.head
    }

    /// The length of the request's head, as the guest's entry takes it.
    pub(super) fn head_len(&self) -> i32 {
        i32::try_from(self.head.len()).expect("a request head is bounded far below 2 GiB")
    }

    /// Reads the next piece of the body; `None` when it cannot be read any further.
    pub(super) async fn read(&mut self, buffer: &mut [u8]) -> Option<usize> {
        match self.body.read(buffer).await {
            Ok(count) => Some(count),
            Err(fault) => {
                if fault == BodyFault::TooLarge {
                    self.fault = Some(Fault::RequestTooLarge);
                }
                None
            }
        }
    }

    /// Takes the whole response.
    pub(super) fn send(&mut self, head: &[u8], body: &[u8]) -> Result<Written, Violation> {
        let Some(head) = self.take_head(head)? else {
            return Ok(Written::Stop);
        };
        if body.len() as u64 > self.response_bytes_max {
            self.fault = Some(Fault::ResponseTooLarge);
            return Ok(Written::Stop);
        }
        self.response = Response::Complete(head, Bytes::copy_from_slice(body));
        Ok(Written::Ok)
    }

    /// Takes the head of a response whose body comes in pieces.
    pub(super) fn start(&mut self, head: &[u8]) -> Result<Written, Violation> {
        let Some(head) = self.take_head(head)? else {
            return Ok(Written::Stop);
        };
        self.response = Response::Started { written_bytes: 0 };
        self.conduit.outlet.start(head);
        Ok(Written::Ok)
    }

    /// Takes a piece of the body, waiting while the caller is slower than the guest.
    pub(super) async fn write(&mut self, piece: &[u8]) -> Result<Written, Violation> {
        if self.fault.is_some() {
            return Ok(Written::Stop);
        }
        let Response::Started { written_bytes } = &mut self.response else {
            return Err(Violation("response_write without response_start"));
        };
        *written_bytes += piece.len() as u64;
        if *written_bytes > self.response_bytes_max {
            self.fault = Some(Fault::ResponseTooLarge);
            self.conduit.outlet.clear();
            return Ok(Written::Stop);
        }
        self.conduit.outlet.write(piece).await;
        Ok(Written::Ok)
    }

    /// What the caller gets from a guest that ended badly: its response, when that was complete before.
    pub(super) fn into_late(self, fault: GuestError) -> Result<Answer, GuestError> {
        match self.response {
            Response::Complete(head, body) if self.fault.is_none() => {
                Ok(Answer::Whole(GuestResponse { head, body, late_fault: Some(fault) }))
            }
            _ => Err(fault),
        }
    }

    /// The answer of a guest that returned.
    pub(super) fn into_answer(self) -> Result<Answer, GuestError> {
        if let Some(fault) = self.fault() {
            return Err(fault);
        }
        match self.response {
            Response::None => Err(GuestError::NoResponse),
            Response::Started { .. } => Ok(Answer::Streamed),
            Response::Complete(head, body) => {
                Ok(Answer::Whole(GuestResponse { head, body, late_fault: None }))
            }
        }
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
            Fault::ResponseInvalid(reason) => GuestError::ResponseInvalid(reason),
            Fault::ResponseHeadTooLarge(reason) => GuestError::ResponseHeadTooLarge(reason),
        })
    }

    fn take_head(&mut self, head: &[u8]) -> Result<Option<ResponseHead>, Violation> {
        if !matches!(self.response, Response::None) {
            return Err(Violation("a second response"));
        }
        match head::decode(head) {
            Ok(head) => Ok(Some(head)),
            Err(InvalidHead::Malformed) => Err(Violation("malformed response head")),
            Err(InvalidHead::Unsendable(reason)) => {
                self.fault = Some(Fault::ResponseInvalid(reason));
                Ok(None)
            }
            Err(InvalidHead::TooLarge(reason)) => {
                self.fault = Some(Fault::ResponseHeadTooLarge(reason));
                Ok(None)
            }
        }
    }
}
