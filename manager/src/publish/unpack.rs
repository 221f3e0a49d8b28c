//! Takes a package apart: a bare module, or a zip with `steading.toml` at its root and modules
//! anywhere. Decides nothing about what is in a module.
//!
//! One invariant: no more bytes come out than a package may have, whatever a zip claims of itself.

use std::collections::HashSet;
use std::io::{Cursor, Read};

use bytes::Bytes;
use steading_protocol::{InvalidPath, Manifest, PortablePath};
use zip::ZipArchive;
use zip::read::ZipFile;

use crate::error::{ApiError, Code};

/// Files in a zip; an app has a handful of modules.
const ENTRIES_MAX: usize = 1000;

/// A manifest is written by hand.
const MANIFEST_BYTES_MAX: u64 = 256 << 10;

/// The parts of a package.
#[derive(Debug)]
pub(super) struct Unpacked {
    /// What the developer says of the app; nothing for a bare module.
    pub(super) manifest: Manifest,
    /// The modules.
    pub(super) modules: Vec<ModuleFile>,
}

/// A module as it lies in a package.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ModuleFile {
    /// The path in the package; none for a bare module.
    pub(super) path: Option<String>,
    /// Its bytes.
    pub(super) bytes: Bytes,
}

impl ModuleFile {
    /// What messages call it.
    pub(super) fn shown(&self) -> String {
        self.path.as_ref().map_or_else(|| "the module".to_owned(), |path| format!("`{path}`"))
    }
}

/// Takes a package apart, told by its first bytes.
pub(super) fn unpack(package: &Bytes, bytes_max: u64) -> Result<Unpacked, ApiError> {
    if package.len() as u64 > bytes_max {
        return Err(too_large(bytes_max));
    }
    if package.starts_with(b"\0asm") {
        let modules = vec![ModuleFile { path: None, bytes: package.clone() }];
        return Ok(Unpacked { manifest: Manifest::default(), modules });
    }
    if package.starts_with(b"PK") {
        return unzip(package, bytes_max);
    }
    Err(ApiError::new(
        Code::NotWasm,
        "this is neither a wasm module nor a zip: it begins with neither `\\0asm` nor `PK`",
    ))
}

fn unzip(package: &Bytes, bytes_max: u64) -> Result<Unpacked, ApiError> {
    let mut archive = ZipArchive::new(Cursor::new(package)).map_err(unreadable)?;
    if archive.len() > ENTRIES_MAX {
        return Err(invalid(format!("the zip has more than {ENTRIES_MAX} entries")));
    }
    let (mut manifest, mut modules, mut names) = (None, vec![], HashSet::new());
    let mut left = bytes_max;
    for index in 0..archive.len() {
        let entry = archive.by_index(index).map_err(unreadable)?;
        let path = checked_name(&entry)?;
        let name = path.as_str();
        if !names.insert(path.folded()) {
            return Err(invalid(format!(
                "`{name}` stands twice in the zip, in some case of its letters"
            )));
        }
        if entry.is_dir() {
            continue;
        }
        if name == Manifest::FILE {
            let text = read(entry, name, left.min(MANIFEST_BYTES_MAX))?;
            left -= text.len() as u64;
            manifest = Some(parse_manifest(&text)?);
        } else if name.ends_with(".wasm") {
            let bytes = read(entry, name, left)?;
            left -= bytes.len() as u64;
            if !bytes.starts_with(b"\0asm") {
                return Err(ApiError::new(Code::NotWasm, format!("`{name}` is not a wasm module")));
            }
            modules.push(ModuleFile { path: Some(name.to_owned()), bytes: bytes.into() });
        }
    }
    let manifest = manifest
        .ok_or_else(|| invalid(format!("the zip has no `{}` at its root", Manifest::FILE)))?;
    if modules.is_empty() {
        return Err(invalid("the zip has no `.wasm` file"));
    }
    Ok(Unpacked { manifest, modules })
}

/// The entry's name, when it is one that means the same wherever the package is unpacked.
fn checked_name<R: Read + ?Sized>(entry: &ZipFile<'_, R>) -> Result<PortablePath, ApiError> {
    let name = entry.name();
    // a folder's name ends with the slash that makes it one
    let plain = if entry.is_dir() { name.strip_suffix('/').unwrap_or(name) } else { name };
    let path: PortablePath =
        plain.parse().map_err(|error: InvalidPath| invalid(error.to_string()))?;
    if entry.is_symlink() {
        return Err(invalid(format!("`{name}` is a link; a package has files only")));
    }
    if entry.encrypted() {
        return Err(invalid(format!("`{name}` is encrypted")));
    }
    Ok(path)
}

/// Reads an entry, trusting no stated size.
fn read<R: Read>(entry: R, name: &str, bytes_max: u64) -> Result<Vec<u8>, ApiError> {
    let mut bytes = vec![];
    entry
        .take(bytes_max + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| invalid(format!("`{name}` cannot be unpacked: {error}")))?;
    if bytes.len() as u64 > bytes_max {
        return Err(ApiError::new(
            Code::ModuleTooLarge,
            format!("`{name}`, unpacked, is larger than a package may be"),
        ));
    }
    Ok(bytes)
}

