//! What holds for the head of every response, whatever kind of guest gives it: how long it may be, which
//! status and headers can be sent, and which are not the function's business. Pure.

use http::{HeaderName, HeaderValue, StatusCode};

/// More headers than this in a response are refused; hyper's own limit for a request is 100.
pub(super) const HEADERS_MAX: usize = 128;

/// The length of a response's head as the guest writes it, bytes: as much as a request's head may have. The
/// worker holds a copy of it beside the body's limit, and hardly a proxy takes more.
pub(super) const HEAD_BYTES_MAX: usize = 64 << 10;

/// Why a response's head is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum InvalidHead {
    /// The head is understood and cannot be sent, or cannot be understood as one.
    #[error("{0}")]
    Unsendable(String),
    /// There is more of it than may be.
    #[error("{0}")]
    TooLarge(String),
}

impl InvalidHead {
    /// Longer than a head may be.
    pub(super) fn too_long() -> Self {
        Self::TooLarge(format!("longer than {HEAD_BYTES_MAX} bytes"))
    }

    /// More headers than a head may have.
    pub(super) fn too_many() -> Self {
        Self::TooLarge(format!("more than {HEADERS_MAX} headers"))
    }
}

/// A header of a response, checked.
pub(super) fn header(name: &[u8], value: &[u8]) -> Result<(HeaderName, HeaderValue), InvalidHead> {
    let parsed = HeaderName::from_bytes(name)
        .map_err(|_| InvalidHead::Unsendable(format!("`{}` is not a header name", shown(name))))?;
    let value = HeaderValue::from_bytes(value).map_err(|_| {
        let name = shown(name);
        InvalidHead::Unsendable(format!("the value of header `{name}` has forbidden bytes"))
    })?;
    Ok((parsed, value))
}

/// The status of a response; interim ones are not for functions.
pub(super) fn final_status(status: u32) -> Result<StatusCode, InvalidHead> {
    let number = u16::try_from(status).ok().filter(|status| (200..=599).contains(status));
    number
        .and_then(|status| StatusCode::from_u16(status).ok())
        .ok_or_else(|| InvalidHead::Unsendable(format!("status {status} is not within 200 to 599")))
}

/// Headers that belong to one connection (RFC 9110, 7.6.1), and the length, which the worker sets
/// from the body it really sends.
pub(super) fn of_the_connection(name: &HeaderName) -> bool {
    const NAMES: [&str; 9] = [
        "connection",
        "content-length",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "http2-settings",
    ];
    NAMES.contains(&name.as_str())
}

/// The beginning of what a guest wrote, for a message.
pub(super) fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(64)]).into_owned()
}
