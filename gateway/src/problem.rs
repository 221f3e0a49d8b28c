//! The one place that turns a refusal or a failure of the gateway into HTTP.

use http::{HeaderValue, Response, StatusCode, header};
use steading_protocol::WorkerId;
use steading_router::Miss;
use steading_server::{HeadFault, problem};

use crate::reply::ReplyBody;

/// Why a request is not answered by a worker.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error(transparent)]
    Head(#[from] HeadFault),
    #[error(transparent)]
    Miss(#[from] Miss),
    #[error("this gateway passes no connection on to another protocol")]
    Upgrade,
    #[error("this gateway has not heard from its manager yet")]
    NoRoutes,
    #[error("no worker has the app ready")]
    NoWorker,
    #[error("worker `{0}` cannot be reached")]
    Unreachable(WorkerId),
    #[error("worker `{0}` broke the connection off before it answered")]
    BrokenOff(WorkerId),
    #[error("worker `{0}` was silent for too long")]
    Silent(WorkerId),
}

impl Refusal {
    pub(crate) fn status_and_code(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Head(fault) => fault.status_and_code(),
            Self::Miss(Miss::NotFound) => (StatusCode::NOT_FOUND, "route_unknown"),
            Self::Miss(Miss::Method { .. }) => {
                (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed")
            }
            Self::Upgrade => (StatusCode::NOT_IMPLEMENTED, "upgrade_unsupported"),
            Self::NoRoutes => (StatusCode::SERVICE_UNAVAILABLE, "no_routes_yet"),
            Self::NoWorker => (StatusCode::SERVICE_UNAVAILABLE, "no_worker_ready"),
            Self::Unreachable(_) => (StatusCode::BAD_GATEWAY, "worker_unreachable"),
            Self::BrokenOff(_) => (StatusCode::BAD_GATEWAY, "worker_broke_off"),
            Self::Silent(_) => (StatusCode::GATEWAY_TIMEOUT, "worker_silent"),
        }
    }

    /// The answer to the caller.
    pub(crate) fn response(&self) -> Response<ReplyBody> {
        let (status, code) = self.status_and_code();
        let mut response: Response<ReplyBody> = problem(status, code, self.to_string(), None);
        match self {
            Self::Miss(Miss::Method { allow }) => {
                let allow = HeaderValue::from_str(&allow.join(", "));
                let allow = allow.expect("method names are header text");
                response.headers_mut().insert(header::ALLOW, allow);
            }
            Self::NoRoutes | Self::NoWorker => {
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            }
            _ => {}
        }
        response
    }
}
