//! Responses: whole, built in memory and handed to the worker in one call, or streamed, written while
//! the caller already reads. Invariant: what the worker gets is exactly the status, headers and body
//! that the accessors show, so a native test sees what a caller would, short of `content-length`,
//! which the worker adds.

use std::borrow::Cow;
use std::{fmt, io};

use serde::{Serialize, de::DeserializeOwned};

use crate::head::{put_str, put_u32};
use crate::{BodyWriter, Problem, log, sys};

type Text = Cow<'static, str>;

/// A response: status, headers, body.
///
/// ```
/// use steading::Response;
///
/// let response = Response::json(&[1, 2, 3]).status(201).header("location", "/api/orders/7");
/// assert_eq!(response.status_code(), 201);
/// assert_eq!(response.header_value("Content-Type"), Some("application/json"));
/// assert_eq!(response.body_text(), "[1,2,3]");
/// ```
pub struct Response {
    status: u16,
    headers: Vec<(Text, Text)>,
    body: Body,
}

enum Body {
    Whole(Cow<'static, [u8]>),
    Streamed(Write),
}

type Write = Box<dyn FnOnce(&mut BodyWriter) -> io::Result<()>>;

/// What a function returns to the worker when the body of a streamed response broke off.
const BROKEN_OFF: i32 = 2;

impl Response {
    /// An empty response with this status, 200 to 599; the worker refuses others.
    pub fn new(status: u16) -> Self {
        Self { status, headers: vec![], body: Body::Whole(Cow::Borrowed(&[])) }
    }

    /// An empty response with status 200.
    pub fn ok() -> Self {
        Self::new(200)
    }

    /// Plain text, UTF-8, with status 200.
    pub fn text(text: impl Into<Text>) -> Self {
        let body = match text.into() {
            Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
            Cow::Owned(text) => Cow::Owned(text.into_bytes()),
        };
        Self { body: Body::Whole(body), ..Self::ok() }
            .header("content-type", "text/plain; charset=utf-8")
    }

    /// A value as JSON, with status 200. A value that has no JSON form (a map with keys that are not
    /// text, say) is logged and becomes status 500.
    pub fn json<T: Serialize + ?Sized>(value: &T) -> Self {
        match serde_json::to_vec(value) {
            Ok(body) => Self::ok().header("content-type", "application/json").body(body),
            Err(error) => {
                log::error(format!("the response has no JSON form: {error}"));
                Self::new(500)
            }
        }
    }

    /// A response with status 200 whose body is written while the caller already reads it. The
    /// head leaves before `write` is called, so that what goes wrong in there can only break the body off: an
    /// error ends the response where it is. A slow caller slows the writing; one that goes away ends it.
    ///
    /// ```
    /// use std::io::Write;
    /// use steading::Response;
    ///
    /// let response = Response::stream(|body| {
    ///     for n in 1..=3 {
    ///         writeln!(body, "{n}")?;
    ///     }
    ///     Ok(())
    /// });
    /// assert_eq!(steading::testing::whole(response).body_text(), "1\n2\n3\n");
    /// ```
    pub fn stream(write: impl FnOnce(&mut BodyWriter) -> io::Result<()> + 'static) -> Self {
        Self { body: Body::Streamed(Box::new(write)), ..Self::ok() }
    }

    /// Problem details with a status and a title. [`Problem`] has the other members.
    pub fn problem(status: u16, title: impl Into<Text>) -> Self {
        Problem::new(status, title).into()
    }

    /// Sets the status, 200 to 599.
    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// Sets a header, in place of one of the same name. The worker refuses a response with a
    /// character in it that HTTP does not allow, such as a line break.
    #[must_use]
    pub fn header(mut self, name: impl Into<Text>, value: impl Into<Text>) -> Self {
        let (name, value) = (name.into(), value.into());
        match self.headers.iter_mut().find(|(other, _)| other.eq_ignore_ascii_case(&name)) {
            Some(header) => header.1 = value,
            None => self.headers.push((name, value)),
        }
        self
    }

