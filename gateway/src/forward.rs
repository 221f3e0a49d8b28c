//! The head that a worker gets: the caller's, without what concerns only the caller's connection, and
//! with who the caller is. Pure.
//!
//! The host stays, because workers tell apps by it. What a caller says of its own origin is replaced,
//! unless it is a proxy that the operator trusts, because functions will believe it.

use http::header::{
    CONNECTION, HOST, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRANSFER_ENCODING, UPGRADE, VIA,
};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Uri, Version, request};

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
const FORWARDED: HeaderName = HeaderName::from_static("forwarded");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Who a caller is, for one connection.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    /// The address.
    pub(crate) address: HeaderValue,
    /// Whether what it says of origins before it is believed.
    pub(crate) trusted: bool,
}

/// Makes the head of a request that goes to a worker out of one that came from a caller.
pub(crate) fn to_worker(head: &mut request::Parts, origin: &Origin) {
    let trailers = takes_trailers(&head.headers);
    strip(&mut head.headers);
    if trailers {
        head.headers.insert(TE, HeaderValue::from_static("trailers"));
    }
    let via = if head.version == Version::HTTP_2 { "2.0 steading" } else { "1.1 steading" };
    head.headers.append(VIA, HeaderValue::from_static(via));
    set_host(head);
    let headers = &mut head.headers;
    if !origin.trusted {
        headers.remove(FORWARDED);
        headers.insert(FORWARDED_FOR, origin.address.clone());
        headers.insert(FORWARDED_PROTO, HeaderValue::from_static("http"));
        match headers.get(HOST).cloned() {
            Some(host) => headers.insert(FORWARDED_HOST, host),
            None => headers.remove(FORWARDED_HOST),
        };
        return;
    }
    headers.append(FORWARDED_FOR, origin.address.clone());
    headers.entry(FORWARDED_PROTO).or_insert(HeaderValue::from_static("http"));
    if let Some(host) = headers.get(HOST).cloned() {
        headers.entry(FORWARDED_HOST).or_insert(host);
    }
}

/// Takes out what concerns one connection only (RFC 9110, 7.6.1).
pub(crate) fn strip(headers: &mut HeaderMap) {
    // most heads have none of these, and looking is cheaper than taking out nothing
    if !headers.keys().any(is_of_connection) {
        return;
    }
    let listed: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    // a caller may not name away what the request means
    for name in
        listed.iter().filter(|name| **name != HOST && **name != http::header::CONTENT_LENGTH)
    {
        headers.remove(name);
    }
    for name in OF_CONNECTION {
        headers.remove(name);
    }
}

const OF_CONNECTION: [HeaderName; 8] = [
    CONNECTION,
    KEEP_ALIVE,
    PROXY_CONNECTION,
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRANSFER_ENCODING,
    UPGRADE,
];

fn is_of_connection(name: &HeaderName) -> bool {
    OF_CONNECTION.contains(name)
}

fn takes_trailers(headers: &HeaderMap) -> bool {
    headers.get(TE).and_then(|te| te.to_str().ok()).is_some_and(|te| {
        te.split(',').any(|coding| coding.trim().eq_ignore_ascii_case("trailers"))
    })
}

/// The host goes into its header and out of the target, which is all that HTTP/1.1 sends to an origin.
fn set_host(head: &mut request::Parts) {
    head.version = Version::HTTP_11;
    let Some(authority) = head.uri.authority() else { return };
    // user information is nobody's business but the caller's
    let host = authority.as_str().rsplit('@').next().unwrap_or_default();
    if let Ok(host) = HeaderValue::from_str(host) {
        head.headers.insert(HOST, host);
    }
    let path = head.uri.path_and_query().cloned();
    head.uri = Uri::from(path.unwrap_or(PathAndQuery::from_static("/")));
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn forwarded(request: http::request::Builder, trusted: bool) -> request::Parts {
        let (mut head, ()) = request.body(()).unwrap().into_parts();
        to_worker(&mut head, &Origin { address: HeaderValue::from_static("192.0.2.7"), trusted });
        head
    }

    fn all<'h>(head: &'h request::Parts, name: &str) -> Vec<&'h str> {
        head.headers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect()
    }

    #[test]
    fn what_concerns_the_connection_stays_with_it() {
        let request = Request::get("/api/x?y=1")
            .header("host", "a.example.org:80")
            .header("connection", "close, X-Private , host")
            .header("x-private", "1")
            .header("keep-alive", "timeout=5")
            .header("te", "gzip, trailers")
            .header("upgrade", "h2c")
            .header("proxy-authorization", "Basic eA==")
            .header("authorization", "Bearer x");
        let head = forwarded(request, false);
        for name in ["connection", "x-private", "keep-alive", "upgrade", "proxy-authorization"] {
            assert!(all(&head, name).is_empty(), "{name}");
        }
        assert_eq!(all(&head, "te"), ["trailers"]);
        assert_eq!(all(&head, "authorization"), ["Bearer x"]);
        assert_eq!(all(&head, "host"), ["a.example.org:80"]);
        assert_eq!(all(&head, "via"), ["1.1 steading"]);
        assert_eq!(head.uri, "/api/x?y=1");
    }

    #[test]
    fn a_strangers_word_on_its_origin_is_replaced_and_a_trusted_proxys_is_added_to() {
        let request = || {
            Request::get("/")
                .header("host", "a.example.org")
                .header("x-forwarded-for", "203.0.113.9")
                .header("x-forwarded-proto", "https")
                .header("x-forwarded-host", "shop.example.org")
                .header("forwarded", "for=203.0.113.9")
        };
        let head = forwarded(request(), false);
        assert_eq!(all(&head, "x-forwarded-for"), ["192.0.2.7"]);
        assert_eq!(all(&head, "x-forwarded-proto"), ["http"]);
        assert_eq!(all(&head, "x-forwarded-host"), ["a.example.org"]);
        assert!(all(&head, "forwarded").is_empty());
        let head = forwarded(request(), true);
        assert_eq!(all(&head, "x-forwarded-for"), ["203.0.113.9", "192.0.2.7"]);
        assert_eq!(all(&head, "x-forwarded-proto"), ["https"]);
        assert_eq!(all(&head, "x-forwarded-host"), ["shop.example.org"]);
    }

    #[test]
    fn a_target_with_a_host_becomes_a_path_and_a_host_header() {
        let request = Request::get("http://u:p@shop.example.org/api/x?y").version(Version::HTTP_2);
        let head = forwarded(request.header("host", "other"), false);
        assert_eq!((head.uri.to_string().as_str(), head.version), ("/api/x?y", Version::HTTP_11));
        assert_eq!(all(&head, "host"), ["shop.example.org"]);
        assert_eq!(all(&head, "x-forwarded-host"), ["shop.example.org"]);
        assert_eq!(all(&head, "via"), ["2.0 steading"]);
    }
}
