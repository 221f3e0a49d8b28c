//! Requests to other hosts, as far as the app's manifest names them:
//!
//! ```toml
//! [grants]
//! outbound = ["https://api.example.com/v1", { url = "http://*.corp.local:8080", private = true }]
//! ```
//!
//! Redirects are not followed: send another request to where `location` says, if you trust it. In native tests
//! [`testing::answer_http`](crate::testing::answer_http) plays the other hosts.
//!
//! ```
//! use steading::{http, testing};
//!
//! testing::answer_http(|request| {
//!     assert_eq!(request.url(), "https://api.example.com/v1/rates");
//!     Ok(http::Reply::new(200, "{\"EUR\":1}"))
//! });
//! let mut reply = http::send(http::Request::get("https://api.example.com/v1/rates"))?;
//! assert_eq!((reply.status(), reply.text()?.as_str()), (200, "{\"EUR\":1}"));
//! # Ok::<(), http::Error>(())
//! ```

mod reply;
mod request;

pub use reply::Reply;
pub use request::Request;

use crate::sys::outbound;

/// A request that came to nothing, or a response that broke off. The function's log says more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The app's manifest does not name the host, port or path.
    Denied,
    /// It names the host, which leads to an address that it may not reach, such as a private one.
    AddressProhibited,
    /// The method, URL or a header cannot be sent.
    Invalid,
    /// The host has no address, or does not answer there.
    Unreachable,
    /// It has no certificate that the worker trusts, or speaks no TLS.
    Tls,
    /// It was too slow.
    TimedOut,
    /// The invocation, the app or the worker has too many connections, or the invocation has had its bytes.
    LimitReached,
    /// The other side broke off, or does not speak HTTP.
    Broken,
}

/// Sends a request and waits for the head of the response; its body is read from the reply. A function has one
/// reply at a time: the next request ends the one before, read or not.
#[allow(
    clippy::needless_pass_by_value,
    reason = "a request is built to be sent, in one expression"
)]
pub fn send(request: Request) -> Result<Reply, Error> {
    #[cfg(target_family = "wasm")]
    {
        let head = outbound::send(&request.encode(), request.body_bytes()).map_err(Error::of)?;
        Reply::decode(&head).ok_or(Error::Broken)
    }
    #[cfg(not(target_family = "wasm"))]
    outbound::send(&request)
}

impl Error {
    #[cfg(target_family = "wasm")]
    pub(crate) fn of(code: i32) -> Self {
        match code {
            -1 => Self::Denied,
            -2 => Self::AddressProhibited,
            -3 => Self::Invalid,
            -4 => Self::Unreachable,
            -5 => Self::Tls,
            -6 => Self::TimedOut,
            -7 => Self::LimitReached,
            _ => Self::Broken,
        }
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Denied => "the app may not send requests there",
            Self::AddressProhibited => "the host leads to an address that the app may not reach",
            Self::Invalid => "the request cannot be sent",
            Self::Unreachable => "the host cannot be reached",
            Self::Tls => "the host cannot be trusted",
            Self::TimedOut => "the host was too slow",
            Self::LimitReached => "too many connections, or too much sent and received",
            Self::Broken => "the exchange broke off",
        })
    }
}

impl std::error::Error for Error {}
