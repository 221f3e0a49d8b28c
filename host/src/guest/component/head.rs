//! The head of a component's response, and its trailers. The library has seen to it that names and values can be
//! sent; how many and how long is checked here. Pure.

use http::{HeaderMap, HeaderName, Method, StatusCode, header, response};

use crate::guest::ResponseHead;
use crate::guest::head::{self, HEAD_BYTES_MAX, HEADERS_MAX, InvalidHead};

/// What stands between a header's name and its value, and behind that, bytes.
const BETWEEN_BYTES: usize = 4;

/// The head that is sent, without what is the connection's business. `Trailer` stays: only the function knows
/// which trailers there will be.
pub(super) fn checked(parts: response::Parts) -> Result<ResponseHead, InvalidHead> {
    let status = head::final_status(parts.status.as_u16().into())?;
    let dropped = |name: &HeaderName| name != header::TRAILER && head::of_the_connection(name);
    Ok(ResponseHead { status, headers: sendable(parts.headers, dropped)? })
}

/// The trailers that are sent.
pub(super) fn trailers(trailers: HeaderMap) -> Result<HeaderMap, InvalidHead> {
    sendable(trailers, head::of_the_connection)
}

/// The length of the body that a response announces; `None` when it announces none, or has no body in any case.
pub(super) fn length(method: &Method, parts: &response::Parts) -> Option<u64> {
    if *method == Method::HEAD || parts.status == StatusCode::NOT_MODIFIED {
        return None;
    }
    parts.headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn sendable(
    headers: HeaderMap,
    dropped: impl Fn(&HeaderName) -> bool,
) -> Result<HeaderMap, InvalidHead> {
    if headers.len() > HEADERS_MAX {
        return Err(InvalidHead::too_many());
    }
    let lines = headers.iter().map(|(name, value)| name.as_str().len() + value.len());
    if lines.map(|bytes| bytes + BETWEEN_BYTES).sum::<usize>() > HEAD_BYTES_MAX {
        return Err(InvalidHead::too_long());
    }
    let unwanted: Vec<_> = headers.keys().filter(|name| dropped(name)).cloned().collect();
    let mut headers = headers;
    for name in unwanted {
        headers.remove(name);
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use http::Response;

    use super::*;

    fn parts(status: u16, headers: &[(&str, &str)]) -> response::Parts {
        let mut builder = Response::builder().status(status);
        for (name, value) in headers {
            builder = builder.header(*name, *value);
        }
        builder.body(()).unwrap().into_parts().0
    }

    #[test]
    fn what_belongs_to_the_connection_is_dropped_and_trailers_are_announced() {
        let head = checked(parts(
            201,
            &[
                ("content-length", "3"),
                ("te", "x"),
                ("trailer", "x-sum"),
                ("x-a", "1"),
                ("x-a", "2"),
            ],
        ))
        .unwrap();
        assert_eq!((head.status.as_u16(), head.headers.len()), (201, 3));
        assert_eq!(head.headers["trailer"], "x-sum");
        let left = trailers(parts(200, &[("trailer", "x"), ("x-sum", "1")]).headers).unwrap();
        assert_eq!((left.len(), &left["x-sum"].to_str().unwrap()), (1, &"1"));
    }

    #[test]
    fn a_head_that_cannot_be_sent_is_refused() {
        assert!(matches!(checked(parts(103, &[])), Err(InvalidHead::Unsendable(_))));
        assert!(matches!(checked(parts(600, &[])), Err(InvalidHead::Unsendable(_))));
        let long = "x".repeat(HEAD_BYTES_MAX);
        assert_eq!(checked(parts(200, &[("x-a", &long)])), Err(InvalidHead::too_long()));
        let many = [("x-a", "1"); HEADERS_MAX + 1];
        assert_eq!(checked(parts(200, &many)), Err(InvalidHead::too_many()));
        assert!(checked(parts(200, &many[1..])).is_ok());
    }

    #[test]
    fn a_length_counts_where_there_is_a_body() {
        let announced =
            |method, status| length(&method, &parts(status, &[("content-length", "7")]));
        assert_eq!(announced(Method::GET, 200), Some(7));
        assert_eq!(announced(Method::HEAD, 200), None);
        assert_eq!(announced(Method::GET, 304), None);
        assert_eq!(length(&Method::GET, &parts(200, &[])), None);
    }
}
