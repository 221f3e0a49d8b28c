//! What a cache has in a folder of a worker's disk: each thing under the digest of what it was made of, and in a place
//! whose name also says what is in it, `<SHA-256 of the source>-<SHA-256 of the contents>`.
//!
//! What nobody has wanted for a while goes again, so that the folder does not grow for ever. Time and what is wanted come
//! from the caller. What something looks like on the disk, and whether it is whole, is its cache's own business.
//!
//! Invariant: what is named as wanted stays.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use steading_protocol::Digest;

/// How long something stays that nobody wants any more: going back and forth by hand costs nothing.
const UNWANTED_FOR: Duration = Duration::from_secs(600);

/// The places of one folder, looked up far more often than they change.
#[derive(Debug)]
pub(crate) struct Shelf {
    folder: PathBuf,
    /// What the name of each place ends with.
    suffix: &'static str,
    entries: Mutex<HashMap<Digest, Entry>>,
}

#[derive(Debug)]
struct Entry {
    contents: Digest,
    /// When it was last wanted; at the start, when it was written.
    wanted_at: SystemTime,
}

impl Shelf {
    /// Makes the folder if need be, and finds what is in it by the names alone.
    pub(crate) fn open(folder: PathBuf, suffix: &'static str) -> io::Result<Self> {
        fs::create_dir_all(&folder)?;
        let mut entries = HashMap::new();
        for entry in fs::read_dir(&folder)?.flatten() {
            if let Some((source, contents)) = parse(&entry.path(), suffix) {
                let written = entry.metadata().and_then(|metadata| metadata.modified());
                let wanted_at = written.unwrap_or(SystemTime::UNIX_EPOCH);
                entries.insert(source, Entry { contents, wanted_at });
            }
        }
        Ok(Self { folder, suffix, entries: Mutex::new(entries) })
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether something was made of this, as far as can be told without reading it.
    pub(crate) fn contains(&self, source: &Digest) -> bool {
        self.entries().contains_key(source)
    }

    /// All that something was made of.
    pub(crate) fn sources(&self) -> Vec<Digest> {
        self.entries().keys().cloned().collect()
    }

    /// What its name says is in it.
    pub(crate) fn contents(&self, source: &Digest) -> Option<Digest> {
        Some(self.entries().get(source)?.contents.clone())
    }

    /// Where something lies that was made of `source` and has these contents, whether it is there or not.
    pub(crate) fn place(&self, source: &Digest, contents: &Digest) -> PathBuf {
        self.folder.join(format!("{source}-{contents}{}", self.suffix))
    }

    /// Tells of what was put into its place.
    pub(crate) fn insert(&self, source: Digest, contents: Digest) {
        self.entries().insert(source, Entry { contents, wanted_at: SystemTime::now() });
    }

    /// From now on it is not found; what is in its place goes with the strays.
    pub(crate) fn remove(&self, source: &Digest) {
        self.entries().remove(source);
    }

    /// Takes off what has not been wanted for long enough, and says how much. Whoever asks from then on does not find
    /// what is about to go.
    pub(crate) fn forget_unwanted(&self, wanted: &HashSet<Digest>, now: SystemTime) -> usize {
        let mut entries = self.entries();
        let before = entries.len();
        entries.retain(|source, entry| {
            if wanted.contains(source) {
                entry.wanted_at = now;
            }
            !is_past(entry.wanted_at, UNWANTED_FOR, now)
        });
        before - entries.len()
    }

    /// What is in the folder and not on the shelf, once nobody can still be writing it. Blocks on the disk.
    pub(crate) fn strays(&self, now: SystemTime) -> impl Iterator<Item = PathBuf> {
        let found = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        found.map(|entry| entry.path()).filter(move |path| {
            let kept = parse(path, self.suffix).is_some_and(|(source, _)| self.contains(&source));
            !kept && is_file_past(path, UNWANTED_FOR, now)
        })
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<Digest, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether more than a time has passed since a file or folder was written.
pub(crate) fn is_file_past(path: &Path, at_most: Duration, now: SystemTime) -> bool {
    let written = fs::metadata(path).and_then(|metadata| metadata.modified());
    written.is_ok_and(|written| is_past(written, at_most, now))
}

fn is_past(since: SystemTime, at_most: Duration, now: SystemTime) -> bool {
    // a time to come, as after the clock was set back, is not past
    now.duration_since(since).is_ok_and(|passed| passed > at_most)
}

/// The source and the contents that a name speaks of.
fn parse(path: &Path, suffix: &str) -> Option<(Digest, Digest)> {
    let name = path.file_name()?.to_str()?.strip_suffix(suffix)?;
    let (source, contents) = name.split_once('-')?;
    Some((source.parse().ok()?, contents.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn digest(byte: u8) -> Digest {
        Digest::from_bytes([byte; 32])
    }

    fn placed(folder: &Path, source: u8) -> Shelf {
        let shelf = Shelf::open(folder.join("made"), ".x").unwrap();
        fs::write(shelf.place(&digest(source), &digest(9)), "").unwrap();
        shelf.insert(digest(source), digest(9));
        shelf
    }

    #[test]
    fn what_was_put_into_its_place_is_found_again_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        placed(folder.path(), 1);
        for stray in ["a.x", "b", &format!("{}-{}", digest(3), digest(9))] {
            fs::write(folder.path().join("made").join(stray), "").unwrap();
        }
        let again = Shelf::open(folder.path().join("made"), ".x").unwrap();
        assert_eq!(again.sources(), [digest(1)]);
        assert_eq!(again.contents(&digest(1)), Some(digest(9)));
        assert!(again.contains(&digest(1)) && !again.contains(&digest(3)));
    }

    #[test]
    fn what_nobody_wants_is_a_stray_after_ten_minutes_and_not_before() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = placed(folder.path(), 1);
        let start = SystemTime::now();
        let wanted = HashSet::from([digest(1)]);
        assert_eq!(shelf.forget_unwanted(&wanted, start + 30 * MINUTE), 0);
        assert_eq!(shelf.strays(start + 30 * MINUTE).count(), 0, "its file is old and wanted");
        assert_eq!(shelf.forget_unwanted(&HashSet::new(), start + 39 * MINUTE), 0);
        assert_eq!(shelf.forget_unwanted(&HashSet::new(), start + 41 * MINUTE), 1);
        let place = shelf.place(&digest(1), &digest(9));
        assert_eq!(shelf.strays(start + 9 * MINUTE).count(), 0, "perhaps it is being written");
        assert_eq!(shelf.strays(start + 41 * MINUTE).collect::<Vec<_>>(), [place]);
    }

    #[test]
    fn a_clock_that_was_set_back_forgets_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = placed(folder.path(), 1);
        let before = SystemTime::now() - 60 * MINUTE;
        assert_eq!(shelf.forget_unwanted(&HashSet::new(), before), 0);
        shelf.remove(&digest(1));
        assert_eq!(shelf.strays(before).count(), 0);
    }
}
