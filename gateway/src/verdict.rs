//! What the head of a reply says of who has made it, and whether another worker may do better. Pure.

use http::HeaderMap;
use steading_protocol::problem::{INVOCATION, REFUSED};

/// Refusals that may be no other worker's: it is full, or takes no work now, or does not have the app, any more or yet.
const PASSING: [&[u8]; 8] = [
    b"route_unknown",
    b"method_not_allowed",
    b"worker_busy",
    b"worker_away",
    b"function_busy",
    b"app_busy",
    b"connections_full",
    b"address_connections_full",
];

/// Whether a worker began nothing, for a reason of its own.
pub(crate) fn is_passing(headers: &HeaderMap) -> bool {
    headers.get(REFUSED).is_some_and(|code| PASSING.contains(&code.as_bytes()))
}

/// Whether a worker has made a reply, and not something else to which its address went when it died. What its server
/// answers by itself, as to a head that is no HTTP, is not told apart from that.
pub(crate) fn is_of_worker(headers: &HeaderMap) -> bool {
    headers.contains_key(INVOCATION) || headers.contains_key(REFUSED)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn one(name: &'static str, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name.parse().unwrap(), HeaderValue::from_static(value))])
    }

    #[test]
    fn another_worker_may_take_what_one_was_too_busy_for_and_not_what_nobody_may() {
        assert!(is_passing(&one(REFUSED, "worker_busy")));
        assert!(
            !is_passing(&one(REFUSED, "key_missing")) && !is_passing(&one("x-busy", "worker_busy"))
        );
    }

    #[test]
    fn a_worker_marks_each_of_its_replies() {
        assert!(
            is_of_worker(&one(INVOCATION, "0190")) && is_of_worker(&one(REFUSED, "key_missing"))
        );
        assert!(!is_of_worker(&one("content-type", "text/html")));
    }
}
