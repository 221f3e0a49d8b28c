//! How things read on every page: the frame around a page, and how times, sizes, counts and errors
//! stand in words. Pure functions over plain data; nothing here knows of a store or a request.

use crate::auth::Session;
use jiff::Timestamp;

/// The bar around a page of someone who is signed in.
pub(crate) struct Frame {
    /// What a form or an htmx request of this session must show.
    pub(crate) csrf: String,
    pub(crate) section: Section,
}

/// The part of the portal that a page belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Section {
    Apps,
    Workers,
    Tokens,
}

/// One entry of the navigation.
pub(crate) struct Link {
    pub(crate) href: &'static str,
    pub(crate) label: &'static str,
    pub(crate) current: bool,
}

impl Frame {
    /// The frame of a session's page.
    pub(crate) fn new(session: &Session, section: Section) -> Self {
        Self { csrf: session.csrf.expose().to_owned(), section }
    }

    pub(crate) fn links(&self) -> [Link; 3] {
        let link = |section, href, label| Link { href, label, current: section == self.section };
        [
            link(Section::Apps, "/", "Apps"),
            link(Section::Workers, "/workers", "Workers"),
            link(Section::Tokens, "/tokens", "Tokens"),
        ]
    }
}

/// A moment for people: how long ago, and in full when pointed at.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) iso: String,
    pub(crate) full: String,
    pub(crate) ago: String,
}

impl Moment {
    pub(crate) fn new(at: Timestamp, now: Timestamp) -> Self {
        Self {
            iso: at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            full: at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
            ago: ago(at, now),
        }
    }
}

fn ago(at: Timestamp, now: Timestamp) -> String {
    // A clock that is a little ahead must not say "in the future".
    let seconds = (now.as_second() - at.as_second()).max(0);
    match seconds {
        // Coarser than a heartbeat, so that a live worker's row stands still.
        0..10 => "just now".into(),
        10..60 => format!("{} s ago", seconds / 10 * 10),
        60..3_600 => format!("{} min ago", seconds / 60),
        3_600..172_800 => format!("{} h ago", seconds / 3_600),
        _ => at.strftime("%-d %B %Y").to_string(),
    }
}

/// A size in the unit that keeps it short: `512 bytes`, `1.4 KiB`, `18 MiB`.
pub(crate) fn bytes(count: u64) -> String {
    if count < 1024 {
        return counted(count, "byte");
    }
    let mut value = count as f64 / 1024.0;
    let mut unit = "KiB";
    for larger in ["MiB", "GiB", "TiB"] {
        if value < 1023.5 {
            break;
        }
        value /= 1024.0;
        unit = larger;
    }
    if value < 9.95 { format!("{value:.1} {unit}") } else { format!("{value:.0} {unit}") }
}

/// A number with its thousands set apart by narrow spaces.
pub(crate) fn number(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() * 2);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// A number of things: `1 function`, `3 functions`.
pub(crate) fn counted(count: u64, thing: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {thing}{plural}", number(count))
}

/// An error's message as a sentence on a page: errors begin in lower case and end without a stop.
pub(crate) fn sentence(message: &str) -> String {
    let mut characters = message.chars();
    let first = characters.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    let stop = if message.ends_with(['.', '?', '!']) { "" } else { "." };
    format!("{first}{}{stop}", characters.as_str())
}

/// A piece of a sentence: plain, or what stood between backquotes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) code: bool,
    pub(crate) text: String,
}

/// An error's message as a sentence whose `quoted` parts are set as code.
pub(crate) fn prose(message: &str) -> Vec<Span> {
    spans(&sentence(message))
}

/// A line whose `quoted` parts are set as code.
pub(crate) fn spans(line: &str) -> Vec<Span> {
    let pieces = line.split('`').enumerate();
    let spans = pieces.map(|(index, text)| Span { code: index % 2 == 1, text: text.to_owned() });
    spans.filter(|span| !span.text.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_as_people_say_them() {
        let now: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
        let cases = [
            ("2026-11-20T12:00:05Z", "just now"),
            ("2026-11-20T11:59:58Z", "just now"),
            ("2026-11-20T11:59:13Z", "40 s ago"),
            ("2026-11-20T11:58:01Z", "1 min ago"),
            ("2026-11-19T13:00:00Z", "23 h ago"),
            ("2026-11-02T13:00:00Z", "2 November 2026"),
        ];
        for (at, text) in cases {
            assert_eq!(Moment::new(at.parse().unwrap(), now).ago, text, "{at}");
        }
    }

    #[test]
    fn sizes_and_numbers_are_short() {
        assert_eq!(bytes(1), "1 byte");
        assert_eq!(bytes(512), "512 bytes");
        assert_eq!(bytes(1_434), "1.4 KiB");
        assert_eq!(bytes((1 << 20) - 1), "1.0 MiB");
        assert_eq!(bytes(100 << 20), "100 MiB");
        assert_eq!(bytes(u64::MAX), "16777216 TiB");
        assert_eq!(number(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!(counted(1, "function"), "1 function");
        assert_eq!(counted(0, "function"), "0 functions");
    }

    #[test]
    fn an_errors_message_becomes_a_sentence_with_code_in_it() {
        let span = |code, text: &str| Span { code, text: text.into() };
        assert_eq!(
            prose("there is no app `a`"),
            [span(false, "There is no app "), span(true, "a"), span(false, ".")]
        );
        assert_eq!(prose("why?"), [span(false, "Why?")]);
    }
}
