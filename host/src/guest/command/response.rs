//! The head of a CGI response (RFC 3875, 6), read as it is written, line by line. Pure; the bytes come from a
//! guest, so everything about them is checked, and a line that is wrong is named at once.
//!
//! Lines end with LF or CRLF, and an empty one ends the head. It has `Content-Type`, `Status` or `Location`,
//! none of them twice; a program that just prints has none, and is told so. `Location` without `Status`
//! is a 302, also where it is a path: the standard would have the server answer that path itself, but
//! then one call would run two functions under one deadline and one permit. Invariant: no more is kept
//! than a head may have.

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use crate::guest::ResponseHead;
use crate::guest::head::{self, HEAD_BYTES_MAX, HEADERS_MAX, InvalidHead};

/// Reads one head out of any pieces.
#[derive(Debug, Default)]
pub(super) struct HeadReader {
    /// The line that has not ended yet.
    line: Vec<u8>,
    lines: usize,
    bytes: usize,
    count: usize,
    status: Option<StatusCode>,
    headers: HeaderMap,
}

/// What a piece has brought.
#[derive(Debug)]
pub(super) enum Read {
    /// The head goes on.
    More,
    /// The head is whole; so many bytes of the piece belong to it, the rest is body.
    Whole { head: ResponseHead, length: usize },
}

impl HeadReader {
    /// Reads the next piece. Not to be called again once the head is whole or refused.
    pub(super) fn read(&mut self, piece: &[u8]) -> Result<Read, InvalidHead> {
        let mut length = 0;
        for part in piece.split_inclusive(|byte| *byte == b'\n') {
            length += part.len();
            self.bytes += part.len();
            if self.bytes > HEAD_BYTES_MAX {
                return Err(InvalidHead::too_long());
            }
            self.line.extend_from_slice(part);
            let Some(line) = self.line.strip_suffix(b"\n") else { break };
            let line = line.strip_suffix(b"\r").unwrap_or(line).to_vec();
            self.line.clear();
            if line.is_empty() {
                return Ok(Read::Whole { head: self.whole()?, length });
            }
            self.lines += 1;
            self.field(&line)?;
        }
        Ok(Read::More)
    }

    /// Whether anything has been read.
    pub(super) fn has_begun(&self) -> bool {
        self.bytes > 0
    }

    fn field(&mut self, line: &[u8]) -> Result<(), InvalidHead> {
        self.count += 1;
        if self.count > HEADERS_MAX {
            return Err(InvalidHead::too_many());
        }
        let colon = line.iter().position(|byte| *byte == b':').ok_or_else(|| {
            let shown = head::shown(line);
            let number = self.lines;
            InvalidHead::Unsendable(format!("line {number} of its head, `{shown}`, is no header"))
        })?;
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        if name.eq_ignore_ascii_case(b"status") {
            return self.status(value);
        }
        let (name, value) = head::header(name, value)?;
        if [header::CONTENT_TYPE, header::LOCATION].contains(&name) {
            return self.once(&name, value);
        }
        if !head::of_the_connection(&name) {
            self.headers.append(name, value);
        }
        Ok(())
    }

    fn once(&mut self, name: &HeaderName, value: HeaderValue) -> Result<(), InvalidHead> {
        match self.headers.insert(name.clone(), value) {
            None => Ok(()),
            Some(_) => Err(twice(name.as_str())),
        }
    }

    /// `404 Not Found`, or the number alone.
    fn status(&mut self, value: &[u8]) -> Result<(), InvalidHead> {
        if self.status.is_some() {
            return Err(twice("status"));
        }
        let number = value.split(|byte| *byte == b' ').next().unwrap_or_default();
        let parsed = (number.len() == 3).then(|| std::str::from_utf8(number).ok()?.parse().ok());
        let number = parsed.flatten().ok_or_else(|| {
            let shown = head::shown(value);
            InvalidHead::Unsendable(format!("`{shown}` is not a status such as `404 Not Found`"))
        })?;
        self.status = Some(head::final_status(number)?);
        Ok(())
    }

    fn whole(&mut self) -> Result<ResponseHead, InvalidHead> {
        let headers = std::mem::take(&mut self.headers);
        let status = match self.status {
            Some(status) => status,
            None if headers.contains_key(header::LOCATION) => StatusCode::FOUND,
            None if headers.contains_key(header::CONTENT_TYPE) => StatusCode::OK,
            None => {
                let reason = "its head has neither Content-Type, Status nor Location".to_owned();
                return Err(InvalidHead::Unsendable(reason));
            }
        };
        Ok(ResponseHead { status, headers })
    }
}