fn parse_manifest(bytes: &[u8]) -> Result<Manifest, ApiError> {
    let refused = |message: String| ApiError::new(Code::ManifestInvalid, message);
    let text = std::str::from_utf8(bytes)
        .map_err(|_| refused(format!("{} is not UTF-8 text", Manifest::FILE)))?;
    Manifest::parse(text).map_err(|error| refused(error.to_string()))
}

fn too_large(bytes_max: u64) -> ApiError {
    ApiError::new(Code::ModuleTooLarge, format!("a package has at most {bytes_max} bytes"))
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new(Code::PackageInvalid, message)
}

// By value, as `map_err` hands it over.
#[allow(clippy::needless_pass_by_value)]
fn unreadable(error: zip::result::ZipError) -> ApiError {
    invalid(format!("the zip cannot be read: {error}"))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;
    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    const WASM: &[u8] = b"\0asm\x01\0\0\0";

    fn zip(entries: &[(&str, &[u8])]) -> Bytes {
        let mut writer = ZipWriter::new(Cursor::new(vec![]));
        for (name, bytes) in entries {
            writer.start_file(*name, SimpleFileOptions::default()).unwrap();
            writer.write_all(bytes).unwrap();
        }
        writer.finish().unwrap().into_inner().into()
    }

    fn refusal(package: &Bytes, bytes_max: u64) -> (Code, String) {
        let error = unpack(package, bytes_max).unwrap_err();
        (error.code(), error.message().to_owned())
    }

    #[test]
    fn a_zip_gives_its_manifest_and_modules_and_passes_over_the_rest() {
        let package = zip(&[
            ("steading.toml", b"[app]\nname = \"shop\"\n"),
            ("README.md", b"hello"),
            ("target/a.wasm", WASM),
        ]);
        let unpacked = unpack(&package, 1 << 20).unwrap();
        assert_eq!(unpacked.manifest.app.name.unwrap().as_str(), "shop");
        let path = Some("target/a.wasm".to_owned());
        assert_eq!(unpacked.modules, [ModuleFile { path, bytes: Bytes::from_static(WASM) }]);
    }

    #[test]
    fn what_is_neither_wasm_nor_zip_is_refused() {
        for bytes in [&b""[..], b"hello", b"\0as"] {
            assert_eq!(refusal(&Bytes::from_static(bytes), 100).0, Code::NotWasm);
        }
    }

    #[test]
    fn bad_zips_are_refused_by_name() {
        let toml: (&str, &[u8]) = ("steading.toml", b"");
        let cases: Vec<(Bytes, Code, &str)> = vec![
            (Bytes::from_static(b"PK\x03\x04nothing"), Code::PackageInvalid, "cannot be read"),
            (zip(&[("a.wasm", WASM)]), Code::PackageInvalid, "no `steading.toml`"),
            (zip(&[toml]), Code::PackageInvalid, "no `.wasm`"),
            (zip(&[toml, ("../a.wasm", WASM)]), Code::PackageInvalid, "not a relative path"),
            (zip(&[toml, ("/a.wasm", WASM)]), Code::PackageInvalid, "not a relative path"),
            (zip(&[toml, ("a\\b.wasm", WASM)]), Code::PackageInvalid, "not a relative path"),
            (zip(&[toml, ("c:a.wasm", WASM)]), Code::PackageInvalid, "a drive"),
            (zip(&[toml, ("nul.wasm", WASM)]), Code::PackageInvalid, "a device"),
            (zip(&[toml, ("a.wasm", WASM), ("A.wasm", WASM)]), Code::PackageInvalid, "twice"),
            (zip(&[toml, ("a.wasm", b"text")]), Code::NotWasm, "`a.wasm`"),
            (zip(&[("steading.toml", b"[ap]\n")]), Code::ManifestInvalid, "line 1"),
            (zip(&[("steading.toml", &[0xff])]), Code::ManifestInvalid, "UTF-8"),
        ];
        for (package, code, text) in cases {
            let (got, message) = refusal(&package, 1 << 20);
            assert_eq!(got, code, "{message}");
            assert!(message.contains(text), "{message}");
        }
    }

    #[test]
    fn a_bomb_is_cut_off_at_the_limit() {
        let bomb = [WASM, &vec![0; 1 << 20]].concat();
        let package = zip(&[("steading.toml", b""), ("a.wasm", &bomb)]);
        assert!(package.len() < 10_000);
        assert_eq!(refusal(&package, 100_000).0, Code::ModuleTooLarge);
        let many: Vec<_> = (0..=ENTRIES_MAX).map(|n| format!("f{n}")).collect();
        let entries: Vec<(&str, &[u8])> = many.iter().map(|n| (n.as_str(), &b""[..])).collect();
        assert_eq!(refusal(&zip(&entries), 1 << 20).0, Code::PackageInvalid);
    }

    proptest! {
        #[test]
        fn unpacking_never_panics(tail in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = unpack(&Bytes::from([&b"PK\x03\x04"[..], &tail].concat()), 1 << 20);
        }

        #[test]
        fn a_zip_with_flipped_bytes_never_panics(at in 0_usize..200, flip in 1_u8..) {
            let mut bytes = zip(&[("steading.toml", b""), ("a.wasm", WASM)]).to_vec();
            let at = at % bytes.len();
            bytes[at] ^= flip;
            let _ = unpack(&bytes.into(), 1 << 20);
        }
    }
}
