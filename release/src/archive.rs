//! Archives: a gzipped tar or a zip of one folder, the same bytes for the same members.

use std::io::{Cursor, Write as _};

use anyhow::Context as _;
use flate2::{Compression, GzBuilder};
use jiff::{Timestamp, tz::TimeZone};
use sha2::{Digest as _, Sha256};
use zip::write::SimpleFileOptions;

/// How an archive is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    TarGz,
    Zip,
}

/// A file of an archive.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    /// Below the archive's one folder, with slashes.
    path: String,
    bytes: Vec<u8>,
    mode: u32,
}

/// A packed archive.
pub(crate) struct Archive {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
}

impl Member {
    pub(crate) fn program(path: impl Into<String>, bytes: Vec<u8>) -> Self {
        Self { path: path.into(), bytes, mode: 0o755 }
    }

    pub(crate) fn text(path: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self { path: path.into(), bytes: bytes.into(), mode: 0o644 }
    }
}

impl Archive {
    /// Packs the members below `folder`, in the order of their paths, all with the time `at`.
    pub(crate) fn pack(
        folder: &str,
        mut members: Vec<Member>,
        format: Format,
        at: Timestamp,
    ) -> anyhow::Result<Self> {
        members.sort_by(|one, other| one.path.cmp(&other.path));
        for member in &mut members {
            member.path = format!("{folder}/{}", member.path);
        }
        let (bytes, extension) = match format {
            Format::TarGz => (tar_gz(&members, at), "tar.gz"),
            Format::Zip => (zip(&members, at), "zip"),
        };
        let name = format!("{folder}.{extension}");
        let bytes = bytes.with_context(|| format!("cannot pack {name}"))?;
        Ok(Self { name, bytes })
    }

    /// Hexadecimal.
    pub(crate) fn sha256(&self) -> String {
        hex::encode(Sha256::digest(&self.bytes))
    }
}

fn tar_gz(members: &[Member], at: Timestamp) -> anyhow::Result<Vec<u8>> {
    // without a time or a name of its own in the head of the stream
    let gzip = GzBuilder::new().write(vec![], Compression::best());
    let mut tar = tar::Builder::new(gzip);
    for member in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(member.bytes.len() as u64);
        header.set_mode(member.mode);
        header.set_mtime(u64::try_from(at.as_second())?);
        header.set_entry_type(tar::EntryType::Regular);
        tar.append_data(&mut header, &member.path, member.bytes.as_slice())?;
    }
    Ok(tar.into_inner()?.finish()?)
}

fn zip(members: &[Member], at: Timestamp) -> anyhow::Result<Vec<u8>> {
    let at = at.to_zoned(TimeZone::UTC).datetime();
    let at = zip::DateTime::from_date_and_time(
        u16::try_from(at.year())?,
        at.month().unsigned_abs(),
        at.day().unsigned_abs(),
        at.hour().unsigned_abs(),
        at.minute().unsigned_abs(),
        at.second().unsigned_abs(),
    )?;
    let mut zip = zip::ZipWriter::new(Cursor::new(vec![]));
    for member in members {
        let options = SimpleFileOptions::default().last_modified_time(at);
        zip.start_file(&member.path, options.unix_permissions(member.mode))?;
        zip.write_all(&member.bytes)?;
    }
    Ok(zip.finish()?.into_inner())
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn pack(format: Format) -> Archive {
        let members = vec![
            Member::text("docs/page.md", "# Page\n"),
            Member::program("steading", vec![0x7f, b'E', b'L', b'F']),
        ];
        Archive::pack(
            "steading-1.2.3",
            members,
            format,
            Timestamp::UNIX_EPOCH + jiff::Span::new().hours(24 * 365 * 20),
        )
        .unwrap()
    }

    #[test]
    fn a_tar_has_its_members_in_one_folder_with_their_modes() {
        let archive = pack(Format::TarGz);
        assert_eq!(archive.name, "steading-1.2.3.tar.gz");
        let mut tar = tar::Archive::new(flate2::read::GzDecoder::new(archive.bytes.as_slice()));
        let seen: Vec<_> = (tar.entries().unwrap())
            .map(|entry| {
                let mut entry = entry.unwrap();
                let mut bytes = vec![];
                entry.read_to_end(&mut bytes).unwrap();
                let path = entry.path().unwrap().display().to_string();
                (path, entry.header().mode().unwrap(), bytes.len())
            })
            .collect();
        let expected = [
            ("steading-1.2.3/docs/page.md".to_owned(), 0o644, 7),
            ("steading-1.2.3/steading".to_owned(), 0o755, 4),
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn a_zip_has_them_too() {
        let archive = pack(Format::Zip);
        assert_eq!(archive.name, "steading-1.2.3.zip");
        let mut zip = zip::ZipArchive::new(Cursor::new(archive.bytes)).unwrap();
        let mut page = String::new();
        zip.by_name("steading-1.2.3/docs/page.md").unwrap().read_to_string(&mut page).unwrap();
        assert_eq!(page, "# Page\n");
        let program = zip.by_name("steading-1.2.3/steading").unwrap();
        assert_eq!(program.unix_mode().map(|mode| mode & 0o777), Some(0o755));
    }

    #[test]
    fn the_same_members_make_the_same_bytes() {
        for format in [Format::TarGz, Format::Zip] {
            assert_eq!(pack(format).sha256(), pack(format).sha256());
        }
    }
}
