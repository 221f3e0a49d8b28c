//! Requests that a component sends. It says what became of them.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};
use wasip3::http::client;
use wasip3::http::types::{ErrorCode, Fields, Method, Request, Response, Scheme};
use wasip3::wit_bindgen::StreamReader;
use wasip3::{spawn_local, wit_future};

use crate::{Answer, body};

/// The status and the body of what the header `url` names.
pub(crate) async fn fetch(request: Request) -> Answer {
    let url = urls(&request).into_iter().next().unwrap_or_default();
    match send(&url, Method::Get, None).await {
        Ok(response) => {
            let mut text = format!("{}\n", response.get_status_code());
            let mut stream = consume(response);
            while let Some(piece) = body::next(&mut stream).await {
                text += &String::from_utf8_lossy(&piece);
            }
            body::text(&text)
        }
        Err(code) => body::text(&format!("{code:?}")),
    }
}

/// The SHA-256 of what each header `url` names, a line each.
pub(crate) async fn hash_all(request: Request) -> Answer {
    let mut text = String::new();
    for url in urls(&request) {
        let _ = match send(&url, Method::Get, None).await {
            Ok(response) => {
                let (mut stream, mut hasher) = (consume(response), Sha256::new());
                while let Some(piece) = body::next(&mut stream).await {
                    hasher.update(piece);
                }
                writeln!(text, "{url}: {}", hex::encode(hasher.finalize()))
            }
            Err(code) => writeln!(text, "{url}: {code:?}"),
        };
    }
    body::text(&text)
}

/// The body by way of what the header `url` names, which should give it back.
pub(crate) async fn double_echo(request: Request) -> Answer {
    let url = urls(&request).into_iter().next().unwrap_or_default();
    let (stream, _trailers) = body::of(request);
    match send(&url, Method::Post, Some(stream)).await {
        Ok(response) => {
            let (answer, mut out) = body::begin(200, &[]);
            spawn_local(async move {
                let mut stream = consume(response);
                while let Some(piece) = body::next(&mut stream).await {
                    out.write(piece).await;
                }
                out.end(Ok(None)).await;
            });
            Ok(answer)
        }
        Err(code) => body::text(&format!("{code:?}")),
    }
}

fn urls(request: &Request) -> Vec<String> {
    let urls = request.get_headers().get("url");
    urls.into_iter().map(|url| String::from_utf8_lossy(&url).into_owned()).collect()
}

fn consume(response: Response) -> StreamReader<u8> {
    let (_, read) = wit_future::new(|| Ok(()));
    Response::consume_body(response, read).0
}

async fn send(
    url: &str,
    method: Method,
    contents: Option<StreamReader<u8>>,
) -> Result<Response, ErrorCode> {
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    let scheme = if scheme == "https" { Scheme::Https } else { Scheme::Http };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let (_, ending) = wit_future::new(|| Ok(None));
    let (request, _sent) = Request::new(Fields::new(), contents, ending, None);
    request.set_method(&method).expect("a usual method");
    request.set_scheme(Some(&scheme)).expect("a usual scheme");
    request.set_authority(Some(authority)).expect("a good authority");
    request.set_path_with_query(Some(path)).expect("a good path");
    client::send(request).await
}
