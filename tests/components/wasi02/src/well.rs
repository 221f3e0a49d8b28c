//! What a component may do.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};
use steading_test_components::outcome_line;
use wasip2::clocks::{monotonic_clock, wall_clock};
use wasip2::http::types::{Fields, IncomingRequest};

use crate::{Answer, body};

const MILLISECOND_NS: u64 = 1_000_000;

/// What it sees of a request, a line each.
pub(crate) fn inspect(request: &IncomingRequest, answer: Answer) {
    let mut text = format!("method={:?}\n", request.method());
    let _ = writeln!(text, "path={}", request.path_with_query().unwrap_or_default());
    let _ = writeln!(text, "scheme={:?}", request.scheme());
    let _ = writeln!(text, "authority={}", request.authority().unwrap_or_default());
    for (name, value) in request.headers().entries() {
        let _ = writeln!(text, "{name}: {}", String::from_utf8_lossy(&value));
    }
    answer.text(&text);
}

/// The body as it comes, with the caller's media type.
pub(crate) fn echo(request: &IncomingRequest, answer: Answer) {
    let kind = request.headers().get("content-type").into_iter().next().unwrap_or_default();
    let kind = String::from_utf8(kind).unwrap_or_default();
    let begun = answer.begin(200, &[("content-type", &kind)]);
    let (_body, stream) = body::of(request);
    while begun.stream.blocking_splice(&stream, 64 << 10).is_ok() {}
    begun.end(None);
}

/// Reads all of the body before it says anything.
pub(crate) fn length(request: &IncomingRequest, answer: Answer) {
    let (_body, stream) = body::of(request);
    let mut length = 0;
    match body::each(&stream, |piece| length += piece.len()) {
        Ok(()) => answer.text(&length.to_string()),
        Err(error) => answer.text(&format!("cannot read the body: {error}")),
    }
}

/// The SHA-256 of the body.
pub(crate) fn hash(request: &IncomingRequest, answer: Answer) {
    let (_body, stream) = body::of(request);
    let mut hasher = Sha256::new();
    match body::each(&stream, |piece| hasher.update(piece)) {
        Ok(()) => answer.text(&hex::encode(hasher.finalize())),
        Err(error) => answer.text(&format!("cannot read the body: {error}")),
    }
}

/// The body and its trailers, with one more.
pub(crate) fn trailers(request: &IncomingRequest, answer: Answer) {
    let begun = answer.begin(200, &[("trailer", "x-sum, x-length")]);
    let (incoming, stream) = body::of(request);
    let mut length = 0;
    let read = body::each(&stream, |piece| {
        length += piece.len();
        body::write_all(&begun.stream, piece);
    });
    read.expect("the body comes to its end");
    drop(stream);
    let trailers = body::trailers(incoming).map_or_else(Fields::new, |trailers| trailers.clone());
    trailers.append("x-length", length.to_string().as_bytes()).expect("it can be set");
    begun.end(Some(trailers));
}

/// Two pieces with a wait between them.
pub(crate) fn stream(answer: Answer) {
    let begun = answer.begin(200, &[]);
    body::write_all(&begun.stream, b"first\n");
    monotonic_clock::subscribe_duration(300 * MILLISECOND_NS).block();
    body::write_all(&begun.stream, b"second\n");
    begun.end(None);
}

pub(crate) fn log(answer: Answer) {
    println!("a word to stdout");
    eprintln!("a word to stderr");
    answer.text("logged");
}

pub(crate) fn environment(answer: Answer) {
    let variables = wasip2::cli::environment::get_environment();
    let text = steading_test_components::environment(
        &variables,
        &wasip2::cli::environment::get_arguments(),
    );
    answer.text(&text);
}

pub(crate) fn clocks(answer: Answer) {
    let began = monotonic_clock::now();
    monotonic_clock::subscribe_duration(20 * MILLISECOND_NS).block();
    let took_ms = (monotonic_clock::now() - began) / MILLISECOND_NS;
    let year = 1970 + wall_clock::now().seconds / (365 * 24 * 60 * 60 + 6 * 60 * 60);
    let random = wasip2::random::random::get_random_u64();
    answer.text(&format!("{took_ms} {year} {random:x}"));
}

/// Everything that a sandbox keeps from a program.
pub(crate) fn files(answer: Answer) {
    let preopens = wasip2::filesystem::preopens::get_directories().len();
    let mut text = format!("preopens={preopens}\n{}", steading_test_components::kept_away());
    let network = wasip2::sockets::instance_network::instance_network();
    let looked_up = wasip2::sockets::ip_name_lookup::resolve_addresses(&network, "localhost");
    text.push_str(&outcome_line("look up", looked_up.is_ok()));
    answer.text(&text);
}

/// The file that the header `path` names.
pub(crate) fn read(request: &IncomingRequest, answer: Answer) {
    let path = request.headers().get("path").into_iter().next().unwrap_or_default();
    answer.text(&steading_test_components::read(&path));
}

/// Writes to a file as its headers say.
pub(crate) fn fill(request: &IncomingRequest, answer: Answer) {
    let header = |name: &str| request.headers().get(name).into_iter().next().unwrap_or_default();
    let header = |name: &str| String::from_utf8(header(name)).unwrap_or_default();
    answer.text(&steading_test_components::filled(header));
}

/// Goes on when its response has ended.
pub(crate) fn after(answer: Answer) {
    answer.text("answered");
    monotonic_clock::subscribe_duration(500 * MILLISECOND_NS).block();
    println!("done after the response");
}
