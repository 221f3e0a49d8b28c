//! Unpacks the archive of a package's folders, and tells by the digest of what lies unpacked whether it is still that.
//!
//! The manager has looked at every name and packs plainly; all of it is looked at again, because what is believed here is
//! written to this worker's disk. Invariant: no byte is written outside of the folder, and none more than the archive has.

use std::fs;
use std::io::{self, Cursor, Read};
use std::path::Path;

use sha2::{Digest as _, Sha256};
use steading_protocol::{Digest, InvalidPath, PortablePath};
use zip::{CompressionMethod, ZipArchive};

/// An archive that is not unpacked.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    /// It is none that a manager makes.
    #[error("{0}")]
    Archive(String),
    /// The disk does not take it.
    #[error(transparent)]
    Disk(#[from] io::Error),
}

/// Unpacks an archive into a folder, which is made.
pub(super) fn unpack(archive: &[u8], folder: &Path) -> Result<(), Refused> {
    let unreadable = |error: zip::result::ZipError| Refused::Archive(error.to_string());
    let mut left = archive.len() as u64;
    let mut archive = ZipArchive::new(Cursor::new(archive)).map_err(unreadable)?;
    fs::create_dir_all(folder)?;
    for index in 0..archive.len() {
        let entry = archive.by_index(index).map_err(unreadable)?;
        let path: PortablePath = entry
            .name()
            .parse()
            .map_err(|invalid: InvalidPath| Refused::Archive(invalid.to_string()))?;
        let is_plain = entry.is_file()
            && !entry.encrypted()
            && entry.compression() == CompressionMethod::Stored;
        if !is_plain {
            return Err(Refused::Archive(format!("`{path}` is no file that is stored as it is")));
        }
        let mut bytes = vec![];
        // entries that lie over one another would make more of an archive than it has
        entry
            .take(left + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| Refused::Archive(format!("`{path}` cannot be read: {error}")))?;
        left = left
            .checked_sub(bytes.len() as u64)
            .ok_or_else(|| Refused::Archive("it holds more than it has".to_owned()))?;
        write(&folder.join(path.as_str()), &bytes)?;
    }
    Ok(())
}

/// Writes a file that must not be there.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    io::Write::write_all(&mut fs::File::create_new(path)?, bytes)
}

/// The digest of everything in a folder: names, and what the files have in them. Whatever is neither file nor folder is
/// an error.
pub(super) fn contents(folder: &Path) -> io::Result<Digest> {
    let mut hasher = Sha256::new();
    hash(folder, &mut hasher)?;
    Ok(Digest::from_bytes(hasher.finalize().into()))
}

fn hash(folder: &Path, hasher: &mut Sha256) -> io::Result<()> {
    let mut entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let (name, of_type) = (entry.file_name(), entry.file_type()?);
        let name = name.as_encoded_bytes();
        // with lengths and kinds before what they are of, no two folders look alike to the digest
        hasher.update((name.len() as u64).to_le_bytes());
        hasher.update(name);
        if of_type.is_dir() {
            hasher.update(b"(");
            hash(&entry.path(), hasher)?;
            hasher.update([0; 8]);
        } else if of_type.is_file() {
            let mut file = fs::File::open(entry.path())?;
            hasher.update(b"=");
            hasher.update(file.metadata()?.len().to_le_bytes());
            io::copy(&mut file, hasher)?;
        } else {
            return Err(io::Error::other("something in it is neither a file nor a folder"));
        }
    }
    Ok(())
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::Write as _;

    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    pub(in crate::capability::files) fn archive(
        entries: &[(&str, &[u8])],
        method: CompressionMethod,
    ) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(vec![]));
        let options = SimpleFileOptions::default().compression_method(method);
        for (name, bytes) in entries {
            writer.start_file(*name, options).unwrap();
            writer.write_all(bytes).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    fn refused(archive: &[u8]) -> String {
        let above = tempfile::tempdir().unwrap();
        let refused = unpack(archive, &above.path().join("in")).unwrap_err().to_string();
        let beside: Vec<_> = fs::read_dir(above.path()).unwrap().flatten().collect();
        assert!(beside.iter().all(|entry| entry.file_name() == "in"), "{beside:?}");
        refused
    }

    #[test]
    fn an_archive_that_no_manager_makes_is_refused_and_leads_nowhere() {
        let stored = |name: &str| archive(&[(name, b"x")], CompressionMethod::Stored);
        for name in ["../x", "/x", "a\\x", "C:x", "a/NUL", "a:b", "a/../../x", "a/"] {
            let refused = refused(&stored(name));
            assert!(refused.contains("not a relative path"), "{name}: {refused}");
        }
        let packed = archive(&[("x", &[0; 100])], CompressionMethod::Deflated);
        assert!(refused(&packed).contains("`x` is no file that is stored"));
        let mut link = ZipWriter::new(Cursor::new(vec![]));
        link.add_symlink("x", "/etc/passwd", SimpleFileOptions::default()).unwrap();
        let link = link.finish().unwrap().into_inner();
        assert!(refused(&link).contains("`x` is no file"));
        assert!(matches!(
            unpack(&archive(&[("a", b""), ("a/b", b"")], CompressionMethod::Stored), &{
                tempfile::tempdir().unwrap().path().join("in")
            }),
            Err(Refused::Disk(_))
        ));
        let whole = stored("a/b");
        for length in [0, 4, whole.len() / 2, whole.len() - 1] {
            refused(&whole[..length]);
        }
    }

    #[test]
    fn entries_that_lie_over_one_another_make_no_more_than_there_is() {
        let mut bytes = archive(
            &[("a", &[7; 4000][..]), ("b", &[7; 4000]), ("c", &[7; 4000])],
            CompressionMethod::Stored,
        );
        // all entries of the directory at the end begin where the first one does
        let directory = bytes.windows(4).position(|four| four == b"PK\x01\x02").unwrap();
        for at in directory..bytes.len() - 46 {
            if bytes[at..].starts_with(b"PK\x01\x02") {
                bytes[at + 42..at + 46].copy_from_slice(&[0; 4]);
            }
        }
        bytes.drain(4031..directory);
        let end = bytes.windows(4).rposition(|four| four == b"PK\x05\x06").unwrap();
        bytes[end + 16..end + 20].copy_from_slice(&4031_u32.to_le_bytes());
        let refused = refused(&bytes);
        assert!(refused.contains("holds more than it has"), "{refused}");
    }

    #[test]
    fn a_folder_in_which_anything_is_changed_has_another_digest() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let bytes = archive(&[("a/b", b"12"), ("c", b"3")], CompressionMethod::Stored);
        unpack(&bytes, folder.path()).unwrap();
        let whole = contents(folder.path()).unwrap();
        let differs = |what: &str| {
            assert_ne!(contents(folder.path()).ok(), Some(whole.clone()), "{what}");
        };
        fs::write(path("c"), "4").unwrap();
        differs("another byte");
        fs::write(path("c"), "3").unwrap();
        assert_eq!(contents(folder.path()).unwrap(), whole);
        fs::write(path("d"), "").unwrap();
        differs("one more file");
        fs::remove_file(path("d")).unwrap();
        fs::rename(path("a/b"), path("b")).unwrap();
        differs("a file elsewhere");
        fs::rename(path("b"), path("a/b")).unwrap();
        #[cfg(unix)]
        {
            fs::rename(path("c"), path("a/c")).unwrap();
            std::os::unix::fs::symlink("a/c", path("c")).unwrap();
            assert!(contents(folder.path()).is_err(), "a link");
        }
    }
}
