//! Why a request did not get its answer. Forbidden ones say which rule is missing, for the log of the function;
//! what the guest is told is each binding's business.

use std::io;

/// A request that came to nothing, or a response that broke off.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OutboundError {
    #[error("the URL cannot be used: {0}")]
    UrlInvalid(&'static str),
    #[error("the method {0} is not sent")]
    MethodForbidden(http::Method),
    /// No rule lets it through.
    #[error("{0}")]
    Denied(String),
    /// A rule does, and the name leads to an address that it does not.
    #[error("{0}")]
    AddressProhibited(String),
    #[error("the name cannot be resolved")]
    NameUnresolved(#[source] io::Error),
    #[error("the host cannot be reached")]
    Unreachable(#[source] io::Error),
    #[error("TLS failed")]
    Tls(#[source] io::Error),
    #[error("{0} did not come in time")]
    TimedOut(Awaited),
    #[error("{0}; try again later, or ask for more in the worker's `[outbound]`")]
    LimitReached(Limit),
    #[error("the exchange broke off")]
    Broken(#[source] hyper::Error),
}

/// What was waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Awaited {
    /// A connection, with its name looked up and its TLS set up.
    Connection,
    /// The head of the response.
    Response,
    /// More of its body.
    Body,
}

/// A limit of the worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Limit {
    /// Open connections.
    #[error("too many connections of {0} are open")]
    Connections(&'static str),
    /// Bytes of an invocation.
    #[error("the invocation has sent and received its {} MiB", .0 >> 20)]
    Bytes(u64),
}

impl OutboundError {
    /// A fixed word for metrics.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::UrlInvalid(_) => "url_invalid",
            Self::MethodForbidden(_) => "method_forbidden",
            Self::Denied(_) => "denied",
            Self::AddressProhibited(_) => "address_prohibited",
            Self::NameUnresolved(_) => "name_unresolved",
            Self::Unreachable(_) => "unreachable",
            Self::Tls(_) => "tls_failed",
            Self::TimedOut(_) => "timed_out",
            Self::LimitReached(_) => "limit_reached",
            Self::Broken(_) => "broken_off",
        }
    }

    /// What hyper says, with our own limit told from what the other side did.
    pub(super) fn of(error: hyper::Error) -> Self {
        let mut cause = std::error::Error::source(&error);
        while let Some(error) = cause {
            // an `io::Error` gives as its source what lies under its own content
            let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
            let limit = error.downcast_ref().or_else(|| inner?.downcast_ref::<Limit>());
            if let Some(limit) = limit {
                return Self::LimitReached(*limit);
            }
            cause = error.source();
        }
        Self::Broken(error)
    }

    /// The error with what lies under it, in one line.
    pub(crate) fn text(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text = format!("{text}: {error}");
            cause = error.source();
        }
        text
    }
}

impl std::fmt::Display for Awaited {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Connection => "a connection",
            Self::Response => "the response",
            Self::Body => "more of the response's body",
        })
    }
}
