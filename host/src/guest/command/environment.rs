//! A request's head as the environment of a CGI program (RFC 3875, 4.1). Pure.
//!
//! `SCRIPT_NAME` is the path down to where the route's catch-all begins and `PATH_INFO` what that catches, both
//! decoded; without a catch-all the whole path is `SCRIPT_NAME`. A header `X-Name` is `HTTP_X_NAME`. Left out are
//! headers that belong to the connection; `Proxy`, because `HTTP_PROXY` is how many programs are told of a
//! proxy; and names with an underscore, which would pass for those of others. `Authorization` is there,
//! as native guests have it: the worker checks no credentials of its own in it.
//!
//! A variable ends where it has a NUL, so a NUL that a caller encodes becomes U+FFFD, as bytes do that
//! are not UTF-8. Nothing of the worker's own environment is in here.

use http::{HeaderMap, HeaderName, Version, header};
use percent_encoding::percent_decode_str;
use steading_protocol::{RouteTemplate, Segment};

use crate::guest::GuestRequest;
use crate::guest::head::of_the_connection;
use crate::guest::path;

/// A name and a value.
type Variable = (String, String);

/// What the program is told of who runs it.
const SOFTWARE: &str = concat!("steading/", env!("CARGO_PKG_VERSION"));

/// The port of a request that names none: workers speak plain HTTP.
const PORT: &str = "80";

/// The variables of a request to a function on this route.
pub(super) fn variables(request: &GuestRequest, route: &RouteTemplate) -> Vec<Variable> {
    let head = &request.head;
    let (script, info) = split(head.uri.path(), route);
    let (name, port) = server(request);
    let mut variables = vec![];
    let mut set = |name: &str, value: &str| variables.push((name.to_owned(), clean(value)));
    set("GATEWAY_INTERFACE", "CGI/1.1");
    set("SERVER_SOFTWARE", SOFTWARE);
    set("SERVER_PROTOCOL", protocol(head.version));
    set("SERVER_NAME", name);
    set("SERVER_PORT", port);
    set("REQUEST_METHOD", head.method.as_str());
    set("SCRIPT_NAME", &decoded(script));
    set("PATH_INFO", &decoded(info));
    set("QUERY_STRING", head.uri.query().unwrap_or_default());
    set("REMOTE_ADDR", &request.caller.to_string());
    set("STEADING_INVOCATION", &request.invocation);
    for (name, value) in &request.parameters {
        set(&format!("STEADING_PARAM_{}", name.to_ascii_uppercase()), value);
    }
    for (variable, name) in
        [("CONTENT_TYPE", header::CONTENT_TYPE), ("CONTENT_LENGTH", header::CONTENT_LENGTH)]
    {
        if head.headers.contains_key(&name) {
            set(variable, &joined(&head.headers, &name));
        }
    }
    for name in head.headers.keys().filter(|name| is_passed(name)) {
        let variable = format!("HTTP_{}", name.as_str().to_ascii_uppercase().replace('-', "_"));
        set(&variable, &joined(&head.headers, name));
    }
    variables
}

/// A path in two: what leads to the function, and what its catch-all caught.
fn split<'p>(path: &'p str, route: &RouteTemplate) -> (&'p str, &'p str) {
    match route.segments().split_last() {
        Some((Segment::CatchAll(_), fixed)) => path::split(path, fixed.len()),
        _ => (path, ""),
    }
}

/// The name and the port that the caller has asked.
fn server(request: &GuestRequest) -> (&str, &str) {
    let head = &request.head;
    let header = || head.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = head.uri.authority().map(http::uri::Authority::as_str).or_else(header);
    let host = host.filter(|host| !host.is_empty()).unwrap_or("localhost");
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) && !port.is_empty() => {
            (name, port)
        }
        _ => (host, PORT),
    }
}

fn protocol(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2.0",
        _ => "HTTP/1.1",
    }
}

/// Whether a header is passed as `HTTP_…`.
fn is_passed(name: &HeaderName) -> bool {
    let text = name.as_str();
    !of_the_connection(name)
        && *name != header::CONTENT_TYPE
        && text != "proxy"
        && !text.contains('_')
}

/// All values of a header as one; cookies are joined in their own way (RFC 9113, 8.2.3).
fn joined(headers: &HeaderMap, name: &HeaderName) -> String {
    let values = headers.get_all(name).iter();
    let texts: Vec<_> =
        values.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect();
    texts.join(if *name == header::COOKIE { "; " } else { ", " })
}

fn decoded(path: &str) -> String {
    percent_decode_str(path).decode_utf8_lossy().into_owned()
}

