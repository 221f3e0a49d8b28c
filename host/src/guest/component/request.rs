//! A request's head as a component sees it. Pure.
//!
//! Its path begins behind the app's prefix: what is called at `/api/items` or `/functions/shop/api/items` is a
//! request for `/items`, as on a host that serves nothing else, so a component that looks at paths needs not know
//! where it is served. The prefix is in `X-Forwarded-Prefix`, and the invocation's id in
//! `X-Steading-Invocation`; a caller's own headers of these names are dropped.

use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderName, HeaderValue, Uri, header, request};
use steading_protocol::problem;

use crate::guest::path;

const PREFIX: HeaderName = HeaderName::from_static("x-forwarded-prefix");
const INVOCATION: HeaderName = HeaderName::from_static(problem::INVOCATION);

/// The authority of a request that names none.
const NOBODY: Authority = Authority::from_static("localhost");

/// The head that a component sees of a request.
pub(super) fn head(mut head: request::Parts, invocation: &str) -> request::Parts {
    let (prefix, left) = path::split(head.uri.path(), 0);
    let uri = uri(&head, left);
    for (name, value) in [(PREFIX, prefix), (INVOCATION, invocation)] {
        match HeaderValue::from_str(value) {
            Ok(value) => head.headers.insert(name, value),
            Err(_) => head.headers.remove(name),
        };
    }
    head.uri = uri;
    head
}

/// The URI with this path.
fn uri(head: &request::Parts, path: &str) -> Uri {
    let path = if path.is_empty() { "/" } else { path };
    let text = match head.uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    let mut parts = http::uri::Parts::default();
    parts.scheme = Some(Scheme::HTTP);
    parts.authority = Some(authority(head));
    parts.path_and_query = text.parse().ok().or(Some(PathAndQuery::from_static("/")));
    Uri::from_parts(parts).expect("all three parts are there")
}

/// Whom the caller has asked.
fn authority(head: &request::Parts) -> Authority {
    let header = || head.headers.get(header::HOST)?.to_str().ok()?.parse().ok();
    head.uri.authority().cloned().or_else(header).unwrap_or(NOBODY)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(builder: request::Builder) -> request::Parts {
        let (head, ()) = builder.body(()).unwrap().into_parts();
        super::head(head, "i7")
    }

    #[test]
    fn the_path_begins_behind_the_prefix_which_a_header_tells() {
        for (asked, seen, prefix) in [
            ("/api/items/a%20b?x=%2f", "http://localhost/items/a%20b?x=%2f", "/api"),
            ("/functions/shop/api/items", "http://localhost/items", "/functions/shop/api"),
            ("/api", "http://localhost/", "/api"),
            ("/api?x", "http://localhost/?x", "/api"),
            ("/api//x", "http://localhost//x", "/api"),
        ] {
            let head = of(request::Builder::new().uri(asked).header("x-forwarded-prefix", "/evil"));
            assert_eq!(head.uri.to_string(), seen, "{asked}");
            assert_eq!(head.headers["x-forwarded-prefix"], prefix);
            assert_eq!(head.headers["x-steading-invocation"], "i7");
        }
    }

    #[test]
    fn the_authority_is_the_uris_or_the_hosts_or_nobodys() {
        let get = |uri: &str| request::Builder::new().uri(uri.to_owned());
        for (builder, authority) in [
            (get("http://a.example:7/api/x").header("host", "b"), "a.example:7"),
            (get("/api/x").header("host", "b.example:7071"), "b.example:7071"),
            (get("/api/x").header("host", "not a host"), "localhost"),
            (get("/api/x"), "localhost"),
        ] {
            assert_eq!(of(builder).uri.authority().unwrap().as_str(), authority);
        }
    }
}
