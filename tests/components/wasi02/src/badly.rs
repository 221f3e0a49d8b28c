//! What a component had better not do.

use std::hint::black_box;

use steading_test_components::{HEADERS, grow, recurse};
use wasip2::clocks::monotonic_clock;
use wasip2::http::types::{ErrorCode, Fields, HeaderError, IncomingRequest};

use crate::{Answer, body};

const HOUR_NS: u64 = 3_600_000_000_000;

/// Acts by name, with a number or a word.
pub(crate) fn act(action: &str, detail: &str, request: &IncomingRequest, answer: Answer) {
    match action {
        "none" => {}
        "error" => answer.fail(ErrorCode::InternalError(Some("no luck".into()))),
        "status" => answer.begin(detail.parse().expect("a status"), &[]).end(None),
        "exit" => std::process::exit(detail.parse().expect("a code")),
        "trap" => panic!("a panic on purpose"),
        "late" => {
            answer.text("all is well");
            panic!("a panic when all is said");
        }
        "broken" => {
            let begun = answer.begin(200, &[]);
            body::write_all(&begun.stream, &[b'x'; 200_000]);
            panic!("a panic in the middle");
        }
        "unfinished" => {
            let begun = answer.begin(200, &[]);
            body::write_all(&begun.stream, b"what there is");
            std::mem::forget(begun);
        }
        "dropped" => drop(answer.begin(200, &[]).body),
        "announced" => announced(detail, answer),
        "headers" => headers(answer),
        "many" => drop_of(answer, 200, 4),
        "long" => drop_of(answer, 1, 66_000),
        "fields" => fields(answer),
        "sleep" => monotonic_clock::subscribe_duration(HOUR_NS).block(),
        "hang" => {
            let begun = answer.begin(200, &[]);
            body::write_all(&begun.stream, b"first\n");
            monotonic_clock::subscribe_duration(HOUR_NS).block();
        }
        "spin" => loop {
            black_box(0);
        },
        "recurse" => answer.text(&recurse(1).to_string()),
        "grow" => grow(),
        "flood" => flood(answer),
        "random" => drop(black_box(wasip2::random::random::get_random_bytes(64 << 20))),
        "early" => drop(request.consume()),
        other => answer.text(&format!("no action `{other}`")),
    }
}

/// Ten bytes under a length of so many.
fn announced(length: &str, answer: Answer) {
    let begun = answer.begin(200, &[("content-length", length)]);
    body::write_all(&begun.stream, b"ten bytes!");
    if let Err(code) = begun.try_end(None) {
        eprintln!("{code:?}");
    }
}

/// What becomes of headers that cannot be sent, or not by a component.
fn headers(answer: Answer) {
    let fields = Fields::new();
    let told: Vec<_> = HEADERS
        .map(|(name, value)| {
            let set = fields.append(name, value.as_bytes());
            let told = match set {
                Ok(()) => "set",
                Err(HeaderError::Forbidden) => "forbidden",
                Err(HeaderError::InvalidSyntax) => "invalid",
                Err(_) => "other",
            };
            format!("{name}: {told}")
        })
        .into();
    answer.text(&told.join("\n"));
}

/// A head with so many headers of so many bytes.
fn drop_of(answer: Answer, count: usize, bytes: usize) {
    let value = "x".repeat(bytes);
    let headers = vec![("x-many", &*value); count];
    answer.begin(200, &headers).end(None);
}

/// More things of the host's than anybody needs.
fn fields(answer: Answer) {
    let kept: Vec<_> = (0..100_000).map(|_| Fields::new()).collect();
    answer.text(&kept.len().to_string());
}

fn flood(answer: Answer) {
    let begun = answer.begin(200, &[]);
    while body::write_all(&begun.stream, &[b'x'; 4096]) {}
}
