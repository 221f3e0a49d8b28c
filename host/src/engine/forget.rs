//! Which compiled code goes again, so that the cache does not grow for ever: modules that nobody has
//! wanted for a while, what was left beside them, and the folders of engines that no longer run.
//!
//! Time and what is wanted come from the caller. On Windows a file cannot be deleted as long as an
//! invocation runs that has it mapped; it is off the shelf all the same, and the next time is tried again.
//! Invariant: the code of a module that is named as wanted is never touched.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs;
use std::time::{Duration, SystemTime};

use steading_protocol::Digest;

use super::code_cache::{CodeCache, USED};
use crate::shelf::is_file_past;

/// How long the folder of another engine stays: an upgrade that is taken back finds its code.
const UNUSED_FOR: Duration = Duration::from_secs(7 * 24 * 3600);

impl CodeCache {
    /// Deletes what has not been wanted for long enough. Blocks on the disk.
    pub(crate) fn forget_unwanted(&self, wanted: &HashSet<Digest>, now: SystemTime) {
        let gone = self.shelf.forget_unwanted(wanted, now);
        for path in self.shelf.strays(now) {
            if path.file_name() != Some(OsStr::new(USED)) {
                // still mapped, or in the hands of a virus scanner: it stays a stray until the next time
                fs::remove_file(path).ok();
            }
        }
        self.delete_folders_of_others(now);
        if gone > 0 {
            tracing::info!(modules = gone, "Compiled code that nobody wants was deleted");
        }
    }

    fn delete_folders_of_others(&self, now: SystemTime) {
        let own = self.shelf.folder();
        let all = own.parent().and_then(|all| fs::read_dir(all).ok());
        for folder in all.into_iter().flatten().flatten() {
            let path = folder.path();
            let used = path.join(USED);
            let told = if used.exists() { &used } else { &path };
            if path != own && path.is_dir() && is_file_past(told, UNUSED_FOR, now) {
                tracing::info!(folder = %path.display(), "Compiled code of another engine was deleted");
                fs::remove_dir_all(path).ok();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::code_cache::tests::{EMPTY, cache};
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn code_goes_ten_minutes_after_it_was_last_wanted_and_not_before() {
        let folder = tempfile::tempdir().unwrap();
        let cache = cache(folder.path());
        let [wanted, unwanted] = [Digest::from_bytes([1; 32]), Digest::from_bytes([2; 32])];
        cache.insert(&wanted, EMPTY).unwrap();
        cache.insert(&unwanted, EMPTY).unwrap();
        let files = || fs::read_dir(cache.shelf.folder()).unwrap().count();
        let start = SystemTime::now();
        let both = HashSet::from([wanted.clone(), unwanted.clone()]);
        cache.forget_unwanted(&both, start + 30 * MINUTE);
        let one = HashSet::from([wanted.clone()]);
        cache.forget_unwanted(&one, start + 39 * MINUTE);
        assert!(cache.get(&unwanted).is_some());
        cache.forget_unwanted(&one, start + 41 * MINUTE);
        assert!(cache.get(&unwanted).is_none() && cache.get(&wanted).is_some());
        assert_eq!(files(), 2, "the wanted code, and when the folder was used");
    }

    #[test]
    fn after_a_restart_the_time_of_the_file_counts() {
        let folder = tempfile::tempdir().unwrap();
        let digest = Digest::from_bytes([1; 32]);
        cache(folder.path()).insert(&digest, EMPTY).unwrap();
        let again = cache(folder.path());
        again.forget_unwanted(&HashSet::new(), SystemTime::now() + 9 * MINUTE);
        assert!(again.contains(&digest));
        again.forget_unwanted(&HashSet::new(), SystemTime::now() + 11 * MINUTE);
        assert!(!again.contains(&digest));
    }

    #[test]
    fn what_was_set_aside_goes_and_what_is_being_written_stays() {
        let folder = tempfile::tempdir().unwrap();
        let cache = cache(folder.path());
        for stray in ["a.unusable", "b.partial-7", "c.cwasm"] {
            fs::write(cache.shelf.folder().join(stray), "x").unwrap();
        }
        let files = || fs::read_dir(cache.shelf.folder()).unwrap().count();
        cache.forget_unwanted(&HashSet::new(), SystemTime::now() + 9 * MINUTE);
        assert_eq!(files(), 4);
        cache.forget_unwanted(&HashSet::new(), SystemTime::now() + 11 * MINUTE);
        assert_eq!(files(), 1);
    }

    #[test]
    fn the_folder_of_another_engine_goes_a_week_after_it_was_last_used() {
        let folder = tempfile::tempdir().unwrap();
        let cache = cache(folder.path());
        let other = cache.shelf.folder().with_file_name("0123456789abcdef");
        fs::create_dir_all(&other).unwrap();
        fs::write(other.join(USED), "").unwrap();
        let day = 24 * 60 * MINUTE;
        cache.forget_unwanted(&HashSet::new(), SystemTime::now() + 6 * day);
        assert!(other.exists());
        cache.forget_unwanted(&HashSet::new(), SystemTime::now() + 8 * day);
        assert!(!other.exists());
        assert!(cache.shelf.folder().exists(), "the own folder stays whatever its age");
    }
}
