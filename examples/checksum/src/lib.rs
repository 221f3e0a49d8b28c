//! The checksum of a body, as a component of `wasi:http` 0.3.

// no other linker takes the names of what it exports
#![cfg(target_family = "wasm")]

use sha2::{Digest, Sha256};
use wasip3::http::types::{ErrorCode, Fields, Request, Response};
use wasip3::wit_bindgen::{StreamReader, StreamResult};
use wasip3::{spawn_local, wit_future, wit_stream};

struct Checksum;

wasip3::http::service::export!(Checksum);

/// How much of the body is read at once, bytes.
const PIECE_BYTES: usize = 64 << 10;

impl wasip3::exports::http::handler::Guest for Checksum {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        // nobody asks how far we have read
        let (_, read) = wit_future::new(|| Ok(()));
        let (body, trailers) = Request::consume_body(request, read);
        let (hash, length) = checksum(body).await;
        // whether that was all stands behind the body
        trailers.await?;
        Ok(text(format!("{hash}  {length} bytes\n")))
    }
}

async fn checksum(mut body: StreamReader<u8>) -> (String, usize) {
    let (mut hasher, mut length) = (Sha256::new(), 0);
    let mut piece = Vec::with_capacity(PIECE_BYTES);
    loop {
        let result;
        (result, piece) = body.read(piece).await;
        hasher.update(&piece);
        length += piece.len();
        if !matches!(result, StreamResult::Complete(_)) {
            return (hex::encode(hasher.finalize()), length);
        }
        piece.clear();
    }
}

/// A response of this text. Its body is written by a task, which goes on when the response has been given.
fn text(text: String) -> Response {
    let headers = Fields::new();
    headers.append("content-type", b"text/plain").expect("a good header");
    let (mut writer, body) = wit_stream::new();
    let (_, no_trailers) = wit_future::new(|| Ok(None));
    spawn_local(async move {
        // a caller that has gone needs no answer
        let _unread = writer.write_all(text.into_bytes()).await;
    });
    Response::new(headers, Some(body), no_trailers).0
}
