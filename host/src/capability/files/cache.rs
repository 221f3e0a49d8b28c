//! Folders of packages on this worker's disk, each archive unpacked once and not at every start.
//!
//! They lie on a [`Shelf`] below `folders` in the state folder, each in a directory. It is unpacked beside its place and
//! renamed. One that is whole is never written again, because invocations may be reading it. What is in it is checked
//! against the name before a version is given it; one in which something was changed is set aside and fetched anew. That
//! is no defence against somebody who may write here.
//!
//! Invariant: nothing is deleted that is named as wanted.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use steading_protocol::{Digest, PortablePath};

use super::unpack::{Refused, contents, unpack};
use crate::shelf::Shelf;

/// The unpacked folders of one worker; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct FolderCache {
    shelf: Arc<Shelf>,
}

/// The folders of one package. Who has it says that they are in use.
#[derive(Debug)]
pub(crate) struct PackageFolders(PathBuf);

/// Folders that could not be unpacked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UnpackError {
    #[error("cannot unpack the folders of the package into {}", path.display())]
    Store { path: PathBuf, source: io::Error },
    #[error("the archive of the package's folders cannot be used: {0}")]
    Archive(String),
}

/// Names what is set aside, which nobody has asked for by name.
static ASIDE: AtomicU64 = AtomicU64::new(0);

impl PackageFolders {
    /// Where one of them is.
    pub(super) fn path(&self, folder: &PortablePath) -> Option<PathBuf> {
        Some(self.0.join(folder.as_str())).filter(|path| path.is_dir())
    }
}

impl FolderCache {
    /// Opens the cache below a worker's state folder.
    pub(crate) fn open(state_dir: &Path) -> io::Result<Self> {
        let shelf = Shelf::open(state_dir.join("folders"), "")?;
        Ok(Self { shelf: Arc::new(shelf) })
    }

    /// Whether the folders of an archive are here, as far as can be told without reading them.
    pub(crate) fn contains(&self, archive: &Digest) -> bool {
        self.shelf.contains(archive)
    }

    /// The folders of an archive, when they are here and whole. Blocks on the disk.
    pub(crate) fn get(&self, archive: &Digest) -> Option<Arc<PackageFolders>> {
        let stated = self.shelf.contents(archive)?;
        let path = self.shelf.place(archive, &stated);
        if is_whole(&path, &stated) {
            return Some(Arc::new(PackageFolders(path)));
        }
        tracing::warn!(archive = %archive, "Folders of a package were changed or are gone, fetching them anew");
        self.shelf.remove(archive);
        set_aside(&path);
        None
    }

    /// Unpacks the folders of an archive and keeps them. Blocks on the disk.
    pub(crate) fn insert(
        &self,
        digest: &Digest,
        archive: &[u8],
    ) -> Result<Arc<PackageFolders>, UnpackError> {
        let partial = self.shelf.folder().join(format!("{digest}.partial-{}", std::process::id()));
        // of an earlier process of this number, as in a container
        fs::remove_dir_all(&partial).ok();
        let kept = unpack(archive, &partial).and_then(|()| {
            let stated = contents(&partial)?;
            let path = self.shelf.place(digest, &stated);
            if !is_whole(&path, &stated) {
                set_aside(&path);
                fs::rename(&partial, &path)?;
            }
            Ok((path, stated))
        });
        fs::remove_dir_all(&partial).ok();
        let (path, contents) = kept.map_err(|refused| match refused {
            Refused::Archive(why) => UnpackError::Archive(why),
            Refused::Disk(source) => {
                UnpackError::Store { path: self.shelf.folder().to_owned(), source }
            }
        })?;
        self.shelf.insert(digest.clone(), contents);
        Ok(Arc::new(PackageFolders(path)))
    }

    /// Deletes what has not been wanted for long enough. Blocks on the disk.
    pub(crate) fn forget_unwanted(&self, wanted: &HashSet<Digest>, now: SystemTime) {
        self.shelf.forget_unwanted(wanted, now);
        for path in self.shelf.strays(now) {
            // open in an invocation, or in the hands of a virus scanner: the rest goes the next time
            if fs::remove_dir_all(&path).is_ok() {
                tracing::info!(folder = %path.display(), "Folders of a package that nobody wants were deleted");
            }
        }
    }
}

fn is_whole(path: &Path, stated: &Digest) -> bool {
    contents(path).is_ok_and(|found| found == *stated)
}

