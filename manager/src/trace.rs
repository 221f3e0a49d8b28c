//! The outermost layer: gives each request its id, logs it, writes the body of every error, and
//! sets the headers that every answer carries. The only place that logs a failed request's cause.

use std::time::Instant;

use axum::Json;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, header};
use steading_protocol::problem::ErrorBody;
use tracing::Instrument;

use crate::error::{ApiError, Code};

/// The id of a request; in the request's extensions, the answer's header and the log.
#[derive(Clone, Debug)]
pub(crate) struct RequestId(pub(crate) String);

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Scripts and styles from the portal itself only, no framing, no inline script.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; img-src 'self' data: blob:; \
    object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// Set on every answer that does not say otherwise.
const SECURITY_HEADERS: &[(HeaderName, &str)] = &[
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
];

/// The middleware.
pub(crate) async fn trace(mut request: Request, next: Next) -> Response {
    let id = RequestId(uuid::Uuid::now_v7().simple().to_string());
    let span = tracing::debug_span!(
        "request",
        request_id = %id.0,
        method = %request.method(),
        path = request.uri().path(),
    );
    request.extensions_mut().insert(id.clone());
    let begun = Instant::now();
    let answer = async {
        let response = next.run(request).await;
        let response = with_body(&id, response);
        tracing::debug!(
            status = response.status().as_u16(),
            duration_us = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX),
            "request answered"
        );
        response
    };
    let mut response = answer.instrument(span).await;
    let headers = response.headers_mut();
    headers.insert(
        REQUEST_ID,
        HeaderValue::from_str(&id.0).expect("a request id is hexadecimal digits"),
    );
    for (name, value) in SECURITY_HEADERS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

/// Gives an error its body, unless the portal has made a page of it.
fn with_body(id: &RequestId, mut response: Response) -> Response {
    let Some(error) = response.extensions_mut().remove::<ApiError>() else { return response };
    log(id, &error);
    if response.headers().contains_key(header::CONTENT_TYPE) {
        return response;
    }
    let body = ErrorBody {
        code: error.word().to_owned(),
        message: error.message().to_owned(),
        request_id: id.0.clone(),
    };
    response.headers_mut().remove(header::CONTENT_LENGTH);
    let mut with_body = (response.status(), Json(body)).into_response();
    with_body.headers_mut().extend(response.headers().clone());
    with_body
}

fn log(id: &RequestId, error: &ApiError) {
    let (code, cause) = (error.word(), error.cause_chain());
    match cause {
        Some(cause) if error.status().is_server_error() => {
            tracing::error!(request_id = %id.0, code, error = %cause, "request failed");
        }
        cause => {
            tracing::debug!(request_id = %id.0, code, error = cause, "request refused");
        }
    }
}

/// The answer to a request whose handler panicked.
pub(crate) fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    ApiError::new(Code::Internal, "the manager failed to answer; see its log").into_response()
}
