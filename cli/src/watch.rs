//! Notices that an app's sources have changed. Compiles nothing and compares no contents; a cargo
//! that has nothing to do says so quickly.
//!
//! Plain `notify` with a quiet period of our own. A ready-made debouncer was not taken: those that
//! fold all kinds of event together also report the compiler's reading of a source as a change of
//! it, and the app would be built for ever.
//!
//! Invariant: a change after [`Watch::start`] is never missed, also while a build runs; nothing that
//! a build writes counts as one.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use notify::event::{EventKind, MetadataKind, ModifyKind};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout, timeout_at};

/// Folders that hold no sources.
const IGNORED_FOLDERS: [&str; 6] =
    ["target", ".git", ".steading", "node_modules", "__pycache__", ".venv"];
/// Editors write a file in several steps; this long after the last one it is whole.
const QUIET: Duration = Duration::from_millis(150);
/// Builds begin at the latest this long after the first change, also when changes do not end.
const QUIET_MAX: Duration = Duration::from_secs(2);

/// Watches a folder or a file until it is dropped.
#[derive(Debug)]
pub(crate) struct Watch {
    /// The folder; of a file nothing is watched but the file, through the folder that it is in.
    root: Option<PathBuf>,
    watcher: RecommendedWatcher,
    watched: HashSet<PathBuf>,
    changed: Arc<Notify>,
}

impl Watch {
    /// Watches a file, or a folder but for the folders that builds and `dev` itself write to. All paths are
    /// absolute.
    pub(crate) fn start(source: &Path, ignored: Vec<PathBuf>) -> anyhow::Result<Self> {
        let changed = Arc::new(Notify::new());
        let (base, notify) = (source.to_owned(), Arc::clone(&changed));
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            // An error of the watcher may hide a change, so it counts as one.
            if event.is_ok_and(|event| !is_change(&event, &base, &ignored)) {
                return;
            }
            notify.notify_one();
        })
        .context("cannot watch for changes")?;
        // a file is replaced more often than written to, and what replaces it nobody watches
        let root = source.is_dir().then(|| source.to_owned());
        let folder = root.as_deref().or(source.parent()).unwrap_or(source).to_owned();
        let mut watch = Self { root, watcher, watched: HashSet::new(), changed };
        watch
            .watcher
            .watch(&folder, RecursiveMode::NonRecursive)
            .with_context(|| format!("cannot watch {}", source.display()))?;
        watch.watch_folders();
        Ok(watch)
    }

    /// Waits for a change, and then until it is whole.
    pub(crate) async fn changed(&mut self) {
        self.changed.notified().await;
        let end = Instant::now() + QUIET_MAX;
        while let Ok(Ok(())) = timeout_at(end, timeout(QUIET, self.changed.notified())).await {}
        self.watch_folders();
    }

    /// Watches the folders in the root one by one rather than the root recursively, because the
    /// system's watches are few and `target` has thousands of folders.
    fn watch_folders(&mut self) {
        let Some(Ok(entries)) = self.root.as_ref().map(std::fs::read_dir) else { return };
        let folders = entries.filter_map(Result::ok).map(|entry| entry.path()).filter(|path| {
            path.is_dir() && !is_ignored(Path::new(path.file_name().unwrap_or_default()))
        });
        let folders: HashSet<PathBuf> = folders.collect();
        for folder in folders.difference(&self.watched) {
            if let Err(error) = self.watcher.watch(folder, RecursiveMode::Recursive) {
                tracing::warn!(folder = %folder.display(), %error, "Folder cannot be watched");
            }
        }
        self.watched = folders;
    }
}

fn is_change(event: &Event, root: &Path, ignored: &[PathBuf]) -> bool {
    match event.kind {
        EventKind::Access(_)
        | EventKind::Modify(ModifyKind::Metadata(MetadataKind::AccessTime)) => return false,
        _ => {}
    }
    let counts = |path: &PathBuf| {
        !ignored.iter().any(|folder| path.starts_with(folder))
            && path.strip_prefix(root).is_ok_and(|relative| !is_ignored(relative))
    };
    event.need_rescan() || event.paths.iter().any(counts)
}

/// Whether a path, relative to an app's folder, is no source: in a folder that tools write to, or a
/// file that editors keep beside the one being edited.
pub(crate) fn is_ignored(relative: &Path) -> bool {
    let in_ignored = relative.iter().any(|part| IGNORED_FOLDERS.iter().any(|name| part == *name));
    let name = relative.file_name().unwrap_or_default().to_string_lossy();
    let of_editor = name.ends_with('~')
        || name.starts_with(".#")
        || name == "4913"
        || [".swp", ".swx", ".tmp"].iter().any(|ending| name.ends_with(ending));
    in_ignored || of_editor
}

#[cfg(test)]
mod tests {
    use notify::event::{AccessKind, AccessMode, CreateKind};

    use super::*;

    #[test]
    fn only_sources_count() {
        for source in ["src/lib.rs", "Cargo.toml", "steading.toml", "src/targets.rs", "a/b/c.txt"] {
            assert!(!is_ignored(Path::new(source)), "{source}");
        }
        for other in [
            "target/debug/x",
            ".git/index",
            ".steading/dev.json",
            "a/target/b",
            "__pycache__/app.pyc",
            "src/lib.rs~",
            "src/.lib.rs.swp",
            "src/4913",
            "src/.#lib.rs",
        ] {
            assert!(is_ignored(Path::new(other)), "{other}");
        }
    }

    #[test]
    fn reading_a_source_is_no_change_of_it() {
        let event = |kind, path: &str| Event::new(kind).add_path(path.into());
        let root = Path::new("/app");
        let ignored = [PathBuf::from("/app/out")];
        let create = EventKind::Create(CreateKind::File);
        assert!(is_change(&event(create, "/app/src/lib.rs"), root, &ignored));
        assert!(!is_change(&event(create, "/app/out/x"), root, &ignored));
        assert!(!is_change(&event(create, "/other/x"), root, &ignored));
        let read = EventKind::Access(AccessKind::Open(AccessMode::Any));
        assert!(!is_change(&event(read, "/app/src/lib.rs"), root, &ignored));
    }

    #[tokio::test]
    async fn of_a_file_nothing_is_noticed_but_the_file_also_when_it_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let [file, other] = ["a.wasm", "b.wasm"].map(|name| root.join(name));
        std::fs::write(&file, "one").unwrap();
        let mut watch = Watch::start(&file, vec![]).unwrap();
        std::fs::write(&other, "two").unwrap();
        assert!(timeout(QUIET * 3, watch.changed()).await.is_err(), "it is another file");
        std::fs::rename(&other, &file).unwrap();
        timeout(Duration::from_secs(10), watch.changed()).await.unwrap();
    }

    #[tokio::test]
    async fn a_save_is_noticed_also_in_a_folder_made_later() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let mut watch = Watch::start(&root, vec![]).unwrap();
        let limit = Duration::from_secs(10);
        std::fs::create_dir(root.join("src")).unwrap();
        timeout(limit, watch.changed()).await.unwrap();
        std::fs::write(root.join("src/lib.rs"), "//! x").unwrap();
        timeout(limit, watch.changed()).await.unwrap();
        std::fs::read(root.join("src/lib.rs")).unwrap();
        assert!(timeout(QUIET * 3, watch.changed()).await.is_err(), "reading is no change");
    }
}
