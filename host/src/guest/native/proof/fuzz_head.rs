//! Fuzz targets: the two heads of the ABI. A request's head, encoded, is read back by a decoder that
//! was written from `sdk/ABI.md` alone; a response's head comes from a guest and may be any bytes.

use bytes::Bytes;
use steading_fuzz::Corpus;

use super::super::head::{self, Undecodable};
use crate::guest::{GuestRequest, LOCALHOST, RequestBody};

/// A request from its text: the request line, `@name=value` for parameters, `name: value` for
/// headers. `None` when HTTP has no such request.
fn request(bytes: &[u8]) -> Option<GuestRequest> {
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let line = std::str::from_utf8(lines.next()?).ok()?;
    let (method, target) = line.split_once(' ')?;
    let mut builder = http::Request::builder().method(method).uri(target);
    let mut parameters = vec![];
    for line in lines.filter(|line| !line.is_empty()) {
        let at = |mark| line.iter().position(|byte| *byte == mark);
        if line[0] == b'@' {
            let text = String::from_utf8_lossy(&line[1..]).into_owned();
            let (name, value) = text.split_once('=')?;
            parameters.push((name.to_owned(), value.to_owned()));
        } else {
            let (name, value) = line.split_at(at(b':')?);
            builder = builder.header(name, value[1..].trim_ascii_start());
        }
    }
    let (head, ()) = builder.body(()).ok()?.into_parts();
    let body = RequestBody::full(Bytes::new());
    Some(GuestRequest { head, caller: LOCALHOST, parameters, body, invocation: "i-7".into() })
}

/// Names and values.
type Pairs = Vec<[Vec<u8>; 2]>;

/// The decoder of `sdk/ABI.md`: four texts and two lists of pairs, and nothing after them.
fn decode(mut bytes: &[u8]) -> (Vec<String>, Pairs, Pairs) {
    let number = |bytes: &mut &[u8]| {
        let (number, rest) = bytes.split_first_chunk::<4>().expect("a number");
        *bytes = rest;
        u32::from_le_bytes(*number) as usize
    };
    let text = |bytes: &mut &[u8]| {
        let length = number(bytes);
        let (text, rest) = bytes.split_at(length);
        *bytes = rest;
        text.to_vec()
    };
    let fields = (0..4).map(|_| String::from_utf8(text(&mut bytes)).expect("text")).collect();
    let list = |bytes: &mut &[u8]| {
        (0..number(bytes)).map(|_| [text(bytes), text(bytes)]).collect::<Vec<_>>()
    };
    let (parameters, headers) = (list(&mut bytes), list(&mut bytes));
    assert!(bytes.is_empty(), "{} bytes are left over", bytes.len());
    (fields, parameters, headers)
}

fn check_request(bytes: &[u8]) {
    let Some(request) = request(bytes) else { return };
    let (fields, parameters, headers) = decode(&head::encode(&request));
    let uri = &request.head.uri;
    let query = uri.query().unwrap_or_default();
    assert_eq!(fields, [request.head.method.as_str(), uri.path(), query, "i-7"]);
    let expected = request.parameters.iter();
    let expected =
        expected.map(|(name, value)| [name.as_bytes().to_vec(), value.as_bytes().to_vec()]);
    assert_eq!(parameters, expected.collect::<Vec<_>>());
    let expected = request.head.headers.iter();
    let expected = expected.map(|(name, value)| [name.as_str().into(), value.as_bytes().to_vec()]);
    assert_eq!(headers, expected.collect::<Vec<_>>());
}

/// Whatever is taken can be sent: HTTP's own rules hold for it, and nothing in it is the connection's.
fn check_response(bytes: &[u8]) {
    let head = match head::decode(bytes) {
        Ok(head) => head,
        Err(Undecodable::Malformed) => return,
        Err(Undecodable::Invalid(invalid)) => {
            let reason = invalid.to_string();
            assert!(!reason.is_empty() && reason.len() < 1000, "{reason}");
            return;
        }
    };
    assert!((200..=599).contains(&head.status.as_u16()), "{}", head.status);
    assert!(head.headers.len() <= 128, "{} headers", head.headers.len());
    for (name, value) in &head.headers {
        let kept_back = ["connection", "content-length", "transfer-encoding", "upgrade", "trailer"];
        assert!(!kept_back.contains(&name.as_str()), "{name}");
        assert!(!value.as_bytes().iter().any(|byte| b"\r\n\0".contains(byte)), "{value:?}");
    }
}

#[test]
fn fuzz_request_head() {
    let corpus = Corpus::of("request_head");
    assert!(corpus.seeds().all(|(_, bytes)| request(bytes).is_some()), "the seeds are requests");
    steading_fuzz::target!(corpus, check_request);
}

#[test]
fn fuzz_response_head() {
    steading_fuzz::target!(Corpus::of("response_head"), check_response);
}
