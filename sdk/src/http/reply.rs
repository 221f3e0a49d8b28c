//! What another host answered. Its body is read from the worker as it comes, or from memory in native tests.

use std::io::{self, Read};

use serde::de::DeserializeOwned;

use super::Error;
use crate::head::Pairs;

/// The response of another host.
#[derive(Debug)]
pub struct Reply {
    status: u16,
    headers: Vec<(String, Vec<u8>)>,
    body: Body,
}

#[derive(Debug)]
enum Body {
    #[cfg_attr(not(target_family = "wasm"), allow(dead_code, reason = "only a worker has one"))]
    Worker,
    Memory(io::Cursor<Vec<u8>>),
}

impl Reply {
    /// A reply for native tests.
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: vec![], body: Body::Memory(io::Cursor::new(body.into())) }
    }

    /// Adds a header, for native tests.
    #[must_use]
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The head of a response as `ABI.md` lays it out.
    #[cfg_attr(not(target_family = "wasm"), allow(dead_code, reason = "only a worker writes it"))]
    pub(crate) fn decode(head: &[u8]) -> Option<Self> {
        let (status, _) = head.split_first_chunk::<4>()?;
        let status = u16::try_from(u32::from_le_bytes(*status)).ok()?;
        let headers = Pairs::at(head, size_of::<u32>());
        let text = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
        let headers = headers.map(|(name, value)| (text(name), value.to_vec())).collect();
        Some(Self { status, headers, body: Body::Worker })
    }

    /// The status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Whether the status is 200 to 299.
    pub fn is_success(&self) -> bool {
        (200..=299).contains(&self.status)
    }

    /// The first header of this name, in any case, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.and_then(|(_, value)| str::from_utf8(value).ok())
    }

    /// The headers, in the host's order.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice()))
    }

    /// Reads the body to its end. To read no more than some length, read from the reply: it is a [`Read`].
    pub fn bytes(&mut self) -> Result<Vec<u8>, Error> {
        let mut body = vec![];
        self.read_to_end(&mut body).map_err(|error| {
            error.get_ref().and_then(|inner| inner.downcast_ref().copied()).unwrap_or(Error::Broken)
        })?;
        Ok(body)
    }

    /// Reads the body to its end as text; what is not UTF-8 is replaced.
    pub fn text(&mut self) -> Result<String, Error> {
        self.bytes().map(|body| String::from_utf8_lossy(&body).into_owned())
    }

    /// Reads the body to its end as JSON.
    pub fn json<T: DeserializeOwned>(&mut self) -> Result<T, crate::Error> {
        Ok(serde_json::from_slice(&self.bytes()?)?)
    }
}

impl Read for Reply {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.body {
            Body::Memory(body) => body.read(buffer),
            #[cfg(target_family = "wasm")]
            Body::Worker => crate::sys::outbound::body_read(buffer)
                .map_err(|code| io::Error::other(Error::of(code))),
            #[cfg(not(target_family = "wasm"))]
            Body::Worker => Ok(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_decoded_and_nothing_is_taken_for_one() {
        let mut head = 404_u32.to_le_bytes().to_vec();
        crate::head::put_u32(&mut head, 1);
        crate::head::put_str(&mut head, b"retry-after");
        crate::head::put_str(&mut head, b"7");
        let reply = Reply::decode(&head).unwrap();
        assert_eq!((reply.status(), reply.is_success()), (404, false));
        assert_eq!(reply.header("Retry-After"), Some("7"));
        assert!(Reply::decode(&head[..3]).is_none());
    }

    #[test]
    fn a_reply_is_read_in_pieces_or_whole() {
        let mut reply = Reply::new(200, "[1,2]").with_header("x", "y");
        let mut first = [0; 1];
        reply.read_exact(&mut first).unwrap();
        assert_eq!((first, reply.text().unwrap().as_str()), (*b"[", "1,2]"));
        assert_eq!(Reply::new(200, "[1,2]").json::<Vec<u8>>().unwrap(), [1, 2]);
        assert!(Reply::new(200, "x").json::<Vec<u8>>().is_err());
    }
}
