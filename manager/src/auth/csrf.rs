//! Requests that another site makes a browser send: refused by the session's CSRF token and by where
//! the browser says the request comes from. Bearer tokens need neither; no browser adds them.

use http::{HeaderMap, header};
use sha2::{Digest, Sha256};
use steading_protocol::Secret;

use super::SecretHash;
use crate::error::{ApiError, Code};

/// The header that carries the CSRF token.
pub(crate) const CSRF_HEADER: &str = "x-csrf-token";

/// The form field that carries it where a header cannot.
pub(crate) const CSRF_FIELD: &str = "csrf";

/// The CSRF token of a session: follows from the session's id and does not give it away.
pub(super) fn csrf_of(session_id: &str) -> Secret {
    let digest = Sha256::new_with_prefix("steading csrf ").chain_update(session_id).finalize();
    Secret::new(hex::encode(digest))
}

/// Whether a presented token is the one of the session.
pub(crate) fn csrf_matches(expected: &Secret, presented: &str) -> bool {
    SecretHash::of(expected.expose()) == SecretHash::of(presented)
}

/// Refuses a request that a browser says comes from another site. Browsers that say nothing pass;
/// the CSRF token still stands behind.
pub(crate) fn check_origin(headers: &HeaderMap) -> Result<(), ApiError> {
    let text = |name| headers.get(name).and_then(|value: &http::HeaderValue| value.to_str().ok());
    let same = match (text("sec-fetch-site"), text("origin")) {
        (Some(site), _) => site == "same-origin" || site == "none",
        (None, Some(origin)) => {
            let host = text(header::HOST.as_str());
            origin.split_once("://").map(|(_, authority)| authority) == host
        }
        (None, None) => true,
    };
    if same {
        Ok(())
    } else {
        Err(ApiError::new(Code::Forbidden, "the request comes from another site"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), http::HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn requests_from_other_sites_are_refused() {
        let cases: &[(&[(&str, &str)], bool)] = &[
            (&[], true),
            (&[("sec-fetch-site", "same-origin")], true),
            (&[("sec-fetch-site", "none")], true),
            (&[("sec-fetch-site", "same-site")], false),
            (&[("sec-fetch-site", "cross-site"), ("origin", "http://a:1"), ("host", "a:1")], false),
            (&[("origin", "http://a:1"), ("host", "a:1")], true),
            (&[("origin", "http://b:1"), ("host", "a:1")], false),
            (&[("origin", "null"), ("host", "a:1")], false),
        ];
        for (pairs, passes) in cases {
            assert_eq!(check_origin(&headers(pairs)).is_ok(), *passes, "{pairs:?}");
        }
    }

    #[test]
    fn the_csrf_token_is_of_one_session() {
        let token = csrf_of("a");
        assert!(csrf_matches(&token, csrf_of("a").expose()));
        assert!(!csrf_matches(&token, csrf_of("b").expose()));
        assert!(!csrf_matches(&token, ""));
    }
}
