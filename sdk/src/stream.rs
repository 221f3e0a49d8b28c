//! Bodies in pieces: reading a request's as it arrives, writing a response's as it is made. Both are
//! plain `std::io`, and both wait: a reader for the caller's next bytes, a writer for the caller to take
//! the last ones. Invariant: neither holds more than the piece in hand.

use std::io::{self, Read, Write};

use crate::sys;

/// A request's body, read as it arrives; from [`Request::into_reader`](crate::Request::into_reader).
#[derive(Debug)]
pub struct BodyReader(Source);

#[derive(Debug)]
enum Source {
    Worker,
    Memory(io::Cursor<Vec<u8>>),
}

/// Where a streamed response's body goes; given by [`Response::stream`](crate::Response::stream).
#[derive(Debug)]
pub struct BodyWriter(Sink);

#[derive(Debug)]
enum Sink {
    Worker,
    Memory(Vec<u8>),
}

impl BodyReader {
    pub(crate) fn of_worker() -> Self {
        Self(Source::Worker)
    }

    pub(crate) fn of_memory(body: Vec<u8>) -> Self {
        Self(Source::Memory(io::Cursor::new(body)))
    }
}

impl Read for BodyReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.0 {
            Source::Memory(body) => body.read(buffer),
            // an empty buffer would read as the end
            Source::Worker if buffer.is_empty() => Ok(0),
            Source::Worker => sys::request_body_read(buffer).map_err(|sys::BodyUnreadable| {
                io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    "the caller has gone, or the body is larger than the worker takes",
                )
            }),
        }
    }
}

impl BodyWriter {
    pub(crate) fn to_worker() -> Self {
        Self(Sink::Worker)
    }

    pub(crate) fn to_memory() -> Self {
        Self(Sink::Memory(vec![]))
    }

    pub(crate) fn into_memory(self) -> Vec<u8> {
        match self.0 {
            Sink::Worker => vec![],
            Sink::Memory(body) => body,
        }
    }
}

impl Write for BodyWriter {
    /// Sends a piece. It leaves at once: there is no need to flush.
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Sink::Memory(body) => body.extend_from_slice(piece),
            Sink::Worker => sys::response_write(piece).map_err(|sys::NotTaken| {
                io::Error::new(
                    io::ErrorKind::BrokenPipe,
                    "the caller has gone, or the body is larger than the worker takes",
                )
            })?,
        }
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Response, testing};

    #[test]
    fn a_stream_can_be_echoed_natively() {
        let mut body =
            testing::request("POST", "/api/echo").body("in pieces").build().into_reader();
        let response = Response::stream(move |out| io::copy(&mut body, out).map(drop));
        let response = testing::whole(response.header("x", "y"));
        assert_eq!(response.body_text(), "in pieces");
        assert_eq!(response.header_value("x"), Some("y"));
    }
}
