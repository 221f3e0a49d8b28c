//! What a component may do.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};
use wasip3::clocks::{monotonic_clock, system_clock};
use wasip3::http::types::{Fields, Request};
use wasip3::spawn_local;

use crate::{Answer, body};

const MILLISECOND_NS: u64 = 1_000_000;

/// What it sees of a request, a line each.
pub(crate) fn inspect(request: &Request) -> Answer {
    let mut text = format!("method={:?}\n", request.get_method());
    let _ = writeln!(text, "path={}", request.get_path_with_query().unwrap_or_default());
    let _ = writeln!(text, "scheme={:?}", request.get_scheme());
    let _ = writeln!(text, "authority={}", request.get_authority().unwrap_or_default());
    for (name, value) in request.get_headers().copy_all() {
        let _ = writeln!(text, "{name}: {}", String::from_utf8_lossy(&value));
    }
    body::text(&text)
}

/// The body as it comes, with the caller's media type.
pub(crate) fn echo(request: Request) -> Answer {
    let kind = request.get_headers().get("content-type").into_iter().next().unwrap_or_default();
    let kind = String::from_utf8(kind).unwrap_or_default();
    let (response, mut out) = body::begin(200, &[("content-type", &kind)]);
    spawn_local(async move {
        let (mut stream, trailers) = body::of(request);
        while let Some(piece) = body::next(&mut stream).await {
            out.write(piece).await;
        }
        drop(stream);
        let read = trailers.await;
        out.end(read.map(|_| None)).await;
    });
    Ok(response)
}

/// Reads all of the body before it says anything.
pub(crate) async fn length(request: Request) -> Answer {
    let (mut stream, trailers) = body::of(request);
    let mut length = 0;
    while let Some(piece) = body::next(&mut stream).await {
        length += piece.len();
    }
    drop(stream);
    match trailers.await {
        Ok(_) => body::text(&length.to_string()),
        Err(error) => body::text(&format!("cannot read the body: {error}")),
    }
}

/// The SHA-256 of the body.
pub(crate) async fn hash(request: Request) -> Answer {
    let (mut stream, _trailers) = body::of(request);
    let mut hasher = Sha256::new();
    while let Some(piece) = body::next(&mut stream).await {
        hasher.update(piece);
    }
    body::text(&hex::encode(hasher.finalize()))
}

/// The body and its trailers, with one more.
pub(crate) fn trailers(request: Request) -> Answer {
    let (response, mut out) = body::begin(200, &[("trailer", "x-sum, x-length")]);
    spawn_local(async move {
        let (mut stream, trailers) = body::of(request);
        let mut length = 0;
        while let Some(piece) = body::next(&mut stream).await {
            length += piece.len();
            out.write(piece).await;
        }
        drop(stream);
        let trailers = trailers.await.expect("the body comes to its end");
        let trailers = trailers.map_or_else(Fields::new, |trailers| trailers.clone());
        trailers.append("x-length", length.to_string().as_bytes()).expect("it can be set");
        out.end(Ok(Some(trailers))).await;
    });
    Ok(response)
}

/// Two pieces with a wait between them.
pub(crate) fn stream() -> Answer {
    let (response, mut out) = body::begin(200, &[]);
    spawn_local(async move {
        out.write(b"first\n".to_vec()).await;
        monotonic_clock::wait_for(300 * MILLISECOND_NS).await;
        out.write(b"second\n".to_vec()).await;
        out.end(Ok(None)).await;
    });
    Ok(response)
}

pub(crate) fn log() -> Answer {
    println!("a word to stdout");
    eprintln!("a word to stderr");
    body::text("logged")
}

pub(crate) fn environment() -> Answer {
    let variables = wasip3::cli::environment::get_environment();
    let text = steading_test_components::environment(
        &variables,
        &wasip3::cli::environment::get_arguments(),
    );
    body::text(&text)
}

pub(crate) async fn clocks() -> Answer {
    let began = monotonic_clock::now();
    monotonic_clock::wait_for(20 * MILLISECOND_NS).await;
    let took_ms = (monotonic_clock::now() - began) / MILLISECOND_NS;
    let seconds = u64::try_from(system_clock::now().seconds).unwrap_or_default();
    let year = 1970 + seconds / (365 * 24 * 60 * 60 + 6 * 60 * 60);
    let random = wasip3::random::random::get_random_u64();
    body::text(&format!("{took_ms} {year} {random:x}"))
}

/// Everything that a sandbox keeps from a program.
pub(crate) fn files() -> Answer {
    let preopens = wasip3::filesystem::preopens::get_directories().len();
    let text = format!("preopens={preopens}\n{}", steading_test_components::kept_away());
    body::text(&text)
}

/// The file that the header `path` names.
pub(crate) fn read(request: &Request) -> Answer {
    let path = request.get_headers().get("path").into_iter().next().unwrap_or_default();
    body::text(&steading_test_components::read(&path))
}

/// Goes on when its response has ended.
pub(crate) fn after() -> Answer {
    let (response, mut out) = body::begin(200, &[]);
    spawn_local(async move {
        out.write(b"answered".to_vec()).await;
        out.end(Ok(None)).await;
        monotonic_clock::wait_for(500 * MILLISECOND_NS).await;
        println!("done after the response");
    });
    Ok(response)
}
