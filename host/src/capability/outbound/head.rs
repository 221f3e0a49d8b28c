//! The head of a request as it is sent, and of a response as a guest gets it. Pure.

use http::header::{
    CONNECTION, CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue, PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION, TE, TRANSFER_ENCODING, UPGRADE,
};
use http::uri::PathAndQuery;
use http::{Method, Request, Uri, Version};
use http_body::Body;

use super::RequestBody;
use super::error::OutboundError;
use super::policy::Destination;

/// What belongs to a connection or its proxies, and is not for a guest to say or hear.
const OF_THE_CONNECTION: [HeaderName; 9] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRANSFER_ENCODING,
    UPGRADE,
    HeaderName::from_static("http2-settings"),
];

/// Makes a request one that can be sent where it was found to go: the path alone in its first line, and a `Host`
/// that is what was matched, whatever the guest wrote there.
pub(super) fn sendable(
    request: &mut Request<RequestBody>,
    to: &Destination,
) -> Result<(), OutboundError> {
    if *request.method() == Method::CONNECT {
        return Err(OutboundError::MethodForbidden(Method::CONNECT));
    }
    let path = request.uri().path_and_query().cloned();
    *request.uri_mut() = Uri::from(path.unwrap_or(PathAndQuery::from_static("/")));
    *request.version_mut() = Version::HTTP_11;
    let host = HeaderValue::try_from(to.authority())
        .map_err(|_| OutboundError::UrlInvalid("its host is no header value"))?;
    let is_counted = request.body().size_hint().exact().is_some();
    let headers = request.headers_mut();
    without_connection(headers);
    if is_counted {
        // who sends it knows better than who wrote it
        headers.remove(CONTENT_LENGTH);
    }
    headers.insert(HOST, host);
    Ok(())
}

/// Takes away what belongs to the connection.
pub(super) fn without_connection(headers: &mut HeaderMap) {
    for name in OF_THE_CONNECTION {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::{BodyExt as _, Full};

    use super::*;

    fn sent(
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
    ) -> Result<Request<RequestBody>, OutboundError> {
        let body = Full::new(bytes::Bytes::from_static(b"abc")).map_err(|never| match never {});
        let mut builder = Request::builder().method(method).uri(url);
        for (name, value) in headers {
            builder = builder.header(*name, *value);
        }
        let mut request = builder.body(body.boxed_unsync()).unwrap();
        let to = Destination::of(request.uri()).unwrap();
        sendable(&mut request, &to).map(|()| request)
    }

    #[test]
    fn the_host_is_what_was_matched_and_the_first_line_has_no_other() {
        let headers = [("host", "evil.example"), ("host", "more.example"), ("x-a", "1")];
        let request = sent("GET", "https://A.Example./p?q", &headers).unwrap();
        assert_eq!(request.uri().to_string(), "/p?q");
        let hosts: Vec<_> = request.headers().get_all("host").iter().collect();
        assert_eq!(hosts, ["a.example"]);
        assert_eq!(request.headers()["x-a"], "1");
    }

    #[test]
    fn what_would_smuggle_is_taken_away_and_tunnels_are_refused() {
        let headers = [
            ("transfer-encoding", "chunked"),
            ("content-length", "99"),
            ("connection", "upgrade"),
            ("upgrade", "websocket"),
            ("proxy-authorization", "x"),
            ("te", "trailers"),
        ];
        let request = sent("POST", "http://a.example/", &headers).unwrap();
        assert_eq!(request.headers().len(), 1, "{:?}", request.headers());
        assert!(sent("CONNECT", "http://a.example/", &[]).is_err());
    }
}
