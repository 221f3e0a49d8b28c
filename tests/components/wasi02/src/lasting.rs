//! What shows whether an instance is the one of an earlier call, and what such a call has left to it.

use steading_test_components::{burn, count, linger, reserve, retain};
use wasip2::http::types::{Fields, IncomingRequest};

use crate::{Answer, outgoing};

/// Acts by name, with a number.
pub(crate) fn act(action: &str, detail: &str, request: &IncomingRequest, answer: Answer) {
    let fields = || (0..detail.parse().expect("a number")).map(|_| Fields::new());
    let text = match action {
        "burn" => burn(detail),
        "retain" => retain(detail),
        "reserve" => reserve(),
        "linger" => linger("/up/file"),
        "keep" => {
            fields().for_each(std::mem::forget);
            count()
        }
        "hold" => {
            drop(fields().collect::<Vec<_>>());
            count()
        }
        _ => {
            outgoing::forsake(request);
            count()
        }
    };
    answer.text(&text);
}
