//! The request head as the worker encodes it (`ABI.md`), kept in the one buffer it came in. Only
//! the places of the fields are found when it is decoded; lists are walked when asked for. No
//! copies, no tables. Invariant: a read past the end is `None`, whatever the bytes are.

use std::ops::Range;

/// A request head in its encoded form, with the places of its fields.
pub(crate) struct RequestHead {
    bytes: Vec<u8>,
    method: Range<usize>,
    path: Range<usize>,
    query: Range<usize>,
    invocation: Range<usize>,
    /// Where the list of route parameters begins, with its count.
    params: usize,
    /// Where the list of headers begins, with its count.
    headers: usize,
}

impl RequestHead {
    /// Finds the fields; `None` when the bytes are not a request head.
    pub(crate) fn decode(bytes: Vec<u8>) -> Option<Self> {
        let mut reader = Reader { bytes: &bytes, at: 0 };
        let method = reader.text()?;
        let path = reader.text()?;
        let query = reader.text()?;
        let invocation = reader.text()?;
        let params = reader.at;
        for _ in 0..reader.count()? {
            reader.span()?;
            reader.span()?;
        }
        let headers = reader.at;
        reader.count()?;
        Some(Self { method, path, query, invocation, params, headers, bytes })
    }

    pub(crate) fn method(&self) -> &str {
        self.text(&self.method)
    }

    pub(crate) fn path(&self) -> &str {
        self.text(&self.path)
    }

    pub(crate) fn query(&self) -> &str {
        self.text(&self.query)
    }

    pub(crate) fn invocation(&self) -> &str {
        self.text(&self.invocation)
    }

    pub(crate) fn params(&self) -> Pairs<'_> {
        Pairs::at(&self.bytes, self.params)
    }

    pub(crate) fn headers(&self) -> Pairs<'_> {
        Pairs::at(&self.bytes, self.headers)
    }

    fn text(&self, range: &Range<usize>) -> &str {
        // Checked to be text when the head was decoded; a second look costs less than a copy.
        str::from_utf8(&self.bytes[range.clone()]).unwrap_or_default()
    }
}

/// The entries of an encoded list, in order.
#[derive(Clone)]
pub(crate) struct Pairs<'a> {
    reader: Reader<'a>,
    left: u32,
}

impl<'a> Pairs<'a> {
    pub(crate) fn at(bytes: &'a [u8], at: usize) -> Self {
        let mut reader = Reader { bytes, at };
        let left = reader.count().unwrap_or(0);
        Self { reader, left }
    }
}

impl<'a> Iterator for Pairs<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let name = self.reader.span()?;
        let value = self.reader.span()?;
        Some((&self.reader.bytes[name], &self.reader.bytes[value]))
    }
}

#[derive(Clone)]
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn count(&mut self) -> Option<u32> {
        let (number, _) = self.bytes.get(self.at..)?.split_first_chunk::<4>()?;
        self.at += number.len();
        Some(u32::from_le_bytes(*number))
    }

    fn span(&mut self) -> Option<Range<usize>> {
        let len = usize::try_from(self.count()?).ok()?;
        let end = self.at.checked_add(len).filter(|end| *end <= self.bytes.len())?;
        let span = self.at..end;
        self.at = end;
        Some(span)
    }

    fn text(&mut self) -> Option<Range<usize>> {
        let span = self.span()?;
        str::from_utf8(&self.bytes[span.clone()]).ok().map(|_| span)
    }
}

/// Appends a `str` of the ABI: its length, then its bytes.
pub(crate) fn put_str(out: &mut Vec<u8>, bytes: &[u8]) {
    put_u32(out, bytes.len());
    out.extend_from_slice(bytes);
}

/// Appends a number of the ABI; everything counted here is far below 2^32, because it is in the
/// memory of a 32-bit module.
pub(crate) fn put_u32(out: &mut Vec<u8>, number: usize) {
    let number = u32::try_from(number).unwrap_or(u32::MAX);
    out.extend_from_slice(&number.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded() -> Vec<u8> {
        let mut bytes = vec![];
        for text in ["GET", "/api/orders/7", "full=1", "id-1"] {
            put_str(&mut bytes, text.as_bytes());
        }
        for list in [[("id", "7")], [("accept", "*/*")]] {
            put_u32(&mut bytes, list.len());
            for (name, value) in list {
                put_str(&mut bytes, name.as_bytes());
                put_str(&mut bytes, value.as_bytes());
            }
        }
        bytes
    }

    #[test]
    fn a_head_is_read_field_by_field() {
        let head = RequestHead::decode(encoded()).unwrap();
        assert_eq!(
            (head.method(), head.path(), head.query(), head.invocation()),
            ("GET", "/api/orders/7", "full=1", "id-1")
        );
        assert_eq!(head.params().collect::<Vec<_>>(), [(&b"id"[..], &b"7"[..])]);
        assert_eq!(head.headers().collect::<Vec<_>>(), [(&b"accept"[..], &b"*/*"[..])]);
    }

    #[test]
    fn a_head_cut_anywhere_is_refused_or_ends_early() {
        let whole = encoded();
        for len in 0..whole.len() {
            if let Some(head) = RequestHead::decode(whole[..len].to_vec()) {
                assert_eq!(head.headers().count(), 0, "cut at {len}");
            }
        }
    }

    #[test]
    fn a_length_beyond_the_head_is_refused() {
        let mut bytes = encoded();
        bytes[..4].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(RequestHead::decode(bytes).is_none());
    }
}
