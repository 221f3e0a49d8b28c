//! Why a call of the manager's API has no answer that can be used.

use steading_protocol::problem::ErrorBody;
use url::Url;

/// Why a call has no answer that can be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    /// No answer came.
    #[error("the manager at {manager} cannot be reached: {}", root_cause(cause))]
    Unreachable {
        /// The manager's URL.
        manager: Url,
        /// What the connection failed with. Shown by its root, because the layers in between
        /// repeat the URL.
        cause: reqwest::Error,
    },
    /// The manager refused or failed, and said why.
    #[error("{} ({}, request {})", body.message, body.code, body.request_id)]
    Refused {
        /// The HTTP status.
        status: u16,
        /// What the manager said.
        body: ErrorBody,
    },
    /// An answer that is not the manager's API.
    #[error("{manager} answered with status {status} and a body that is not a Steading manager's")]
    Unclear {
        /// The manager's URL.
        manager: Url,
        /// The HTTP status.
        status: u16,
    },
}

impl ClientError {
    /// Whether the same call may succeed a moment later: the manager is away, not unwilling.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Unclear { status: 502..=504, .. })
    }
}

/// The innermost cause, such as `Connection refused (os error 111)`.
fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
