//! The error type that makes `?` work in a function. Not a tree of causes: a function's error is
//! what its caller is told. Invariant: the text of a foreign error goes to the log and never to
//! the caller, who may be anyone.

use std::borrow::Cow;

use crate::{IntoResponse, Problem, Response, log};

/// What a caller is told when a function fails; becomes a problem response.
///
/// Every [`std::error::Error`] turns into one by `?`, as status 500, with its text in the log and
/// not in the response. To tell the caller something, say it with [`Error::new`] or a [`Problem`]:
///
/// ```
/// use steading::{Error, Request, Response};
///
/// fn half(request: Request) -> Result<Response, Error> {
///     let text = request.query_param("n").ok_or_else(|| Error::new(400, "`n` is missing"))?;
///     let n: u32 = text.parse().map_err(|_| Error::new(400, "`n` is not a whole number"))?;
///     Ok(Response::text((n / 2).to_string()))
/// }
///
/// let response = half(steading::testing::request("GET", "/api/half").query("n=x").build());
/// assert_eq!(response.unwrap_err().status(), 400);
/// ```
#[derive(Debug)]
pub struct Error {
    /// In a box, so that every `Result` on the way to the caller stays small.
    problem: Box<Problem>,
    logged: Option<String>,
}

impl Error {
    /// An error with a status from 400 to 599 and a message that the caller is told.
    pub fn new(status: u16, message: impl Into<Cow<'static, str>>) -> Self {
        Problem::of_status(status).detail(message).into()
    }

    /// The status of the response that this becomes.
    pub fn status(&self) -> u16 {
        self.problem.status()
    }

    /// What the caller is told.
    pub fn message(&self) -> &str {
        self.problem.text()
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self { problem: Box::new(problem), logged: None }
    }
}

impl<E: std::error::Error> From<E> for Error {
    fn from(error: E) -> Self {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            text = format!("{text}: {error}");
            cause = error.source();
        }
        let problem = Problem::of_status(500).detail("the function failed");
        Self { problem: Box::new(problem), logged: Some(text) }
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.logged.as_deref().unwrap_or(self.message()))
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        if let Some(text) = &self.logged {
            log::error(text);
        }
        self.problem.into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_error_is_hidden_from_the_caller() {
        let error = Error::from(std::io::Error::other("password is hunter2"));
        assert!(error.to_string().contains("hunter2"));
        let response = error.into_response();
        assert_eq!(response.status_code(), 500);
        assert!(!response.body_text().contains("hunter2"));
    }

    #[test]
    fn an_error_becomes_a_problem_with_its_message() {
        let response = Error::new(409, "order 7 exists").into_response();
        assert_eq!(response.header_value("content-type"), Some("application/problem+json"));
        assert_eq!(
            response.body_text(),
            r#"{"type":"about:blank","title":"Conflict","status":409,"detail":"order 7 exists"}"#
        );
    }
}
