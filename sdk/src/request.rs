//! The caller's request. Its head is read where it lies, its body is fetched from the worker when
//! first asked for. Invariant: nothing is copied, decoded or fetched that the function does not ask
//! for, because a hello must not pay for it.

use std::borrow::Cow;
use std::cell::OnceCell;

use serde::Deserialize;

use crate::head::{Pairs, RequestHead};
use crate::sys::BodyUnreadable;
use crate::{BodyReader, Error, Problem, json_path, query, sys};

/// The first buffer for a body whose length the caller did not say, and the largest that is made on
/// the strength of a `content-length` alone, before bytes have come.
const BODY_BUFFER_BYTES: std::ops::RangeInclusive<usize> = 8 << 10..=1 << 20;

/// A request.
///
/// ```
/// let request = steading::testing::request("GET", "/api/orders/7")
///     .param("id", "7")
///     .query("full=1&tag=a%20b")
///     .header("Accept", "application/json")
///     .build();
/// assert_eq!(request.param("id"), Some("7"));
/// assert_eq!(request.query_param("tag").as_deref(), Some("a b"));
/// assert_eq!(request.header("ACCEPT"), Some("application/json"));
/// ```
pub struct Request {
    head: RequestHead,
    body: OnceCell<Body>,
}

/// What has become of a body that was asked for. It can be read from the worker only once.
#[derive(Debug, PartialEq, Eq)]
enum Body {
    Whole(Vec<u8>),
    /// Given up after more than so many bytes.
    Cut(usize),
    /// The worker refused to go on.
    Unreadable,
}

impl Request {
    /// A request whose body is still with the worker.
    pub(crate) fn from_worker(head: RequestHead) -> Self {
        Self { head, body: OnceCell::new() }
    }

    /// A request that is complete, for tests.
    pub(crate) fn from_parts(head: RequestHead, body: Vec<u8>) -> Self {
        Self { head, body: OnceCell::from(Body::Whole(body)) }
    }

    /// The method, in capital letters.
    pub fn method(&self) -> &str {
        self.head.method()
    }

    /// The path as the caller sent it, percent-encoded: `/api/orders/7`.
    pub fn path(&self) -> &str {
        self.head.path()
    }

    /// What stands after the `?`, as the caller sent it; empty when there is none.
    pub fn query(&self) -> &str {
        self.head.query()
    }

    /// The id of this invocation, the same as in the worker's log.
    pub fn invocation(&self) -> &str {
        self.head.invocation()
    }

    /// A parameter of the route, percent-decoded; `None` when an optional one is absent.
    pub fn param(&self, name: &str) -> Option<&str> {
        let (_, value) = self.head.params().find(|(other, _)| *other == name.as_bytes())?;
        str::from_utf8(value).ok()
    }