fn twice(name: &str) -> InvalidHead {
    InvalidHead::Unsendable(format!("`{name}` stands twice in its head"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The head and the body of what was written in one piece.
    fn read(text: &str) -> Result<(ResponseHead, &str), String> {
        match HeadReader::default().read(text.as_bytes()) {
            Ok(Read::Whole { head, length }) => Ok((head, &text[length..])),
            Ok(Read::More) => Err("more".into()),
            Err(invalid) => Err(invalid.to_string()),
        }
    }

    #[test]
    fn a_document_a_status_and_a_redirect_are_told_apart() {
        for (text, status) in [
            ("Content-Type: text/plain\n\nbody", 200),
            ("content-type:text/plain\r\n\r\nbody", 200),
            ("Status: 404 Not Found\nContent-Type: text/plain\n\nbody", 404),
            ("Status: 204\n\nbody", 204),
            ("Location: https://example.org/\n\nbody", 302),
            ("Location: /api/other?x=1\n\nbody", 302),
            ("Status: 201 Created\nLocation: /api/orders/7\n\nbody", 201),
        ] {
            let (head, body) = read(text).unwrap();
            assert_eq!((head.status.as_u16(), body), (status, "body"), "{text}");
        }
    }

    #[test]
    fn headers_are_kept_in_order_and_those_of_the_connection_dropped() {
        let text = "Set-Cookie: a\nContent-Type: text/plain\nConnection: close\nContent-Length: 9\nTransfer-Encoding: x\nSet-Cookie:  b \n\n";
        let (head, _) = read(text).unwrap();
        let cookies: Vec<_> = head.headers.get_all("set-cookie").iter().collect();
        assert_eq!(cookies, ["a", "b"]);
        assert_eq!(head.headers.len(), 3);
    }

    #[test]
    fn what_cannot_be_sent_is_refused_with_its_reason() {
        let many = format!("Status: 200\n{}\n", "a: b\n".repeat(128));
        let long = format!("a: {}", "b".repeat(HEAD_BYTES_MAX));
        for (text, reason) in [
            ("Hello, world\n", "line 1 of its head, `Hello, world`, is no header"),
            ("Status: 200\n folded\n\n", "line 2 of its head, ` folded`, is no header"),
            ("\nbody", "neither Content-Type, Status nor Location"),
            ("X: y\n\n", "neither Content-Type, Status nor Location"),
            ("a b: c\n", "`a b` is not a header name"),
            ("Content-Type : c\n", "`Content-Type ` is not a header name"),
            ("x-y: a\rb\n", "the value of header `x-y` has forbidden bytes"),
            ("Status: fine\n", "`fine` is not a status"),
            ("Status: 2000\n", "`2000` is not a status"),
            ("Status: 100 Continue\n", "status 100 is not within 200 to 599"),
            ("Status: 200\nStatus: 200\n", "`status` stands twice"),
            ("Location: /a\nlocation: /b\n", "`location` stands twice"),
            (&many, "more than 128 headers"),
            (&long, "longer than 65536 bytes"),
            ("Content-Type: text/plain\n", "more"),
        ] {
            let refused = read(text).unwrap_err();
            assert!(refused.contains(reason), "{text:.40}: {refused}");
        }
    }

    proptest! {
        #[test]
        fn pieces_of_any_size_make_the_same_head(cuts in prop::collection::vec(0_usize..60, 0..6)) {
            let text = b"Status: 201 Created\r\nX-A: b\nContent-Type: text/plain\r\n\r\nthe body";
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut % text.len()).collect();
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            let (mut reader, mut whole, mut body) = (HeadReader::default(), None, vec![]);
            for cut in cuts.windows(2) {
                let piece = &text[cut[0]..cut[1]];
                if whole.is_some() {
                    body.extend_from_slice(piece);
                } else if let Read::Whole { head, length } = reader.read(piece).unwrap() {
                    whole = Some(head);
                    body.extend_from_slice(&piece[length..]);
                }
            }
            let head = whole.unwrap();
            prop_assert_eq!((head.status.as_u16(), head.headers.len()), (201, 2));
            prop_assert_eq!(body, b"the body");
        }
    }
}

#[cfg(test)]
mod fuzz {
    //! Fuzz target: whatever is taken for a head can be sent.

    use steading_fuzz::{Corpus, Script};

    use super::*;

    fn check(bytes: &[u8], cut: usize) {
        let mut reader = HeadReader::default();
        let (first, second) = bytes.split_at(cut % (bytes.len() + 1));
        let mut read = reader.read(first);
        if matches!(read, Ok(Read::More)) {
            read = reader.read(second);
        }
        match read {
            Ok(Read::More) => assert!(bytes.len() <= HEAD_BYTES_MAX),
            Ok(Read::Whole { head, length }) => {
                assert!(length <= bytes.len() && length <= HEAD_BYTES_MAX);
                assert!((200..=599).contains(&head.status.as_u16()), "{}", head.status);
                assert!(head.headers.len() <= HEADERS_MAX);
                for (name, value) in &head.headers {
                    assert!(!head::of_the_connection(name), "{name}");
                    assert!(!value.as_bytes().iter().any(|byte| b"\r\n\0".contains(byte)));
                }
            }
            Err(invalid) => {
                let reason = invalid.to_string();
                assert!(!reason.is_empty() && reason.len() < 1000, "{reason}");
            }
        }
    }

    #[test]
    fn fuzz_cgi_response_head() {
        let corpus = Corpus::of("cgi_response_head");
        corpus.seeds().for_each(|(_, bytes)| check(bytes, 7));
        bolero::check!()
            .with_type::<(u16, Script)>()
            .with_iterations(usize::MAX)
            .with_test_time(steading_fuzz::time())
            .for_each(|(cut, script)| check(&corpus.mutate(script), usize::from(*cut)));
    }
}
