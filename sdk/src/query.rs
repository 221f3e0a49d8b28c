//! Percent-decoding of one name or value of a query. Not a URL parser. Invariant: text that needs no
//! decoding is returned as it is, without a copy.

use std::borrow::Cow;

/// Decodes `+` and `%XX`; a `%` without two hex digits stands for itself, and bytes that are not
/// UTF-8 are replaced.
pub(crate) fn decode(text: &str) -> Cow<'_, str> {
    if !text.bytes().any(|b| b == b'%' || b == b'+') {
        return Cow::Borrowed(text);
    }
    let mut bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    while let Some((first, rest)) = bytes.split_first() {
        bytes = rest;
        out.push(match first {
            b'+' => b' ',
            b'%' => match escaped(rest) {
                Some(byte) => {
                    bytes = &rest[2..];
                    byte
                }
                None => b'%',
            },
            byte => *byte,
        });
    }
    Cow::Owned(String::from_utf8_lossy(&out).into_owned())
}

fn escaped(after_percent: &[u8]) -> Option<u8> {
    let [high, low, ..] = after_percent else { return None };
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_decoded_and_broken_ones_kept() {
        let cases = [
            ("plain", "plain"),
            ("a+b%20c", "a b c"),
            ("100%", "100%"),
            ("%zz%4", "%zz%4"),
            ("%ff", "\u{fffd}"),
        ];
        for (text, expect) in cases {
            assert_eq!(decode(text), expect, "{text}");
        }
    }
}
