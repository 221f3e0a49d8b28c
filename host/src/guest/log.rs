//! What one invocation wrote to its log: records of the ABI, and the lines of stdout and stderr.
//! Kept until the invocation ends, bounded, and then handed to `tracing` under its own target, so
//! that guests' words can be filtered from the worker's.

use std::sync::{Mutex, PoisonError};

/// How loud a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    Error,
    Warn,
    Info,
    Debug,
}

/// The log of one invocation.
#[derive(Debug)]
pub(crate) struct GuestLog(Mutex<Records>);

#[derive(Debug, Default)]
struct Records {
    records: Vec<(Level, String)>,
    bytes: usize,
    bytes_max: usize,
    truncated: bool,
    /// The unfinished line of stdout and stderr.
    line: Vec<u8>,
}

impl Level {
    /// The level of an ABI number; unknown ones are `Debug`, so that a new guest is not lost on an old worker.
    pub(crate) fn from_abi(level: i32) -> Self {
        match level {
            0 => Self::Error,
            1 => Self::Warn,
            2 => Self::Info,
            _ => Self::Debug,
        }
    }
}

impl GuestLog {
    /// An empty log that keeps so much; what comes after is dropped and the log says so.
    pub(crate) fn new(bytes_max: u64) -> Self {
        let bytes_max = usize::try_from(bytes_max).unwrap_or(usize::MAX);
        Self(Mutex::new(Records { bytes_max, ..Records::default() }))
    }

    /// Adds one record.
    pub(crate) fn record(&self, level: Level, text: &[u8]) {
        self.lock().push(level, text);
    }

    /// Adds what a guest wrote to stdout or stderr; every line is a record.
    pub(crate) fn write(&self, bytes: &[u8]) {
        let mut records = self.lock();
        for piece in bytes.split_inclusive(|b| *b == b'\n') {
            let room = records.bytes_max.saturating_sub(records.bytes + records.line.len());
            records.truncated |= piece.len() > room;
            records.line.extend_from_slice(&piece[..piece.len().min(room)]);
            if piece.ends_with(b"\n") {
                records.end_line();
            }
        }
    }

    /// Hands the records to `tracing`.
    pub(crate) fn emit(&self, app: &str, function: &str, invocation: &str) {
        let mut records = self.lock();
        records.end_line();
        for (level, text) in records.records.drain(..) {
            macro_rules! emit {
                ($event:ident) => {
                    tracing::$event!(target: "steading::guest", app, function, invocation, "{text}")
                };
            }
            match level {
                Level::Error => emit!(error),
                Level::Warn => emit!(warn),
                Level::Info => emit!(info),
                Level::Debug => emit!(debug),
            }
        }
        if records.truncated {
            tracing::warn!(target: "steading::guest", app, function, invocation, bytes_max = records.bytes_max, "Log of this invocation is cut off");
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Records> {
        // a poisoned log is still a log: nothing in here can be left half-done
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Records {
    fn push(&mut self, level: Level, text: &[u8]) {
        let room = self.bytes_max.saturating_sub(self.bytes);
        let kept = &text[..text.len().min(room)];
        self.truncated |= kept.len() < text.len();
        if kept.is_empty() {
            return;
        }
        self.bytes += kept.len();
        self.records.push((level, String::from_utf8_lossy(kept).into_owned()));
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        self.push(Level::Info, line.strip_suffix(b"\n").unwrap_or(&line));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(log: &GuestLog) -> Vec<String> {
        log.lock().records.iter().map(|(_, text)| text.clone()).collect()
    }

    #[test]
    fn writes_become_lines() {
        let log = GuestLog::new(100);
        log.write(b"one\ntw");
        log.write(b"o\nthree");
        assert_eq!(texts(&log), ["one", "two"]);
    }

    #[test]
    fn a_flood_is_cut_off_and_marked() {
        let log = GuestLog::new(1000);
        for _ in 0..3 {
            log.write(&[b'x'; 900]);
            log.write(b"\n");
            log.record(Level::Error, b"late");
        }
        let kept: usize = texts(&log).iter().map(String::len).sum();
        assert!((900..=1000).contains(&kept), "{kept}");
        assert!(log.lock().truncated);
    }

    #[test]
    fn a_limit_of_nothing_keeps_nothing() {
        let log = GuestLog::new(0);
        log.write(b"one\n");
        log.record(Level::Error, b"two");
        assert!(texts(&log).is_empty() && log.lock().truncated);
    }
}