/// Moves what nobody should find any more out of the way; it is deleted with the rest.
fn set_aside(path: &Path) {
    let number = ASIDE.fetch_add(1, Ordering::Relaxed);
    let aside = path.with_added_extension(format!("unusable-{}-{number}", std::process::id()));
    fs::rename(path, aside).ok();
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use zip::CompressionMethod;

    use super::super::unpack::tests::archive;
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn digest(byte: u8) -> Digest {
        Digest::from_bytes([byte; 32])
    }

    fn packed() -> Vec<u8> {
        archive(&[("assets/a.txt", b"hello")], CompressionMethod::Stored)
    }

    fn directories(cache: &FolderCache) -> usize {
        fs::read_dir(cache.shelf.folder()).unwrap().count()
    }

    fn file(folders: &PackageFolders) -> PathBuf {
        folders.path(&"assets".parse().unwrap()).unwrap().join("a.txt")
    }

    #[test]
    fn an_archive_is_unpacked_once_and_found_again() {
        let state = tempfile::tempdir().unwrap();
        let cache = FolderCache::open(state.path()).unwrap();
        assert!(!cache.contains(&digest(1)) && cache.get(&digest(1)).is_none());
        let folders = cache.insert(&digest(1), &packed()).unwrap();
        assert_eq!(fs::read_to_string(file(&folders)).unwrap(), "hello");
        assert!(folders.path(&"other".parse().unwrap()).is_none());
        let again = FolderCache::open(state.path()).unwrap();
        assert!(again.contains(&digest(1)) && again.get(&digest(1)).is_some());
        assert_eq!(directories(&cache), 1);
    }

    #[test]
    fn what_is_whole_is_not_written_again_and_what_was_changed_is_set_aside() {
        let state = tempfile::tempdir().unwrap();
        let cache = FolderCache::open(state.path()).unwrap();
        let path = file(&cache.insert(&digest(1), &packed()).unwrap());
        let long_ago = SystemTime::UNIX_EPOCH + MINUTE;
        let open = fs::File::options().append(true).open(&path).unwrap();
        open.set_modified(long_ago).unwrap();
        cache.insert(&digest(1), &packed()).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), long_ago);
        fs::write(&path, "hell0").unwrap();
        assert!(cache.get(&digest(1)).is_none() && !cache.contains(&digest(1)));
        let folders = cache.insert(&digest(1), &packed()).unwrap();
        assert_eq!(fs::read_to_string(file(&folders)).unwrap(), "hello");
        fs::write(&path, "hell0").unwrap();
        let folders = cache.insert(&digest(1), &packed()).unwrap();
        assert_eq!(fs::read_to_string(file(&folders)).unwrap(), "hello");
        assert_eq!(directories(&cache), 3, "two were set aside");
    }

    #[test]
    fn an_archive_that_cannot_be_unpacked_leaves_nothing() {
        let state = tempfile::tempdir().unwrap();
        let cache = FolderCache::open(state.path()).unwrap();
        let bad = archive(&[("a", b"1"), ("../b", b"2")], CompressionMethod::Stored);
        let refused = cache.insert(&digest(1), &bad).unwrap_err();
        assert!(
            matches!(&refused, UnpackError::Archive(why) if why.contains("`../b`")),
            "{refused}"
        );
        assert_eq!((directories(&cache), cache.contains(&digest(1))), (0, false));
        fs::remove_dir(cache.shelf.folder()).unwrap();
        fs::write(cache.shelf.folder(), "in the way").unwrap();
        let refused = cache.insert(&digest(1), &packed()).unwrap_err();
        assert!(matches!(refused, UnpackError::Store { .. }), "{refused}");
    }

    #[test]
    fn folders_go_ten_minutes_after_they_were_last_wanted_and_not_before() {
        let state = tempfile::tempdir().unwrap();
        let cache = FolderCache::open(state.path()).unwrap();
        cache.insert(&digest(1), &packed()).unwrap();
        cache.insert(&digest(2), &packed()).unwrap();
        fs::create_dir(cache.shelf.folder().join("x.partial-7")).unwrap();
        let start = SystemTime::now();
        let both = HashSet::from([digest(1), digest(2)]);
        cache.forget_unwanted(&both, start + 5 * MINUTE);
        assert_eq!(directories(&cache), 3, "what is being unpacked stays as well");
        cache.forget_unwanted(&both, start + 30 * MINUTE);
        assert_eq!(directories(&cache), 2);
        cache.forget_unwanted(&HashSet::from([digest(1)]), start + 39 * MINUTE);
        assert!(cache.get(&digest(2)).is_some());
        cache.forget_unwanted(&HashSet::from([digest(1)]), start + 41 * MINUTE);
        assert!(cache.get(&digest(2)).is_none() && cache.get(&digest(1)).is_some());
        assert_eq!(directories(&cache), 1);
    }
}
