//! What becomes of a body that nobody reads. hyper closes the connection on it, and bytes that are on their
//! way then reset it, so that the caller never sees the answer; hence a little is read and thrown away.

use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper::body::{Body, Incoming};

/// What is read of it, bytes. More is not worth waiting for.
const BYTES_MAX: u64 = 256 << 10;

/// How long that may take.
const TIME_MAX: Duration = Duration::from_millis(500);

/// Whether nothing is left of a body after this; else the caller must be told that the connection ends.
pub async fn discard(body: Incoming) -> bool {
    if body.is_end_stream() {
        return true;
    }
    tokio::time::timeout(TIME_MAX, read(body)).await.unwrap_or(false)
}

async fn read(mut body: Incoming) -> bool {
    let mut left = BYTES_MAX;
    while let Some(Ok(frame)) = body.frame().await {
        let length = frame.data_ref().map_or(0, |bytes| bytes.len() as u64);
        let Some(after) = left.checked_sub(length) else { return false };
        left = after;
    }
    body.is_end_stream()
}