fn clean(value: &str) -> String {
    value.replace('\0', "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::guest::{LOCALHOST, RequestBody};

    fn of(builder: http::request::Builder, route: &str) -> BTreeMap<String, String> {
        let (head, ()) = builder.body(()).unwrap().into_parts();
        let request = GuestRequest {
            head,
            caller: LOCALHOST,
            parameters: vec![("id".into(), "7".into())],
            body: RequestBody::full(Bytes::new()),
            invocation: "i".into(),
        };
        let variables = variables(&request, &route.parse().unwrap());
        let count = variables.len();
        let map: BTreeMap<_, _> = variables.into_iter().collect();
        assert_eq!(map.len(), count, "no variable stands twice");
        map
    }

    #[test]
    fn a_request_becomes_the_variables_of_the_standard() {
        let request = http::Request::post("/api/files/a/b%20c?x=%20y")
            .header("host", "example.org:7071")
            .header("content-type", "text/plain")
            .header("content-length", "5")
            .header("authorization", "Bearer x")
            .header("x-a", "1")
            .header("x-a", "2")
            .header("cookie", "a=b")
            .header("cookie", "c=d");
        let seen = of(request, "files/{*rest}");
        for (name, value) in [
            ("GATEWAY_INTERFACE", "CGI/1.1"),
            ("SERVER_SOFTWARE", SOFTWARE),
            ("SERVER_PROTOCOL", "HTTP/1.1"),
            ("SERVER_NAME", "example.org"),
            ("SERVER_PORT", "7071"),
            ("REQUEST_METHOD", "POST"),
            ("SCRIPT_NAME", "/api/files"),
            ("PATH_INFO", "/a/b c"),
            ("QUERY_STRING", "x=%20y"),
            ("REMOTE_ADDR", "127.0.0.1"),
            ("CONTENT_TYPE", "text/plain"),
            ("CONTENT_LENGTH", "5"),
            ("HTTP_HOST", "example.org:7071"),
            ("HTTP_AUTHORIZATION", "Bearer x"),
            ("HTTP_X_A", "1, 2"),
            ("HTTP_COOKIE", "a=b; c=d"),
            ("STEADING_PARAM_ID", "7"),
            ("STEADING_INVOCATION", "i"),
        ] {
            assert_eq!(seen.get(name).map(String::as_str), Some(value), "{name}");
        }
        assert_eq!(seen.len(), 18, "{seen:?}");
    }

    #[test]
    fn no_header_passes_for_a_proxy_for_another_header_or_for_the_connections() {
        let request = http::Request::get("/api/x")
            .header("proxy", "http://evil.example")
            .header("x_real", "forged")
            .header("connection", "close")
            .header("transfer-encoding", "chunked");
        let seen = of(request, "x");
        let passed: Vec<_> = seen.keys().filter(|name| name.starts_with("HTTP_")).collect();
        assert!(passed.is_empty(), "{passed:?}");
        assert!(!seen.contains_key("CONTENT_LENGTH") && !seen.contains_key("CONTENT_TYPE"));
    }

    #[test]
    fn a_path_is_cut_where_the_catch_all_begins() {
        for (path, route, script, info) in [
            ("/api/a/b", "{*path}", "/api", "/a/b"),
            ("/api/a/b/", "{*path}", "/api", "/a/b/"),
            ("/api", "{*path}", "/api", ""),
            ("/api/", "{*path}", "/api", "/"),
            ("/functions/shop/api/a", "{*path}", "/functions/shop/api", "/a"),
            ("/functions/shop/api", "{*path}", "/functions/shop/api", ""),
            ("/api/v1/7/x/y", "v1/{id}/{*rest}", "/api/v1/7", "/x/y"),
            ("/api/orders/7", "orders/{id}", "/api/orders/7", ""),
        ] {
            assert_eq!(split(path, &route.parse().unwrap()), (script, info), "{path}");
        }
    }

    #[test]
    fn a_server_is_named_also_when_the_caller_names_none() {
        for (host, name, port) in [
            ("a:1", "a", "1"),
            ("a", "a", "80"),
            ("[::1]:7", "[::1]", "7"),
            ("[::1]", "[::1]", "80"),
        ] {
            let seen = of(http::Request::get("/api/x").header("host", host), "x");
            assert_eq!((&*seen["SERVER_NAME"], &*seen["SERVER_PORT"]), (name, port));
        }
        assert_eq!(of(http::Request::get("/api/x"), "x")["SERVER_NAME"], "localhost");
    }

    proptest! {
        #[test]
        fn no_request_makes_a_variable_that_a_program_would_read_otherwise(
            path in "/(api|functions/a/api)(/[a-z%0-9./]{0,8}){0,4}",
            value in "[\\x20-\\x7e]{0,20}"
        ) {
            let request = http::Request::get(format!("{path}?{}", "%00")).header("x-a", value);
            for (name, value) in of(request, "{*path}") {
                prop_assert!(!name.contains(['=', '\0']), "{}", name);
                prop_assert!(!value.contains('\0'), "{} {}", name, value);
            }
        }
    }
}
