//! The one place that turns a refusal or a failure into HTTP: status, code, and the sentence a
//! caller reads. What only an operator should read goes to the log, not in here.

use http::{HeaderValue, Response, StatusCode, header};
use steading_protocol::problem::REFUSED;
use steading_router::Miss;
use steading_server::{HeadFault, problem};

use crate::admission::Busy;
use crate::auth::Unauthorized;
use crate::availability::Away;
use crate::guest::GuestError;
use crate::invoke::ReplyBody;

/// Why a request is not answered by a function.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error(transparent)]
    Miss(#[from] Miss),
    #[error(transparent)]
    Unauthorized(#[from] Unauthorized),
    #[error(transparent)]
    Busy(#[from] Busy),
    #[error(transparent)]
    Away(#[from] Away),
    #[error("the request body is longer than the function's {bytes_max} bytes")]
    TooLarge { bytes_max: u64 },
    #[error(transparent)]
    Head(#[from] HeadFault),
}

impl Refusal {
    pub(crate) fn status_and_code(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Miss(Miss::NotFound) => (StatusCode::NOT_FOUND, "route_unknown"),
            Self::Miss(Miss::Method { .. }) => {
                (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed")
            }
            Self::Unauthorized(_) => (StatusCode::UNAUTHORIZED, "unauthorized"),
            Self::Busy(Busy::Function { .. }) => (StatusCode::TOO_MANY_REQUESTS, "function_busy"),
            Self::Busy(Busy::App { .. }) => (StatusCode::TOO_MANY_REQUESTS, "app_busy"),
            Self::Busy(Busy::Worker { .. }) => (StatusCode::SERVICE_UNAVAILABLE, "worker_busy"),
            Self::Away(_) => (StatusCode::SERVICE_UNAVAILABLE, "worker_away"),
            Self::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "request_too_large"),
            Self::Head(fault) => fault.status_and_code(),
        }
    }

    /// The answer to the caller.
    pub(crate) fn response(&self) -> Response<ReplyBody> {
        let (status, code) = self.status_and_code();
        let mut response: Response<ReplyBody> = problem(status, code, self.to_string(), None);
        response.headers_mut().insert(REFUSED, HeaderValue::from_static(code));
        match self {
            Self::Miss(Miss::Method { allow }) => {
                let allow = HeaderValue::from_str(&allow.join(", "));
                let allow = allow.expect("method names are header text");
                response.headers_mut().insert(header::ALLOW, allow);
            }
            Self::Busy(_) => {
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            }
            Self::Away(away) => {
                response.headers_mut().insert(header::RETRY_AFTER, away.retry_after_s.into());
            }
            _ => {}
        }
        response
    }
}

impl GuestError {
    pub(crate) fn status_and_code(&self) -> (StatusCode, &'static str) {
        let ours = StatusCode::INTERNAL_SERVER_ERROR;
        match self {
            Self::DeadlineExceeded(_) => (StatusCode::GATEWAY_TIMEOUT, "deadline_exceeded"),
            Self::RequestTooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "request_too_large"),
            Self::CpuExceeded(_) => (ours, "cpu_exceeded"),
            Self::MemoryExceeded { .. } => (ours, "memory_exceeded"),
            Self::FileWriteExceeded { .. } => (ours, "file_write_exceeded"),
            Self::StackExhausted => (ours, "stack_exhausted"),
            Self::Trapped { .. } => (ours, "guest_trapped"),
            Self::NoResponse => (ours, "no_response"),
            Self::Failed(_) | Self::ErrorGiven(_) => (ours, "guest_failed"),
            Self::ResponseInvalid(_) => (ours, "response_invalid"),
            Self::ResponseHeadTooLarge(_) => (ours, "response_head_too_large"),
            Self::ResponseTooLarge { .. } => (ours, "response_too_large"),
            Self::Instantiate { .. } => (ours, "instance_unavailable"),
        }
    }

    /// The answer to the caller. The reason of a failed instantiation stays in the log: it speaks of
    /// the worker, not of the function.
    pub(crate) fn response(&self, invocation: &str) -> Response<ReplyBody> {
        let (status, code) = self.status_and_code();
        let title = match self {
            Self::Instantiate { .. } => "an instance of the function could not be made".to_owned(),
            fault => fault.to_string(),
        };
        problem(status, code, title, Some(invocation.to_owned()))
    }
}