    /// The first query parameter of this name, decoded: `%20` and `+` are spaces, a parameter
    /// without `=` is empty text.
    pub fn query_param(&self, name: &str) -> Option<Cow<'_, str>> {
        self.query_params().find(|(other, _)| other == name).map(|(_, value)| value)
    }

    /// The query parameters, decoded, in the caller's order.
    pub fn query_params(&self) -> QueryParams<'_> {
        QueryParams { rest: self.query() }
    }

    /// The first header of this name, in any case; `None` also when its value is not UTF-8.
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers().find(|(other, _)| other.eq_ignore_ascii_case(name))?;
        str::from_utf8(value).ok()
    }

    /// The headers in the caller's order, names in lower case.
    pub fn headers(&self) -> Headers<'_> {
        Headers(self.head.headers())
    }

    /// The whole body.
    ///
    /// # Errors
    /// Status 413 when the body is larger than the worker takes. (Also when the caller has gone away,
    /// but then nobody reads it.)
    pub fn body(&self) -> Result<&[u8], Error> {
        self.body_within(usize::MAX)
    }

    /// The whole body, if it is at most so many bytes long. Say so where you know it: a function that
    /// expects an order need not be ready for a film.
    ///
    /// # Errors
    /// Status 413 when it is longer, at once when the caller said so in `content-length`.
    pub fn body_within(&self, bytes_max: usize) -> Result<&[u8], Error> {
        let stated = self.header("content-length").and_then(|text| text.parse::<usize>().ok());
        if self.body.get().is_none() && stated.is_some_and(|len| len > bytes_max) {
            return Err(too_large(bytes_max));
        }
        match self.body.get_or_init(|| read_body(stated, bytes_max, sys::request_body_read)) {
            Body::Whole(body) if body.len() <= bytes_max => Ok(body),
            Body::Whole(_) => Err(too_large(bytes_max)),
            Body::Cut(limit) => Err(too_large(*limit)),
            Body::Unreadable => Err(Error::new(413, "the body is larger than the worker takes")),
        }
    }

    /// The body as it arrives, for what is too large to hold or should not wait for its end. What was
    /// read whole before is read again from memory.
    pub fn into_reader(self) -> BodyReader {
        match self.body.into_inner() {
            None => BodyReader::of_worker(),
            Some(Body::Whole(body)) => BodyReader::of_memory(body),
            // nothing more comes from the worker, and it says so
            Some(Body::Cut(_) | Body::Unreadable) => BodyReader::of_worker(),
        }
    }

    /// The whole body as text.
    ///
    /// # Errors
    /// Status 400 when it is not UTF-8; else as [`Request::body`].
    pub fn text(&self) -> Result<&str, Error> {
        str::from_utf8(self.body()?).map_err(|_| Error::new(400, "the body is not UTF-8 text"))
    }

    /// The whole body, read as JSON, whatever its `content-type` says. The value may borrow from the
    /// request.
    ///
    /// ```
    /// #[derive(serde::Deserialize)]
    /// struct Item { quantity: u32 }
    ///
    /// let request = steading::testing::request("POST", "/api/items")
    ///     .body(r#"[{"quantity": 1}, {"quantity": "two"}]"#)
    ///     .build();
    /// let error = request.json::<Vec<Item>>().err().unwrap();
    /// assert_eq!(error.status(), 400);
    /// assert!(error.message().starts_with("[1].quantity: invalid type: string \"two\""));
    /// ```
    ///
    /// # Errors
    /// Status 400 when it is not JSON of this shape, with the place in the detail and, where it
    /// is inside an object or a list, in the member `field`; else as [`Request::body`].
    pub fn json<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Error> {
        let body = self.body()?;
        serde_json::from_slice(body).map_err(|error| json_problem(body, &error).into())
    }
}

/// Reads until the end, the stated length, or the first byte over the limit.
fn read_body(
    stated: Option<usize>,
    bytes_max: usize,
    mut read: impl FnMut(&mut [u8]) -> Result<usize, BodyUnreadable>,
) -> Body {
    let (least, most) = (*BODY_BUFFER_BYTES.start(), *BODY_BUFFER_BYTES.end());
    let mut body = vec![0; stated.unwrap_or(least).min(most)];
    let mut filled = 0;
    while stated != Some(filled) {
        if filled > bytes_max {
            return Body::Cut(bytes_max);
        }
        if filled == body.len() {
            body.resize((filled * 2).max(least), 0);
        }
        match read(&mut body[filled..]) {
            Ok(0) => break,
            Ok(bytes) => filled += bytes,
            Err(BodyUnreadable) => return Body::Unreadable,
        }
    }
    body.truncate(filled);
    Body::Whole(body)
}

fn too_large(bytes_max: usize) -> Error {
    Error::new(413, format!("the body is larger than {bytes_max} bytes"))
}

fn json_problem(body: &[u8], error: &serde_json::Error) -> Problem {
    let problem = Problem::new(400, "The body is not the JSON that is expected");
    let path = json_path::at(body, error.line(), error.column());
    if path.is_empty() || !error.is_data() {
        return problem.detail(error.to_string());
    }
    problem.detail(format!("{path}: {error}")).member("field", path)
}

/// The headers of a [`Request`], in order: name in lower case, value as bytes.
#[derive(Clone)]
pub struct Headers<'a>(Pairs<'a>);