    /// Adds a header beside others of the same name, as `set-cookie` needs it.
    #[must_use]
    pub fn header_add(mut self, name: impl Into<Text>, value: impl Into<Text>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sets the body. The content type is yours to set.
    #[must_use]
    pub fn body(mut self, body: impl Into<Cow<'static, [u8]>>) -> Self {
        self.body = Body::Whole(body.into());
        self
    }

    /// The status.
    pub fn status_code(&self) -> u16 {
        self.status
    }

    /// The first header of this name, in any case.
    pub fn header_value(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_ref())
    }

    /// The headers, in the order in which they were first set.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers.iter().map(|(name, value)| (name.as_ref(), value.as_ref()))
    }

    /// The body; empty for one that is streamed, before [`testing::whole`](crate::testing::whole).
    pub fn body_bytes(&self) -> &[u8] {
        match &self.body {
            Body::Whole(body) => body,
            Body::Streamed(_) => &[],
        }
    }

    /// The body as text, for tests; what is not UTF-8 is replaced.
    pub fn body_text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.body_bytes())
    }

    /// The body read as JSON, for tests.
    pub fn body_json<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(self.body_bytes())
    }

    /// Gives the response to the worker; what the function returns to it.
    pub(crate) fn send(self) -> i32 {
        let head = self.encode_head();
        match self.body {
            Body::Whole(body) => sys::response_send(&head, &body),
            Body::Streamed(write) => {
                let started = sys::response_start(&head);
                if started.is_ok() && write(&mut BodyWriter::to_worker()).is_ok() {
                    0
                } else {
                    BROKEN_OFF
                }
            }
        }
    }

    /// The response with its body in memory.
    pub(crate) fn collected(self) -> io::Result<Self> {
        let body = match self.body {
            Body::Whole(body) => body,
            Body::Streamed(write) => {
                let mut body = BodyWriter::to_memory();
                write(&mut body)?;
                body.into_memory().into()
            }
        };
        Ok(Self { body: Body::Whole(body), ..self })
    }

    /// The response head as `ABI.md` lays it out.
    pub(crate) fn encode_head(&self) -> Vec<u8> {
        let sizes = self.headers.iter().map(|(name, value)| 8 + name.len() + value.len());
        let mut head = Vec::with_capacity(8 + sizes.sum::<usize>());
        put_u32(&mut head, usize::from(self.status));
        put_u32(&mut head, self.headers.len());
        for (name, value) in &self.headers {
            put_str(&mut head, name.as_bytes());
            put_str(&mut head, value.as_bytes());
        }
        head
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Response");
        shown.field("status", &self.status).field("headers", &self.headers);
        match &self.body {
            Body::Whole(_) => shown.field("body", &self.body_text()).finish(),
            Body::Streamed(_) => shown.finish_non_exhaustive(),
        }
    }
}

/// What a function may return: a [`Response`], an [`Error`](crate::Error), a [`Problem`], or a
/// `Result` of two such types. Implement it for an error type of your own to return that.
#[diagnostic::on_unimplemented(
    message = "a function cannot answer with `{Self}`",
    label = "return `steading::Response`, or `Result<Response, E>` with an `E` that is `steading::Error`, `steading::Problem` or your own type with `IntoResponse`"
)]
pub trait IntoResponse {
    /// The response to send.
    fn into_response(self) -> Response;
}

impl IntoResponse for Response {
    fn into_response(self) -> Response {
        self
    }
}

impl<T: IntoResponse, E: IntoResponse> IntoResponse for Result<T, E> {
    fn into_response(self) -> Response {
        match self {
            Ok(value) => value.into_response(),
            Err(error) => error.into_response(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_set_twice_is_there_once_and_one_added_is_there_twice() {
        let response = Response::text("x").header("Content-Type", "text/csv");
        assert_eq!(response.headers().collect::<Vec<_>>(), [("content-type", "text/csv")]);
        let response =
            Response::ok().header_add("set-cookie", "a=1").header_add("set-cookie", "b=2");
        assert_eq!(response.headers().count(), 2);
    }

    #[test]
    fn the_head_is_laid_out_as_the_abi_says() {
        let head = Response::new(204).header("a", "bc").encode_head();
        assert_eq!(head, b"\xcc\0\0\0\x01\0\0\0\x01\0\0\0a\x02\0\0\0bc");
    }

    #[test]
    fn a_value_without_a_json_form_becomes_status_500() {
        let map = std::collections::BTreeMap::from([([1], 1)]);
        assert_eq!(Response::json(&map).status_code(), 500);
    }
}
