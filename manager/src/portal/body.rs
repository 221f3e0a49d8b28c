//! A response body as the test pane shows it: indented JSON, text, a picture, or the first bytes of
//! anything else. Pure; whatever a function answers, the result is short enough for a page.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::IgnoredAny;

use super::view::{bytes, counted};

/// The most text put on the page; a browser stays quick with it, and a person reads no more.
const TEXT_BYTES_MAX: usize = 256 << 10;
/// The largest picture shown; it travels inside the page as base64.
const IMAGE_BYTES_MAX: usize = 8 << 20;
/// How much of a binary body the dump shows: sixteen lines.
const DUMP_BYTES_MAX: usize = 256;

/// What stands in the result's body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Body {
    Empty,
    /// Text, with a sentence when it was cut.
    Text {
        text: String,
        cut: Option<String>,
    },
    /// A picture as a `data:` address.
    Image {
        source: String,
    },
    /// Anything else: what it is, and its first bytes.
    Binary {
        note: String,
        dump: String,
    },
}

impl Body {
    /// Chooses by what the bytes are; the content type decides only about pictures.
    pub(crate) fn new(content_type: &str, body: &[u8]) -> Self {
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        let essence = essence.to_ascii_lowercase();
        if body.is_empty() {
            return Self::Empty;
        }
        if is_picture(&essence) && body.len() <= IMAGE_BYTES_MAX {
            let source = format!("data:{essence};base64,{}", STANDARD.encode(body));
            return Self::Image { source };
        }
        match std::str::from_utf8(body) {
            Ok(text) if !text.contains('\0') => Self::text(text),
            _ => Self::binary(&essence, body),
        }
    }

    fn text(text: &str) -> Self {
        if text.len() > TEXT_BYTES_MAX {
            let shown = &text[..text.floor_char_boundary(TEXT_BYTES_MAX)];
            let cut = format!("Only the first {} are shown.", bytes(TEXT_BYTES_MAX as u64));
            return Self::Text { text: shown.to_owned(), cut: Some(cut) };
        }
        let is_json = text.trim_start().starts_with(['{', '['])
            && serde_json::from_str::<IgnoredAny>(text).is_ok();
        let text = if is_json { indent(text) } else { text.to_owned() };
        Self::Text { text, cut: None }
    }

    fn binary(essence: &str, body: &[u8]) -> Self {
        let kind = if essence.is_empty() { "no content type" } else { essence };
        let count = counted(body.len() as u64, "byte");
        let shown = body.len().min(DUMP_BYTES_MAX);
        let extent = if shown < body.len() {
            format!(" The first {shown} of {count}:")
        } else {
            format!(" All {count}:")
        };
        Self::Binary { note: format!("Binary, {kind}.{extent}"), dump: dump(&body[..shown]) }
    }
}

/// The picture types that browsers show; the exact words, since they go into the address.
fn is_picture(essence: &str) -> bool {
    matches!(
        essence,
        "image/png" | "image/jpeg" | "image/gif" | "image/webp" | "image/avif" | "image/svg+xml"
    )
}

/// Sets valid JSON on lines with two spaces a level. Works on the text, so that long numbers,
/// repeated keys and the order of keys stay as the function sent them.
fn indent(json: &str) -> String {
    #[derive(PartialEq)]
    enum Place {
        Between,
        Opened,
        Quoted,
        Escaped,
    }
    let mut out = String::with_capacity(json.len() * 2);
    let mut depth = 0_usize;
    let mut place = Place::Between;
    for c in json.chars() {
        match place {
            Place::Quoted | Place::Escaped => out.push(c),
            _ if c.is_ascii_whitespace() => continue,
            _ => {
                let closes = matches!(c, '}' | ']');
                depth = depth.saturating_sub(usize::from(closes));
                // An empty pair stays together: a line break on one side of a brace only.
                if closes != (place == Place::Opened) {
                    line(&mut out, depth);
                }
                out.push(c);
            }
        }
        place = match (place, c) {
            (Place::Escaped, _) => Place::Quoted,
            (Place::Quoted, '\\') => Place::Escaped,
            (Place::Quoted, '"') => Place::Between,
            (Place::Quoted, _) | (_, '"') => Place::Quoted,
            (_, '{' | '[') => {
                depth += 1;
                Place::Opened
            }
            (_, ',') => {
                line(&mut out, depth);
                Place::Between
            }
            (_, ':') => {
                out.push(' ');
                Place::Between
            }
            _ => Place::Between,
        };
    }
    out
}

/// Deeper levels than this are not set in any further, or a few brackets would fill the page.
const INDENT_LEVELS_MAX: usize = 16;

fn line(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth.min(INDENT_LEVELS_MAX)));
}

/// Sixteen bytes a line: offset, hex, and what is printable.
fn dump(body: &[u8]) -> String {
    let mut out = String::new();
    for (index, row) in body.chunks(16).enumerate() {
        let hex: Vec<_> = row.iter().map(|byte| format!("{byte:02x}")).collect();
        let printable = |byte: &u8| if byte.is_ascii_graphic() { char::from(*byte) } else { '.' };
        let text: String = row.iter().map(printable).collect();
        out.push_str(&format!("{:04x}  {:<47}  {text}\n", index * 16, hex.join(" ")));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of(body: &[u8]) -> String {
        match Body::new("application/json", body) {
            Body::Text { text, .. } => text,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn json_is_indented_and_otherwise_left_as_it_is() {
        let json = br#"{"b": [1,  {"a\"}": "x: [1, 2]"}], "n": 12345678901234567890.10, "e": {}, "f":[ ]}"#;
        let expected = r#"{
  "b": [
    1,
    {
      "a\"}": "x: [1, 2]"
    }
  ],
  "n": 12345678901234567890.10,
  "e": {},
  "f": []
}"#;
        assert_eq!(text_of(json), expected);
        assert_eq!(text_of(b"{not json, at all}"), "{not json, at all}");
        assert_eq!(text_of(b"42"), "42");
    }

    #[test]
    fn pictures_are_shown_and_other_binaries_named() {
        let png = Body::new("image/png", b"\x89PNG");
        assert_eq!(png, Body::Image { source: "data:image/png;base64,iVBORw==".into() });
        let Body::Binary { note, dump } = Body::new("application/wasm", b"\0asm\x01\0\0\0") else {
            panic!("not binary")
        };
        assert_eq!(note, "Binary, application/wasm. All 8 bytes:");
        assert!(dump.starts_with("0000  00 61 73 6d 01 00 00 00"), "{dump}");
        assert!(dump.ends_with(".asm....\n"), "{dump}");
        assert_eq!(Body::new("", b""), Body::Empty);
    }

    #[test]
    fn a_content_type_cannot_reach_into_the_address_of_a_picture() {
        let body = Body::new("image/png\" onerror=\"x", b"text");
        assert!(matches!(body, Body::Text { .. }), "{body:?}");
    }

    #[test]
    fn long_text_is_cut_at_a_character() {
        let Body::Text { text, cut } = Body::new("", "é".repeat(TEXT_BYTES_MAX).as_bytes()) else {
            panic!("not text")
        };
        assert_eq!(text.len(), TEXT_BYTES_MAX);
        assert_eq!(cut.as_deref(), Some("Only the first 256 KiB are shown."));
    }
}
