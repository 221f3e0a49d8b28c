//! Requests that a component sends. It says what became of them.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};
use steading_test_components::count;
use wasip2::http::outgoing_handler;
use wasip2::http::types::{
    ErrorCode, Fields, FutureIncomingResponse, IncomingRequest, IncomingResponse, Method,
    OutgoingBody, OutgoingRequest, Scheme,
};

use crate::{Answer, body};

/// The status and the body of what the header `url` names.
pub(crate) fn fetch(request: &IncomingRequest, answer: Answer) {
    let url = urls(request).into_iter().next().unwrap_or_default();
    match send(&url, &Method::Get, |_| {}) {
        Ok(response) => {
            let mut text = format!("{}\n", response.status());
            let body = response.consume().expect("a body is taken once");
            let stream = body.stream().expect("a stream is taken once");
            let read = body::each(&stream, |piece| text += &String::from_utf8_lossy(piece));
            let _ = writeln!(text, "{read:?}");
            answer.text(&text);
        }
        Err(code) => answer.text(&format!("{code:?}")),
    }
}

/// The SHA-256 of what each header `url` names, a line each.
pub(crate) fn hash_all(request: &IncomingRequest, answer: Answer) {
    let mut text = String::new();
    for url in urls(request) {
        let hash = send(&url, &Method::Get, |_| {}).map(|response| {
            let body = response.consume().expect("a body is taken once");
            let stream = body.stream().expect("a stream is taken once");
            let mut hasher = Sha256::new();
            let _ = body::each(&stream, |piece| hasher.update(piece));
            hex::encode(hasher.finalize())
        });
        let _ = match hash {
            Ok(hash) => writeln!(text, "{url}: {hash}"),
            Err(code) => writeln!(text, "{url}: {code:?}"),
        };
    }
    answer.text(&text);
}

/// The body by way of what the header `url` names, which should give it back.
pub(crate) fn double_echo(request: &IncomingRequest, answer: Answer) {
    let url = urls(request).into_iter().next().unwrap_or_default();
    let (_body, stream) = body::of(request);
    let sent = send(&url, &Method::Post, |out| {
        let _ = body::each(&stream, |piece| {
            body::write_all(out, piece);
        });
    });
    match sent {
        Ok(response) => {
            let begun = answer.begin(200, &[]);
            let body = response.consume().expect("a body is taken once");
            let stream = body.stream().expect("a stream is taken once");
            while begun.stream.blocking_splice(&stream, 64 << 10).is_ok() {}
            begun.end(None);
        }
        Err(code) => answer.text(&format!("{code:?}")),
    }
}

/// Asks for what the header `url` names, and never looks at the answer.
pub(crate) fn forsake(request: &IncomingRequest, answer: Answer) {
    let url = urls(request).into_iter().next().unwrap_or_default();
    std::mem::forget(begin(&url, &Method::Get, |_| {}));
    answer.text(&count());
}

fn urls(request: &IncomingRequest) -> Vec<String> {
    let urls = request.headers().get("url");
    urls.into_iter().map(|url| String::from_utf8_lossy(&url).into_owned()).collect()
}

fn send(
    url: &str,
    method: &Method,
    write: impl FnOnce(&wasip2::io::streams::OutputStream),
) -> Result<IncomingResponse, ErrorCode> {
    let response = begin(url, method, write)?;
    response.subscribe().block();
    response.get().expect("it is there").expect("it is taken once")
}

/// Sends a request whose answer is yet to come.
fn begin(
    url: &str,
    method: &Method,
    write: impl FnOnce(&wasip2::io::streams::OutputStream),
) -> Result<FutureIncomingResponse, ErrorCode> {
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    let scheme = if scheme == "https" { Scheme::Https } else { Scheme::Http };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let request = OutgoingRequest::new(Fields::new());
    request.set_method(method).expect("a usual method");
    request.set_scheme(Some(&scheme)).expect("a usual scheme");
    request.set_authority(Some(authority)).expect("a good authority");
    request.set_path_with_query(Some(path)).expect("a good path");
    let body = request.body().expect("a body is taken once");
    let response = outgoing_handler::handle(request, None)?;
    let stream = body.write().expect("a stream is taken once");
    write(&stream);
    drop(stream);
    OutgoingBody::finish(body, None)?;
    Ok(response)
}
