//! File systems of a test's own, in memory: small ones, or ones that allow less. Mounting takes the rights
//! for it, which not everybody has who runs the tests.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A mounted file system; unmounted when dropped.
#[derive(Debug)]
pub struct Mount(PathBuf);

impl Mount {
    /// Mounts one over a folder that is made for it. Nothing, and a line that says so, where that is not
    /// allowed.
    pub fn over(folder: &Path, options: &str) -> Option<Self> {
        std::fs::create_dir_all(folder).expect("the temporary folder takes a folder");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(folder);
        if mount.output().is_ok_and(|output| output.status.success()) {
            return Some(Self(folder.to_owned()));
        }
        println!("SKIPPED: no right to mount a file system");
        assert!(std::env::var_os("CI").is_none(), "CI has that right");
        None
    }

    /// Changes its options.
    pub fn remount(&self, options: &str) {
        let options = format!("remount,{options}");
        let changed = Command::new("mount").args(["-o", &options]).arg(&self.0).status();
        assert!(changed.is_ok_and(|status| status.success()));
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // lazily: a worker that still runs may have code mapped from it
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}
