//! Temporary folders. Most are removed when they are dropped; those of a killed test run, and of the
//! shared cluster that nobody drops, are removed by the next run, which knows them by the process
//! in their name.

use std::path::Path;
use std::sync::Once;

use tempfile::TempDir;

const PREFIX: &str = "steading-tests-";

/// A new empty folder, removed when dropped.
pub fn scratch() -> TempDir {
    static SWEPT: Once = Once::new();
    SWEPT.call_once(sweep);
    let prefix = format!("{PREFIX}{}-", std::process::id());
    let folder = tempfile::Builder::new().prefix(&prefix).tempdir();
    folder.expect("a temporary folder can be made")
}

/// Removes the folders of processes that are gone; nothing where processes cannot be seen.
fn sweep() {
    if !Path::new("/proc/self").exists() {
        return;
    }
    let entries = std::fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten();
    for entry in entries {
        let name = entry.file_name();
        let process = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.split('-').next());
        if process.is_some_and(|process| !Path::new("/proc").join(process).exists()) {
            // another run may sweep the same folder at this moment
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}