impl<'a> Iterator for Headers<'a> {
    type Item = (&'a str, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (name, value) = self.0.next()?;
        Some((str::from_utf8(name).ok()?, value))
    }
}

/// The query parameters of a [`Request`], in order and decoded.
#[derive(Clone)]
pub struct QueryParams<'a> {
    rest: &'a str,
}

impl<'a> Iterator for QueryParams<'a> {
    type Item = (Cow<'a, str>, Cow<'a, str>);

    fn next(&mut self) -> Option<Self::Item> {
        while !self.rest.is_empty() {
            let (pair, rest) = self.rest.split_once('&').unwrap_or((self.rest, ""));
            self.rest = rest;
            if !pair.is_empty() {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                return Some((query::decode(name), query::decode(value)));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::request;

    /// A worker that gives the body in pieces of at most so many bytes.
    fn pieces(body: &[u8], most: usize) -> impl FnMut(&mut [u8]) -> Result<usize, BodyUnreadable> {
        let mut body = body.to_vec();
        move |buffer| {
            let len = buffer.len().min(most).min(body.len());
            buffer[..len].copy_from_slice(&body[..len]);
            body.drain(..len);
            Ok(len)
        }
    }

    #[test]
    fn a_body_is_read_whole_whatever_its_pieces() {
        let body: Vec<u8> = (0..50_000u32).map(|n| n as u8).collect();
        for most in [7, 8192, 60_000] {
            for stated in [None, Some(body.len())] {
                let read = read_body(stated, usize::MAX, pieces(&body, most));
                assert_eq!(read, Body::Whole(body.clone()));
            }
        }
        assert_eq!(read_body(None, usize::MAX, pieces(b"", 9)), Body::Whole(vec![]));
    }

    #[test]
    fn a_body_of_stated_length_takes_no_read_for_its_end() {
        let mut reads = 0;
        let mut worker = pieces(b"12345", 9);
        let body = read_body(Some(5), usize::MAX, |buffer| {
            reads += 1;
            worker(buffer)
        });
        assert_eq!((body, reads), (Body::Whole(b"12345".into()), 1));
    }

    #[test]
    fn a_body_over_the_limit_is_refused_without_reading_it_all() {
        let mut reads = 0;
        let mut worker = pieces(&[0; 100_000], 4096);
        let body = read_body(None, 10, |buffer| {
            reads += 1;
            worker(buffer)
        });
        assert_eq!((body, reads), (Body::Cut(10), 1));
        let error = request("POST", "/").body("12345").build().body_within(4).unwrap_err();
        assert_eq!((error.status(), error.message()), (413, "the body is larger than 4 bytes"));
    }

    #[test]
    fn a_body_that_breaks_off_is_never_taken_for_whole() {
        let mut worker = pieces(&[0; 100], 40);
        let body = read_body(Some(100), usize::MAX, |buffer| match worker(buffer)? {
            20 => Err(BodyUnreadable),
            bytes => Ok(bytes),
        });
        assert_eq!(body, Body::Unreadable);
    }

    #[test]
    fn query_parameters_are_decoded_in_order() {
        let request = request("GET", "/").query("a=1&&b&a=%C3%A9+x&=y&c=1=2").build();
        let pairs: Vec<_> = request.query_params().collect();
        let expect = [("a", "1"), ("b", ""), ("a", "é x"), ("", "y"), ("c", "1=2")];
        assert_eq!(pairs, expect.map(|(name, value)| (name.into(), value.into())));
        assert_eq!(request.query_param("a").as_deref(), Some("1"));
        assert_eq!(request.query_param("d"), None);
    }

    #[test]
    fn a_body_that_is_not_text_is_a_bad_request() {
        let error = request("POST", "/").body(vec![0xff]).build().text().unwrap_err().status();
        assert_eq!(error, 400);
    }

    #[test]
    fn json_that_does_not_parse_names_line_and_column_only() {
        let request = request("POST", "/").body("{\"a\": [1,}").build();
        let error = request.json::<serde_json::Value>().unwrap_err();
        assert!(error.message().contains("line 1 column 10"), "{error}");
        assert!(!error.message().contains("a:"), "{error}");
    }
}
