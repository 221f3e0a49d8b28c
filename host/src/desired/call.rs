//! One call to the manager: sent, judged by its status, read. Knows no particular call, and tries
//! nothing twice.

use http::StatusCode;
use steading_protocol::Digest;
use url::Url;

/// A call to the manager failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LinkError {
    #[error("this worker has neither a join token nor an identity from an earlier join")]
    NoToken,
    #[error("the manager does not know this worker or its token")]
    Unknown,
    #[error(
        "the manager does not take this worker's join token; it may have been given another one"
    )]
    JoinToken,
    #[error("the manager refused to {call}: {status} {message}")]
    Refused { call: &'static str, status: StatusCode, message: String },
    #[error("cannot {call}")]
    Unreachable { call: &'static str, source: reqwest::Error },
    #[error("module {} arrived with other bytes than its digest says", .0.short())]
    WrongBytes(Digest),
    #[error("cannot read this worker's identity")]
    Identity(#[source] std::io::Error),
}

impl LinkError {
    /// What lies under the error, for the log.
    pub(crate) fn cause(&self) -> String {
        let mut causes = vec![];
        let mut next = std::error::Error::source(self);
        while let Some(cause) = next {
            causes.push(cause.to_string());
            next = cause.source();
        }
        causes.join(": ")
    }
}

pub(super) fn endpoint(base: &Url, parts: &[&str]) -> Url {
    let mut url = base.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(parts);
    }
    url
}

pub(super) async fn send(
    call: &'static str,
    request: reqwest::RequestBuilder,
) -> Result<reqwest::Response, LinkError> {
    let sent = request.send().await;
    let response = sent.map_err(|source| LinkError::Unreachable { call, source })?;
    let status = response.status();
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::NOT_FOUND => Err(LinkError::Unknown),
        _ if status.is_success() => Ok(response),
        _ => {
            // the first lines of the manager's error say enough
            let message = response.text().await.unwrap_or_default().chars().take(500).collect();
            Err(LinkError::Refused { call, status, message })
        }
    }
}

pub(super) async fn json<T: serde::de::DeserializeOwned>(
    call: &'static str,
    response: reqwest::Response,
) -> Result<T, LinkError> {
    response.json().await.map_err(|source| LinkError::Unreachable { call, source })
}
