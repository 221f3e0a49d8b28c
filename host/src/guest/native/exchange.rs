//! The request and the response of one invocation, as the ABI's imports read and write them.

use std::sync::Arc;

use steading_protocol::Limits;

use super::super::exchange::{Exchange, Written};
use super::super::{Conduit, GuestRequest, ResponseHead};
use super::head::{self, Undecodable};

/// One request with its head in the ABI's bytes, and the response as far as it has come.
pub(super) struct NativeExchange {
    head: Vec<u8>,
    pub(super) inner: Exchange,
}

/// The guest broke the ABI; the call is ended.
#[derive(Debug)]
pub(super) struct Violation(pub(super) &'static str);

impl NativeExchange {
    pub(super) fn new(request: GuestRequest, limits: &Limits, conduit: Arc<Conduit>) -> Self {
        Self { head: head::encode(&request), inner: Exchange::new(request.body, limits, conduit) }
    }

    pub(super) fn head(&self) -> &[u8] {
        &self.head
    }

    /// The length of the request's head, as the guest's entry takes it.
    pub(super) fn head_len(&self) -> i32 {
        i32::try_from(self.head.len()).expect("a request head is bounded far below 2 GiB")
    }

    /// Takes the whole response.
    pub(super) fn send(&mut self, head: &[u8], body: &[u8]) -> Result<Written, Violation> {
        let head = self.take_head(head)?;
        Ok(head.map_or(Written::Stop, |head| self.inner.send(head, body)))
    }

    /// Takes the head of a response whose body comes in pieces.
    pub(super) fn start(&mut self, head: &[u8]) -> Result<Written, Violation> {
        let Some(head) = self.take_head(head)? else {
            return Ok(Written::Stop);
        };
        self.inner.start(head);
        Ok(Written::Ok)
    }

    /// Takes a piece of the body, waiting while the caller is slower than the guest.
    pub(super) async fn write(&mut self, piece: &[u8]) -> Result<Written, Violation> {
        if !self.inner.is_spoilt() && !self.inner.is_started() {
            return Err(Violation("response_write without response_start"));
        }
        Ok(self.inner.write(piece).await)
    }

    fn take_head(&mut self, head: &[u8]) -> Result<Option<ResponseHead>, Violation> {
        if self.inner.is_answered() {
            return Err(Violation("a second response"));
        }
        match head::decode(head) {
            Ok(head) => Ok(Some(head)),
            Err(Undecodable::Malformed) => Err(Violation("malformed response head")),
            Err(Undecodable::Invalid(invalid)) => {
                self.inner.refuse(invalid);
                Ok(None)
            }
        }
    }
}
