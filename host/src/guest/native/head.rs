//! The heads of the ABI in bytes: a request's written, a response's read. Little-endian 32-bit
//! lengths and counts, as `sdk/ABI.md` has it. Pure; the response's bytes come from a guest, so
//! everything about them is checked.

use http::{HeaderMap, HeaderName};

use super::super::head::{self, HEAD_BYTES_MAX, HEADERS_MAX, InvalidHead};
use super::super::{GuestRequest, ResponseHead};

/// Why the bytes of a response's head are refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Undecodable {
    /// They are not a head at all: the guest does not speak the ABI.
    #[error("malformed response head")]
    Malformed,
    /// They are one that cannot be sent.
    #[error(transparent)]
    Invalid(#[from] InvalidHead),
}

/// Encodes a request's head.
pub(super) fn encode(request: &GuestRequest) -> Vec<u8> {
    let head = &request.head;
    let mut bytes = Vec::with_capacity(512);
    put(&mut bytes, head.method.as_str().as_bytes());
    put(&mut bytes, head.uri.path().as_bytes());
    put(&mut bytes, head.uri.query().unwrap_or_default().as_bytes());
    put(&mut bytes, request.invocation.as_bytes());
    put_length(&mut bytes, request.parameters.len());
    for (name, value) in &request.parameters {
        put(&mut bytes, name.as_bytes());
        put(&mut bytes, value.as_bytes());
    }
    put_headers(&mut bytes, &head.headers);
    bytes
}

/// Decodes a response's head and drops what is the connection's business, not the function's.
pub(super) fn decode(mut bytes: &[u8]) -> Result<ResponseHead, Undecodable> {
    if bytes.len() > HEAD_BYTES_MAX {
        return Err(InvalidHead::too_long().into());
    }
    let status = take_number(&mut bytes)?;
    let headers = take_headers(bytes, |name| !head::of_the_connection(name))?;
    Ok(ResponseHead { status: head::final_status(status)?, headers })
}

/// Every head ends with its headers.
pub(super) fn put_headers(bytes: &mut Vec<u8>, headers: &HeaderMap) {
    put_length(bytes, headers.len());
    for (name, value) in headers {
        put(bytes, name.as_str().as_bytes());
        put(bytes, value.as_bytes());
    }
}

/// The headers that a guest wrote at the end of a head, without those that are not to be kept.
pub(super) fn take_headers(
    mut bytes: &[u8],
    keep: impl Fn(&HeaderName) -> bool,
) -> Result<HeaderMap, Undecodable> {
    let count = take_length(&mut bytes)?;
    if count > HEADERS_MAX {
        return Err(InvalidHead::too_many().into());
    }
    let mut headers = HeaderMap::with_capacity(count);
    for _ in 0..count {
        let (name, value) = (take(&mut bytes)?, take(&mut bytes)?);
        let (name, value) = head::header(name, value)?;
        if keep(&name) {
            headers.append(name, value);
        }
    }
    if bytes.is_empty() { Ok(headers) } else { Err(Undecodable::Malformed) }
}

pub(super) fn put(bytes: &mut Vec<u8>, text: &[u8]) {
    put_length(bytes, text.len());
    bytes.extend_from_slice(text);
}

pub(super) fn put_length(bytes: &mut Vec<u8>, length: usize) {
    let length = u32::try_from(length).expect("a request head is bounded far below 4 GiB");
    bytes.extend_from_slice(&length.to_le_bytes());
}

pub(super) fn take_length(bytes: &mut &[u8]) -> Result<usize, Undecodable> {
    Ok(take_number(bytes)? as usize)
}

pub(super) fn take_number(bytes: &mut &[u8]) -> Result<u32, Undecodable> {
    let (number, rest) = bytes.split_first_chunk::<4>().ok_or(Undecodable::Malformed)?;
    *bytes = rest;
    Ok(u32::from_le_bytes(*number))
}

pub(super) fn take<'b>(bytes: &mut &'b [u8]) -> Result<&'b [u8], Undecodable> {
    let length = take_length(bytes)?;
    let (text, rest) = bytes.split_at_checked(length).ok_or(Undecodable::Malformed)?;
    *bytes = rest;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::guest::{LOCALHOST, RequestBody};

    fn response(status: u32, headers: &[(&str, &str)]) -> Vec<u8> {
        let mut bytes = status.to_le_bytes().to_vec();
        put_length(&mut bytes, headers.len());
        for (name, value) in headers {
            put(&mut bytes, name.as_bytes());
            put(&mut bytes, value.as_bytes());
        }
        bytes
    }

    #[test]
    fn a_request_is_encoded_as_the_abi_says() {
        let head =
            http::Request::get("/api/a?b=c").header("X", "y").body(()).unwrap().into_parts().0;
        let request = GuestRequest {
            head,
            caller: LOCALHOST,
            parameters: vec![("id".into(), "7".into())],
            body: RequestBody::full(bytes::Bytes::new()),
            invocation: "i".into(),
        };
        let mut expected = vec![];
        for text in ["GET", "/api/a", "b=c", "i"] {
            put(&mut expected, text.as_bytes());
        }
        for pair in [["id", "7"], ["x", "y"]] {
            put_length(&mut expected, 1);
            pair.iter().for_each(|text| put(&mut expected, text.as_bytes()));
        }
        assert_eq!(encode(&request), expected);
    }

    #[test]
    fn headers_of_the_connection_are_dropped_and_others_kept_in_order() {
        let bytes = response(
            201,
            &[
                ("Set-Cookie", "a"),
                ("content-length", "99"),
                ("Connection", "x"),
                ("set-cookie", "b"),
            ],
        );
        let head = decode(&bytes).unwrap();
        assert_eq!(head.status, 201);
        let cookies: Vec<_> = head.headers.get_all("set-cookie").iter().collect();
        assert_eq!(cookies, ["a", "b"]);
        assert_eq!(head.headers.len(), 2);
    }

    #[test]
    fn a_head_may_be_as_long_as_its_limit() {
        // status, count, two lengths and the name
        let value = "b".repeat((64 << 10) - 17);
        let head = decode(&response(200, &[("a", &value)])).unwrap();
        assert_eq!(head.headers["a"].len(), value.len());
        assert!(decode(&response(200, &[("a", &format!("{value}b"))])).is_err());
    }

    #[test]
    fn what_cannot_be_sent_is_refused_with_its_name() {
        for (bytes, named) in [
            (response(100, &[]), "status 100"),
            (response(99_999, &[]), "status 99999"),
            (response(200, &[("a b", "x")]), "`a b` is not a header name"),
            (response(200, &[("a", "x\r\ny: z")]), "header `a` has forbidden bytes"),
            (response(200, &[("a", "b"); 129]), "more than 128 headers"),
            (response(200, &[("a", &"b".repeat(64 << 10))]), "longer than 65536 bytes"),
        ] {
            let error = decode(&bytes).unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
        for bytes in [&b"\x01"[..], &[200, 0, 0, 0, 1, 0, 0, 0, 255, 255, 255, 255]] {
            assert_eq!(decode(bytes), Err(Undecodable::Malformed));
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic_the_decoder(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&bytes);
        }
    }
}
