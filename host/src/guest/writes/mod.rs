//! How much one invocation writes to files: counted where WASI's calls come in, before anything is written. What is over
//! the limit ends the invocation.
//!
//! The functions of WASI that write are replaced in the linkers by ones that count and then call the library's, because it
//! has no hook for that: [`preview_1`] for native guests and commands, [`wasi_0_2`] and [`wasi_0_3`] for components.
//! What counts is every byte that is handed over to be written, and what a file grows by when it is made longer or is
//! written to behind its end: not every file system leaves such a hole empty. What is deleted does not come back.
//! Invariant: no more is written than was counted before.

mod preview_1;
mod wasi_0_2;
mod wasi_0_3;

use std::fs::File;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

pub(super) use preview_1::limit as limit_preview_1;
pub(super) use wasi_0_2::limit as limit_wasi_0_2;
pub(super) use wasi_0_3::limit as limit_wasi_0_3;

use super::Conduit;

/// What one invocation may still write.
#[derive(Debug)]
pub(crate) struct Writes {
    left: AtomicU64,
    was_exceeded: AtomicBool,
    streams: AtomicU32,
}

/// What an open stream into a file may write: that of the invocation which has opened it.
struct Open(Arc<Conduit>);

/// The guest has written all that it may. Ends the call.
#[derive(Debug, thiserror::Error)]
#[error("more is written to files than the function may write")]
pub(super) struct WriteExceeded;

/// Where in a file something is written.
#[derive(Clone, Copy, Debug)]
enum Place {
    At(u64),
    /// Where nothing lies empty before it: at its end, or right behind what was counted before.
    Next,
}

impl Writes {
    pub(super) fn new(bytes_max: u64) -> Self {
        Self {
            left: AtomicU64::new(bytes_max),
            was_exceeded: AtomicBool::new(false),
            streams: AtomicU32::new(0),
        }
    }

    /// Whether it is over its limit.
    pub(super) fn was_exceeded(&self) -> bool {
        self.was_exceeded.load(Ordering::Relaxed)
    }

    /// Whether nothing is open that could still write, and nothing was over the limit.
    pub(super) fn are_done(&self) -> bool {
        self.streams.load(Ordering::Relaxed) == 0 && !self.was_exceeded()
    }

    /// Counts so many bytes that are about to be written to a file.
    fn write(&self, file: &File, place: Place, bytes: u64) -> Result<(), WriteExceeded> {
        self.count(cost(length(file), place, bytes))
    }

    /// Counts that a file is about to be made this long.
    fn resize(&self, file: &File, bytes: u64) -> Result<(), WriteExceeded> {
        self.count(bytes.saturating_sub(length(file)))
    }

    fn count(&self, bytes: u64) -> Result<(), WriteExceeded> {
        let less = |left: u64| left.checked_sub(bytes);
        let counted = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        counted.map(drop).map_err(|_| {
            self.was_exceeded.store(true, Ordering::Relaxed);
            WriteExceeded
        })
    }
}

impl Open {
    fn new(conduit: &Arc<Conduit>) -> Self {
        conduit.writes.streams.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(conduit))
    }
}

impl Deref for Open {
    type Target = Writes;

    fn deref(&self) -> &Writes {
        &self.0.writes
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.streams.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The length of a file; one that cannot be told is taken for empty, so that what is written to it counts most.
fn length(file: &File) -> u64 {
    file.metadata().map_or(0, |metadata| metadata.len())
}

/// What writing so many bytes to a file of this length counts.
fn cost(length: u64, place: Place, bytes: u64) -> u64 {
    match place {
        _ if bytes == 0 => 0,
        Place::Next => bytes,
        Place::At(offset) => {
            let end = offset.saturating_add(bytes);
            bytes.max(end.saturating_sub(length))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_behind_the_end_counts_the_hole_before_it() {
        for (length, place, bytes, counted) in [
            (0, Place::At(0), 10, 10),
            (100, Place::At(0), 10, 10),
            (100, Place::At(95), 10, 10),
            (100, Place::At(200), 10, 110),
            (100, Place::Next, 10, 10),
            (0, Place::At(u64::MAX), 10, u64::MAX),
            (0, Place::At(1 << 40), 0, 0),
        ] {
            assert_eq!(cost(length, place, bytes), counted, "{length} {place:?} {bytes}");
        }
    }

    #[test]
    fn what_is_over_the_limit_is_not_counted_and_remembered() {
        let writes = Writes::new(10);
        let file = tempfile::tempfile().unwrap();
        writes.write(&file, Place::Next, 4).unwrap();
        writes.resize(&file, 6).unwrap();
        assert!(!writes.was_exceeded());
        writes.write(&file, Place::Next, 1).unwrap_err();
        assert!(writes.was_exceeded());
        writes.write(&file, Place::At(5), 0).unwrap();
        file.set_len(100).unwrap();
        writes.resize(&file, 50).unwrap();
    }
}
