//! What people see: results on stdout, progress and remarks on stderr. Not logging, which has its
//! own format and goes through `tracing`.
//!
//! Invariant: stdout carries results only, so that it can be piped; bars show themselves on a
//! terminal only.

use std::io::{self, Write as _};
use std::time::Duration;

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

/// How often a spinner moves; fast enough to look alive.
const TICK: Duration = Duration::from_millis(100);

/// Writes to stdout. A reader that has gone away, as in `steading status | head -1`, is no error.
pub(crate) fn print(bytes: impl AsRef<[u8]>) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes.as_ref()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("cannot write to stdout")
        }
        _ => Ok(()),
    }
}

/// Writes a line to stdout.
pub(crate) fn line(text: impl std::fmt::Display) -> anyhow::Result<()> {
    print(format!("{text}\n"))
}

/// Says on stdout that a role answers: one line, of JSON where a program reads it.
pub(crate) fn ready(
    ready: &(impl Serialize + std::fmt::Display),
    json: bool,
) -> anyhow::Result<()> {
    match json {
        true => line(serde_json::to_string(ready).context("cannot write JSON")?),
        false => line(ready),
    }
}

/// Writes a value to stdout as JSON, indented.
pub(crate) fn json(value: &impl Serialize) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(value).context("cannot write JSON")?;
    line(text)
}

/// Writes a remark to stderr.
pub(crate) fn remark(text: impl std::fmt::Display) {
    // Nobody is left to tell when stderr is closed.
    writeln!(io::stderr(), "{text}").ok();
}

/// A bar for a transfer of this many bytes.
pub(crate) fn transfer_bar(length: u64, what: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template(
        "{msg} [{bar:30}] {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left",
    )
    .expect("the template is valid")
    .progress_chars("=> ");
    ProgressBar::new(length).with_style(style).with_message(what)
}

/// A spinner for something without a known length.
pub(crate) fn spinner(what: impl Into<std::borrow::Cow<'static, str>>) -> ProgressBar {
    let spinner = ProgressBar::new_spinner().with_message(what);
    spinner.enable_steady_tick(TICK);
    spinner
}

/// Lays out rows under headings, each column as wide as its widest cell.
pub(crate) fn table<const N: usize>(headings: [&str; N], rows: &[[String; N]]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([headings[column].len()]).max().unwrap_or(0)
    };
    let widths: [usize; N] = std::array::from_fn(width);
    let layout = |cells: [&str; N]| {
        let padded = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    let mut text = layout(headings);
    for row in rows {
        text += &layout(std::array::from_fn(|column| row[column].as_str()));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["a".into(), "ready".into()], ["longer".into(), "é".into()]];
        assert_eq!(table(["APP", "STATE"], &rows), "APP     STATE\na       ready\nlonger  é\n");
        assert_eq!(table(["APP", "STATE"], &[]), "APP  STATE\n");
    }
}
