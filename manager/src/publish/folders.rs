//! The folders of a package that its manifest asks for, and the archive of them that workers fetch by its digest and
//! unpack.
//!
//! The archive is a zip, by whose first bytes workers tell it from a module, with its entries sorted and not compressed: so
//! the same files have the same digest whatever packed them, and nothing that is unpacked is larger than what was
//! fetched. Whatever lies in such a folder is a file of it, also what ends with `.wasm`.

use std::io::{Cursor, Write as _};

use bytes::Bytes;
use steading_protocol::{Grants, PortablePath};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use crate::error::{ApiError, Code};

/// What is asked for, and what was found of it.
#[derive(Debug)]
pub(super) struct Folders {
    asked: Vec<PortablePath>,
    files: Vec<(PortablePath, Vec<u8>)>,
    bytes_max: u64,
    bytes: u64,
}

impl Folders {
    /// Those of a manifest, which together may have so many bytes.
    pub(super) fn new(grants: &Grants, bytes_max: u64) -> Self {
        let asked = grants.package_folders().cloned().collect();
        Self { asked, files: vec![], bytes_max, bytes: 0 }
    }

    /// Whether a file lies in one of them.
    pub(super) fn hold(&self, path: &PortablePath) -> bool {
        self.asked.iter().any(|folder| path.is_within(folder))
    }

    /// Takes in a file that lies in one of them.
    pub(super) fn put(&mut self, path: PortablePath, bytes: Vec<u8>) -> Result<(), ApiError> {
        self.bytes += bytes.len() as u64;
        if self.bytes > self.bytes_max {
            return Err(ApiError::new(
                Code::ModuleTooLarge,
                format!(
                    "the folders that grants.files asks for have more than {} bytes together, which is folders_bytes_max of this manager",
                    self.bytes_max
                ),
            ));
        }
        self.files.push((path, bytes));
        Ok(())
    }

    /// The archive; none when no folder is asked for. Each that is must have a file.
    pub(super) fn archive(mut self) -> Result<Option<Bytes>, ApiError> {
        let is_there = |folder: &&PortablePath| {
            let mut files = self.files.iter();
            files.any(|(path, _)| path.is_within(folder))
        };
        if let Some(missing) = self.asked.iter().find(|folder| !is_there(folder)) {
            return Err(ApiError::new(
                Code::ManifestInvalid,
                format!(
                    "grants.files: the package has no file in a folder `{missing}`; a directory of the worker is asked for as `worker:NAME` (in steading.toml)"
                ),
            ));
        }
        if self.asked.is_empty() {
            return Ok(None);
        }
        self.files.sort();
        let packed = pack(&self.files).map_err(|error| {
            ApiError::new(Code::Internal, "the folders of the package cannot be packed")
                .caused_by(error)
        })?;
        Ok(Some(packed.into()))
    }
}

fn pack(files: &[(PortablePath, Vec<u8>)]) -> zip::result::ZipResult<Vec<u8>> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(DateTime::default())
        .unix_permissions(0o644);
    let mut writer = ZipWriter::new(Cursor::new(vec![]));
    for (path, bytes) in files {
        writer.start_file(path.as_str(), options)?;
        writer.write_all(bytes)?;
    }
    Ok(writer.finish()?.into_inner())
}
