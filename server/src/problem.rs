//! A problem (RFC 9457) as a response.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use steading_protocol::problem::Problem;

/// The answer that tells a caller of a refusal or a failure.
pub fn problem<B: From<Bytes>>(
    status: StatusCode,
    code: &str,
    title: String,
    invocation: Option<String>,
) -> Response<B> {
    let problem = Problem { status: status.as_u16(), code: code.to_owned(), title, invocation };
    let body = serde_json::to_vec(&problem).expect("a problem is plain data");
    let mut response = Response::new(B::from(Bytes::from(body)));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/problem+json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}
