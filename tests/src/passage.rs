//! A long body through a function that echoes it, and what the worker needs for that.

use reqwest::{Body, Method};
use tokio::io::{AsyncReadExt, repeat};
use tokio_util::io::ReaderStream;

use crate::{Cluster, http};

/// What a worker may grow by while far more than this passes through it: buffers, and what the allocator keeps.
pub const GROWTH_BYTES_MAX: u64 = 64 << 20;

/// How often the worker is looked at, bytes.
const LOOK_EVERY_BYTES: u64 = 16 << 20;

/// A body in which no piece is like another.
pub fn megabyte() -> Vec<u8> {
    (0..1_u32 << 20).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

/// Sends so many bytes to a function of the first worker that gives back what it gets, and returns by how many bytes
/// the worker has grown while they passed. Panics when they do not come back.
pub async fn grown_by(cluster: &mut Cluster, echo: &str, bytes: u64) -> u64 {
    assert_eq!(http::post(echo, "warm").await.text(), "warm");
    let before = cluster.worker_process(0).resident_bytes();
    let source = ReaderStream::with_capacity(repeat(7).take(bytes), 64 << 10);
    let request = http::request(Method::POST, echo).body(Body::wrap_stream(source));
    let mut reply = request.send().await.expect("the reply begins while the request goes on");
    let (mut received, mut largest) = (0, 0);
    while let Some(piece) = reply.chunk().await.expect("the reply arrives whole") {
        let looked = received / LOOK_EVERY_BYTES;
        received += piece.len() as u64;
        if received / LOOK_EVERY_BYTES > looked {
            largest = largest.max(cluster.worker_process(0).resident_bytes());
        }
    }
    assert_eq!(received, bytes);
    largest.saturating_sub(before)
}
