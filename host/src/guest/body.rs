//! A request's body as a guest reads it: in pieces, bounded, and never held whole by the worker.

use bytes::{Buf, Bytes};
use http_body_util::BodyExt;
use hyper::body::Incoming;

/// A body that is read once, from front to back.
pub(crate) struct RequestBody {
    source: Source,
    piece: Bytes,
    read_bytes: u64,
    bytes_max: u64,
}

enum Source {
    Stream(Incoming),
    End,
    Failed,
}

/// The body cannot be read any further.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum BodyFault {
    /// It is longer than the function takes.
    TooLarge,
    /// The caller went away, or sent no valid HTTP.
    Broken,
}

impl RequestBody {
    /// A body that comes in over a connection.
    pub(crate) fn streamed(stream: Incoming, bytes_max: u64) -> Self {
        Self { source: Source::Stream(stream), piece: Bytes::new(), read_bytes: 0, bytes_max }
    }

    /// A body that is there already; its length is not limited, because the worker made it.
    pub(crate) fn full(bytes: Bytes) -> Self {
        Self { source: Source::End, piece: bytes, read_bytes: 0, bytes_max: u64::MAX }
    }

    /// Copies the next bytes into `buffer` and returns how many; 0 is the end, unless `buffer` is empty.
    pub(crate) async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, BodyFault> {
        while self.piece.is_empty() {
            match &mut self.source {
                Source::End => return Ok(0),
                Source::Failed => return Err(BodyFault::Broken),
                Source::Stream(stream) => match stream.frame().await {
                    None => self.source = Source::End,
                    Some(Ok(frame)) => self.take(frame.into_data().unwrap_or_default())?,
                    Some(Err(_)) => self.source = Source::Failed,
                },
            }
        }
        let count = buffer.len().min(self.piece.len());
        self.piece.copy_to_slice(&mut buffer[..count]);
        Ok(count)
    }

    fn take(&mut self, piece: Bytes) -> Result<(), BodyFault> {
        self.read_bytes += piece.len() as u64;
        if self.read_bytes > self.bytes_max {
            self.source = Source::Failed;
            return Err(BodyFault::TooLarge);
        }
        self.piece = piece;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_full_body_is_read_in_pieces_and_ends() {
        let mut body = RequestBody::full(Bytes::from_static(b"hello"));
        let mut buffer = [0; 3];
        assert_eq!(body.read(&mut buffer).await, Ok(3));
        assert_eq!(&buffer, b"hel");
        assert_eq!(body.read(&mut buffer).await, Ok(2));
        assert_eq!(body.read(&mut buffer).await, Ok(0));
    }
}
