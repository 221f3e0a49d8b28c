//! Outgoing requests as imports of the ABI: a request with its whole body in, the head of the response out, and its
//! body in pieces as they come. One exchange at a time: the next request ends the one before.

use std::time::Duration;

use bytes::Bytes;
use http::uri::Uri;
use http::{Method, Request};
use http_body_util::{BodyExt as _, Full};
use steading_protocol::abi::IMPORT_MODULE;
use tokio_util::task::AbortOnDropHandle;
use wasmtime::{Caller, Linker};

use super::State;
use super::head::{Undecodable, put_headers, take, take_headers, take_number};
use super::imports::{memory, slice, slice_mut};
use crate::capability::{OutboundError, Patience, RequestBody, ResponseBody};
use crate::guest::head;
use crate::guest::log::Level;
use crate::guest::outgoing::Outgoing;
use crate::guest::run::AbiViolation;

/// The outgoing requests of one invocation, and the response that is being read.
pub(super) struct Requests {
    outgoing: Outgoing,
    reply: Option<Reply>,
}

/// A response that is being read.
struct Reply {
    body: ResponseBody,
    /// What has come and was not yet read.
    piece: Bytes,
    _driver: AbortOnDropHandle<()>,
}

/// What the guest gets instead of a length.
const INVALID: i32 = -3;
const LIMIT_REACHED: i32 = -7;

/// The longest body of a request, bytes: the worker holds a copy of it, which does not count as the guest's memory.
const BODY_BYTES_MAX: usize = 32 << 20;

/// Defines the imports.
pub(super) fn define(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.func_wrap_async(
        IMPORT_MODULE,
        "http_send",
        |caller: Caller<'_, State>, (h, hl, b, bl): (u32, u32, u32, u32)| {
            Box::new(http_send(caller, (h, hl), (b, bl)))
        },
    )?;
    linker.func_wrap_async(
        IMPORT_MODULE,
        "http_body_read",
        |caller: Caller<'_, State>, (pointer, length): (u32, u32)| {
            Box::new(http_body_read(caller, pointer, length))
        },
    )?;
    Ok(())
}

async fn http_send(
    mut caller: Caller<'_, State>,
    head: (u32, u32),
    body: (u32, u32),
) -> wasmtime::Result<i32> {
    let (bytes, state) = memory(&caller)?.data_and_store_mut(&mut caller);
    state.result = vec![];
    let (head, body) = (slice(bytes, head.0, head.1)?, slice(bytes, body.0, body.1)?);
    if body.len() > BODY_BYTES_MAX {
        let text = format!("request not sent: its body has more than {BODY_BYTES_MAX} bytes");
        state.conduit.log.record(Level::Warn, text.as_bytes());
        return Ok(LIMIT_REACHED);
    }
    let (request, patience) = match decode(head, Bytes::copy_from_slice(body)) {
        Ok(decoded) => decoded,
        Err(Undecodable::Malformed) => {
            return Err(AbiViolation("malformed request head".to_owned()).into());
        }
        Err(Undecodable::Invalid(invalid)) => {
            let text = format!("request not sent: {invalid}");
            state.conduit.log.record(Level::Warn, text.as_bytes());
            return Ok(INVALID);
        }
    };
    Ok(match Box::pin(state.requests.send(request, patience)).await {
        Ok(head) => {
            let length = i32::try_from(head.len())?;
            state.result = head;
            length
        }
        Err(error) => code(&error),
    })
}

async fn http_body_read(
    mut caller: Caller<'_, State>,
    pointer: u32,
    length: u32,
) -> wasmtime::Result<i32> {
    let (bytes, state) = memory(&caller)?.data_and_store_mut(&mut caller);
    let length = length.min(i32::MAX as u32);
    let buffer = slice_mut(bytes, pointer, length)?;
    Ok(match state.requests.read(buffer).await {
        Ok(count) => i32::try_from(count)?,
        Err(error) => code(&error),
    })
}

impl Requests {
    pub(super) fn new(outgoing: Outgoing) -> Self {
        Self { outgoing, reply: None }
    }

    /// Sends a request; the encoded head of its response.
    async fn send(
        &mut self,
        request: Request<RequestBody>,
        patience: Patience,
    ) -> Result<Vec<u8>, OutboundError> {
        self.reply = None;
        let (response, driver) = self.outgoing.send(request, patience).await?;
        let (head, body) = response.into_parts();
        let driver = tokio::spawn(async {
            // the body says what went wrong with it
            let _ended = driver.await;
        });
        let _driver = AbortOnDropHandle::new(driver);
        self.reply = Some(Reply { body, piece: Bytes::new(), _driver });
        let mut bytes = u32::from(head.status.as_u16()).to_le_bytes().to_vec();
        put_headers(&mut bytes, &head.headers);
        Ok(bytes)
    }

