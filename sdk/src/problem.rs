//! Problem details, RFC 9457: errors that a program can read. Not a registry of problem types:
//! without one of its own a problem is `about:blank`, which means "as its status says".

use std::borrow::Cow;

use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::Value;

use crate::{IntoResponse, Response};

/// An error as `application/problem+json`.
///
/// ```
/// use steading::{IntoResponse, Problem};
///
/// let response = Problem::new(422, "Order refused")
///     .detail("the quantity is 0")
///     .member("field", "items[0].quantity")
///     .into_response();
/// assert_eq!(response.status_code(), 422);
/// assert!(response.body_text().contains(r#""field":"items[0].quantity""#));
/// ```
#[derive(Clone, Debug)]
pub struct Problem {
    kind: Cow<'static, str>,
    title: Cow<'static, str>,
    status: u16,
    detail: Option<Cow<'static, str>>,
    members: Vec<(Cow<'static, str>, Value)>,
}

impl Problem {
    /// A problem with its status and a short title that is the same for every occurrence.
    pub fn new(status: u16, title: impl Into<Cow<'static, str>>) -> Self {
        let kind = "about:blank".into();
        Self { kind, title: title.into(), status, detail: None, members: vec![] }
    }

    /// A problem whose title is the status's own, such as `Not Found`.
    pub fn of_status(status: u16) -> Self {
        Self::new(status, reason(status))
    }

    /// The URI that names this type of problem, in place of `about:blank`.
    #[must_use]
    pub fn kind(mut self, uri: impl Into<Cow<'static, str>>) -> Self {
        self.kind = uri.into();
        self
    }

    /// What is wrong this time, for people.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Adds a member of its own, for programs; names given twice stand twice.
    #[must_use]
    pub fn member(mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Value>) -> Self {
        self.members.push((name.into(), value.into()));
        self
    }

    /// The status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The detail, or the title when there is none.
    pub fn text(&self) -> &str {
        self.detail.as_ref().unwrap_or(&self.title)
    }
}

impl Serialize for Problem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", &self.kind)?;
        map.serialize_entry("title", &self.title)?;
        map.serialize_entry("status", &self.status)?;
        if let Some(detail) = &self.detail {
            map.serialize_entry("detail", detail)?;
        }
        for (name, value) in &self.members {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        Response::json(&self).status(self.status).header("content-type", "application/problem+json")
    }
}

impl From<Problem> for Response {
    fn from(problem: Problem) -> Self {
        problem.into_response()
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        409 => "Conflict",
        410 => "Gone",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        415 => "Unsupported Media Type",
        422 => "Unprocessable Content",
        428 => "Precondition Required",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ if status < 500 => "Client Error",
        _ => "Server Error",
    }
}
