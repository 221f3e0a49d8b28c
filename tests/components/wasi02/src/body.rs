//! Bodies, piece by piece.

use wasip2::http::types::{Fields, FutureTrailers, IncomingBody, IncomingRequest};
use wasip2::io::streams::{InputStream, OutputStream, StreamError};

/// As much as one write may bring.
const PIECE_BYTES: usize = 4096;

/// Writes all of it, waiting as often as it takes; false when nobody reads any more.
pub(crate) fn write_all(stream: &OutputStream, bytes: &[u8]) -> bool {
    bytes.chunks(PIECE_BYTES).all(|piece| stream.blocking_write_and_flush(piece).is_ok())
}

/// The body of a request, and its stream.
pub(crate) fn of(request: &IncomingRequest) -> (IncomingBody, InputStream) {
    let body = request.consume().expect("a body is taken once");
    let stream = body.stream().expect("a stream is taken once");
    (body, stream)
}

/// Hands every piece of a stream on; an error when it does not come to its end.
pub(crate) fn each(stream: &InputStream, mut take: impl FnMut(&[u8])) -> Result<(), String> {
    loop {
        match stream.blocking_read(64 << 10) {
            Ok(piece) => take(&piece),
            Err(StreamError::Closed) => return Ok(()),
            Err(StreamError::LastOperationFailed(error)) => return Err(error.to_debug_string()),
        }
    }
}

/// What comes behind a body that has been read.
pub(crate) fn trailers(body: IncomingBody) -> Option<Fields> {
    let trailers: FutureTrailers = IncomingBody::finish(body);
    trailers.subscribe().block();
    trailers.get()?.ok()?.ok()?
}
