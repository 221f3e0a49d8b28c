//! Judges the folder that a role keeps its state in.

use std::path::Path;

use super::amount;
use crate::doctor::Finding;

/// A folder, or the one above it that is there.
#[derive(Debug)]
pub(in crate::doctor) struct Folder<'a> {
    /// The folder of the configuration.
    pub(in crate::doctor) path: &'a Path,
    /// Why nothing can be written there.
    pub(in crate::doctor) refused: Option<std::io::Error>,
    /// What is left on the disk, bytes.
    pub(in crate::doctor) free_bytes: Option<u64>,
    /// The options that its file system is mounted with.
    pub(in crate::doctor) options: Vec<String>,
    /// Its permissions, where the system has such.
    pub(in crate::doctor) mode: Option<u32>,
}

/// Less than this and the next version of an app may not fit.
const FREE_BYTES_LEAST: u64 = 100 << 20;
/// Less than this is used up before anyone looks again.
const FREE_BYTES_FEW: u64 = 1 << 30;

pub(in crate::doctor) fn writable(folder: &Folder<'_>) -> Finding {
    const CHECK: &str = "state folder";
    let path = folder.path.display();
    if let Some(error) = &folder.refused {
        let advice = "give the folder to the user that the role runs as, and mount it writable";
        return Finding::fail(CHECK, format!("{path} cannot be written: {error}"), advice);
    }
    if folder.mode.is_some_and(|mode| mode & 0o022 != 0) {
        let found = format!("{path} can be written by others than its owner");
        let advice = format!("`chmod go-w {path}`: who can write there decides what the role does");
        return Finding::fail(CHECK, found, advice);
    }
    Finding::ok(CHECK, format!("{path} can be written"))
}

pub(in crate::doctor) fn space(folder: &Folder<'_>) -> Finding {
    const CHECK: &str = "disk";
    let advice = "make room, or put the folder on another disk";
    match folder.free_bytes {
        None => Finding::warn(CHECK, "nobody knows how much is free", advice),
        Some(free) if free < FREE_BYTES_LEAST => {
            Finding::fail(CHECK, format!("{} are free", amount(free)), advice)
        }
        Some(free) if free < FREE_BYTES_FEW => {
            Finding::warn(CHECK, format!("{} are free", amount(free)), advice)
        }
        Some(free) => Finding::ok(CHECK, format!("{} are free", amount(free))),
    }
}

/// Whether a worker can map the code that it has compiled.
pub(in crate::doctor) fn executable(folder: &Folder<'_>) -> Finding {
    const CHECK: &str = "code";
    match folder.options.iter().any(|option| option == "noexec") {
        false => Finding::ok(CHECK, "can be mapped from the state folder"),
        true => Finding::warn(
            CHECK,
            "the state folder is mounted noexec, so code is read into memory and not mapped",
            "it works and takes more memory; mount it without noexec",
        ),
    }
}

/// The options of the file system that a path is on, from `/proc/self/mountinfo`.
pub(in crate::doctor) fn mount_options(mountinfo: &str, path: &Path) -> Vec<String> {
    let mounts = mountinfo.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(4);
        let point = fields.next()?.replace("\\040", " ");
        path.starts_with(&point).then(|| (point.len(), fields.next().unwrap_or_default()))
    });
    // of two at one place the later one covers the earlier
    let (_, options) = mounts.max_by_key(|(length, _)| *length).unwrap_or_default();
    options.split(',').filter(|option| !option.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    fn folder() -> Folder<'static> {
        let path = Path::new("/state");
        let (free_bytes, mode) = (Some(5 << 30), Some(0o40_700));
        Folder { path, refused: None, free_bytes, options: vec![], mode }
    }

    #[test]
    fn a_folder_that_cannot_be_written_or_that_anyone_can_write_fails() {
        assert_eq!(writable(&folder()).verdict, Verdict::Ok);
        let refused = Some(std::io::ErrorKind::ReadOnlyFilesystem.into());
        let finding = writable(&Folder { refused, ..folder() });
        assert_eq!(finding.verdict, Verdict::Fail);
        assert!(finding.found.contains("read-only"), "{finding:?}");
        assert_eq!(writable(&Folder { mode: Some(0o777), ..folder() }).verdict, Verdict::Fail);
        assert_eq!(writable(&Folder { mode: None, ..folder() }).verdict, Verdict::Ok);
    }

    #[test]
    fn little_space_is_a_warning_and_hardly_any_a_failure() {
        let verdict = |free| space(&Folder { free_bytes: free, ..folder() }).verdict;
        assert_eq!(verdict(Some(5 << 30)), Verdict::Ok);
        assert_eq!(verdict(Some(500 << 20)), Verdict::Warn);
        assert_eq!(verdict(Some(50 << 20)), Verdict::Fail);
        assert_eq!(verdict(None), Verdict::Warn);
    }

    #[test]
    fn the_options_of_the_mount_nearest_to_a_path_count() {
        let mountinfo = "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n\
                         30 22 0:26 / /var rw,nosuid,noexec - tmpfs tmpfs rw\n\
                         31 22 0:27 / /with\\040space rw,noexec - tmpfs tmpfs rw\n\
                         32 30 0:28 / /var/lib ro - tmpfs tmpfs rw\n";
        let options = |path| mount_options(mountinfo, Path::new(path)).join(" ");
        assert_eq!(options("/variable"), "rw relatime");
        assert_eq!(options("/var/x"), "rw nosuid noexec");
        assert_eq!(options("/var/lib/x"), "ro");
        assert_eq!(options("/with space/x"), "rw noexec");
        assert!(mount_options("", Path::new("/")).is_empty());
        let noexec = Folder { options: vec!["noexec".into()], ..folder() };
        assert_eq!(executable(&noexec).verdict, Verdict::Warn);
        assert_eq!(executable(&folder()).verdict, Verdict::Ok);
    }
}