    /// Reads of the body; 0 is its end.
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, OutboundError> {
        let Some(reply) = &mut self.reply else { return Ok(0) };
        while reply.piece.is_empty() && !buffer.is_empty() {
            let frame = reply.body.frame().await.transpose();
            let frame = frame.inspect_err(|error| self.outgoing.broken(error))?;
            let Some(frame) = frame else {
                self.reply = None;
                return Ok(0);
            };
            // trailers are not for native guests
            reply.piece = frame.into_data().unwrap_or_default();
        }
        let count = reply.piece.len().min(buffer.len());
        buffer[..count].copy_from_slice(&reply.piece.split_to(count));
        Ok(count)
    }
}

/// Decodes the head of a request: method, URL, for how many milliseconds to wait (0 is no limit), headers.
fn decode(mut bytes: &[u8], body: Bytes) -> Result<(Request<RequestBody>, Patience), Undecodable> {
    let (method, url) = (take(&mut bytes)?, take(&mut bytes)?);
    let wait = Duration::from_millis(take_number(&mut bytes)?.into());
    let headers = take_headers(bytes, |_| true)?;
    let none = |what, text| {
        let text = format!("`{}` is no {what}", head::shown(text));
        Undecodable::Invalid(head::InvalidHead::Unsendable(text))
    };
    let body = Full::new(body).map_err(|never| match never {}).boxed_unsync();
    let mut request = Request::new(body);
    *request.method_mut() = Method::from_bytes(method).map_err(|_| none("method", method))?;
    *request.uri_mut() = Uri::try_from(url).map_err(|_| none("URL", url))?;
    *request.headers_mut() = headers;
    let wait = (!wait.is_zero()).then_some(wait);
    Ok((request, Patience { connection: wait, response: wait, body: wait }))
}

fn code(error: &OutboundError) -> i32 {
    match error {
        OutboundError::Denied(_) => -1,
        OutboundError::AddressProhibited(_) => -2,
        OutboundError::UrlInvalid(_) | OutboundError::MethodForbidden(_) => INVALID,
        OutboundError::NameUnresolved(_) | OutboundError::Unreachable(_) => -4,
        OutboundError::Tls(_) => -5,
        OutboundError::TimedOut(_) => -6,
        OutboundError::LimitReached(_) => LIMIT_REACHED,
        OutboundError::Broken(_) => -8,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::head::{put, put_length};
    use super::*;

    fn head(method: &str, url: &str, headers: &[(&str, &str)]) -> Vec<u8> {
        let mut bytes = vec![];
        put(&mut bytes, method.as_bytes());
        put(&mut bytes, url.as_bytes());
        bytes.extend(1500_u32.to_le_bytes());
        put_length(&mut bytes, headers.len());
        for (name, value) in headers {
            put(&mut bytes, name.as_bytes());
            put(&mut bytes, value.as_bytes());
        }
        bytes
    }

    #[test]
    fn a_request_is_decoded_as_the_abi_says() {
        let bytes = head("PUT", "https://a.example/x?y", &[("X-A", "1"), ("x-a", "2")]);
        let (request, patience) = decode(&bytes, Bytes::from_static(b"body")).unwrap();
        assert_eq!((request.method(), request.uri().query()), (&Method::PUT, Some("y")));
        assert_eq!(request.headers().get_all("x-a").iter().count(), 2);
        assert_eq!(patience.response, Some(Duration::from_millis(1500)));
    }

    #[test]
    fn what_cannot_be_sent_is_refused_with_its_name() {
        let many = [("a", "b"); 129];
        for (bytes, named) in [
            (head("GE T", "https://a.example", &[]), "`GE T` is no method"),
            (head("GET", "https://a b", &[]), "`https://a b` is no URL"),
            (head("GET", "https://a", &[("a", "x\r\ny: z")]), "header `a` has forbidden bytes"),
            (head("GET", "https://a", &many), "more than 128 headers"),
        ] {
            let error = decode(&bytes, Bytes::new()).map(drop).unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
        let longer = [&head("GET", "https://a", &[])[..], b"x"].concat();
        let malformed = decode(&longer, Bytes::new()).map(drop);
        assert_eq!(malformed, Err(Undecodable::Malformed));
    }

    proptest! {
        #[test]
        fn no_bytes_panic_the_decoder(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&bytes, Bytes::new());
        }
    }
}
