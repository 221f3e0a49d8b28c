//! What is looked at in a head before it is routed: its size, where hyper has not bounded it, and which
//! host it is for.

use http::{Request, StatusCode, header};

/// The largest head.
#[derive(Clone, Copy, Debug)]
pub struct HeadLimits {
    /// Path and query, bytes.
    pub uri_bytes_max: usize,
    /// The headers.
    pub headers_max: usize,
}

/// A head that is too large.
#[derive(Clone, Copy, Debug, thiserror::Error)]
pub enum HeadFault {
    /// By its target.
    #[error("path and query are longer than {bytes_max} bytes")]
    UriTooLong {
        /// What is taken.
        bytes_max: usize,
    },
    /// By its headers.
    #[error("the request has more than {max} headers")]
    HeadersTooMany {
        /// What is taken.
        max: usize,
    },
}

impl HeadLimits {
    /// Looks at a head.
    pub fn check<B>(self, request: &Request<B>) -> Result<(), HeadFault> {
        let uri = request.uri().path_and_query().map_or(0, |uri| uri.as_str().len());
        if uri > self.uri_bytes_max {
            return Err(HeadFault::UriTooLong { bytes_max: self.uri_bytes_max });
        }
        // of HTTP/1.1 hyper has counted them; HTTP/2 only has a size
        if request.headers().len() > self.headers_max {
            return Err(HeadFault::HeadersTooMany { max: self.headers_max });
        }
        Ok(())
    }
}

impl HeadFault {
    /// How the caller is told.
    pub fn status_and_code(self) -> (StatusCode, &'static str) {
        match self {
            Self::UriTooLong { .. } => (StatusCode::URI_TOO_LONG, "uri_too_long"),
            Self::HeadersTooMany { .. } => {
                (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "head_too_large")
            }
        }
    }
}

/// The host a request is for: the authority of its target where it has one (HTTP/2, or an
/// absolute-form target, which outranks the header by RFC 9112), else the Host header.
pub fn host<B>(request: &Request<B>) -> Option<&str> {
    match request.uri().authority() {
        Some(authority) => Some(authority.as_str()),
        None => request.headers().get(header::HOST).and_then(|host| host.to_str().ok()),
    }
}
