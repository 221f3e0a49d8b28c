//! Takes a package apart: a bare module, or a zip with `steading.toml` at its root, modules anywhere, the
//! folders that it asks for, and the `function.json` of its functions. Decides nothing about what is in a module.
//!
//! One invariant: no more bytes come out than a package may have, whatever a zip claims of itself.

use std::io::{Cursor, Read};

use bytes::Bytes;
use steading_protocol::{InvalidPath, Manifest, ManifestError, PortablePath};
use zip::ZipArchive;
use zip::read::ZipFile;

use super::PackageLimits;
use super::folders::Folders;
use super::names::{Names, Node};
use crate::error::{ApiError, Code};

/// A manifest is written by hand.
const MANIFEST_BYTES_MAX: u64 = 256 << 10;

/// The parts of a package.
#[derive(Debug)]
pub(super) struct Unpacked {
    /// What the developer says of the app; nothing for a bare module.
    pub(super) manifest: Manifest,
    /// The modules.
    pub(super) modules: Vec<ModuleFile>,
    /// The archive of its folders, when it asks for any.
    pub(super) folders: Option<Bytes>,
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
pub(super) fn unpack(package: &Bytes, limits: PackageLimits) -> Result<Unpacked, ApiError> {
    if package.len() as u64 > limits.bytes_max {
        return Err(too_large(limits.bytes_max));
    }
    if package.starts_with(b"\0asm") {
        let modules = vec![ModuleFile { path: None, bytes: package.clone() }];
        return Ok(Unpacked { manifest: Manifest::default(), modules, folders: None });
    }
    if package.starts_with(b"PK") {
        return unzip(package, limits);
    }
    Err(ApiError::new(
        Code::NotWasm,
        "this is neither a wasm module nor a zip: it begins with neither `\\0asm` nor `PK`",
    ))
}

fn unzip(package: &Bytes, limits: PackageLimits) -> Result<Unpacked, ApiError> {
    let mut archive = ZipArchive::new(Cursor::new(package)).map_err(unreadable)?;
    if archive.len() > limits.files_max {
        return Err(invalid(format!(
            "the zip has more than {} entries, which is package_files_max of this manager",
            limits.files_max
        )));
    }
    let mut left = limits.bytes_max;
    let mut manifest = manifest(&mut archive, &mut left)?;
    let mut folders = Folders::new(&manifest.grants, limits.folders_bytes_max);
    let (mut modules, mut names) = (vec![], Names::default());
    for index in 0..archive.len() {
        let entry = archive.by_index(index).map_err(unreadable)?;
        let path = checked_name(&entry)?;
        let node = if entry.is_dir() { Node::Folder } else { Node::File };
        names.add(&path, node).map_err(invalid)?;
        if node == Node::Folder {
            continue;
        }
        if folders.hold(&path) {
            let bytes = read(entry, path.as_str(), left)?;
            left -= bytes.len() as u64;
            folders.put(path, bytes)?;
        } else if Manifest::is_function_file(&path) {
            let text = read(entry, path.as_str(), Manifest::FUNCTION_FILE_BYTES_MAX.min(left))?;
            left -= text.len() as u64;
            manifest.declare(&path, &text).map_err(|error| unusable(&error))?;
        } else if path.as_str().ends_with(".wasm") {
            let bytes = read(entry, path.as_str(), left)?;
            left -= bytes.len() as u64;
            modules.push(module(path, bytes)?);
        }
    }
    if modules.is_empty() {
        return Err(invalid("the zip has no `.wasm` file"));
    }
    Ok(Unpacked { manifest, modules, folders: folders.archive()? })
}

/// The manifest, which is wanted first, wherever it lies in the zip.
fn manifest(
    archive: &mut ZipArchive<Cursor<&Bytes>>,
    left: &mut u64,
) -> Result<Manifest, ApiError> {
    let absent = || invalid(format!("the zip has no `{}` at its root", Manifest::FILE));
    let index = archive.index_for_name(Manifest::FILE).ok_or_else(absent)?;
    let entry = archive.by_index(index).map_err(unreadable)?;
    checked_name(&entry)?;
    let text = read(entry, Manifest::FILE, MANIFEST_BYTES_MAX.min(*left))?;
    *left -= text.len() as u64;
    parse_manifest(&text)
}

fn module(path: PortablePath, bytes: Vec<u8>) -> Result<ModuleFile, ApiError> {
    if !bytes.starts_with(b"\0asm") {
        return Err(ApiError::new(Code::NotWasm, format!("`{path}` is not a wasm module")));
    }
    Ok(ModuleFile { path: Some(path.into()), bytes: bytes.into() })
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
            format!("`{name}`, unpacked, has more than the {bytes_max} bytes that are left for it"),
        ));
    }
    Ok(bytes)
}

fn parse_manifest(bytes: &[u8]) -> Result<Manifest, ApiError> {
    let refused = |message: String| ApiError::new(Code::ManifestInvalid, message);
    let text = std::str::from_utf8(bytes)
        .map_err(|_| refused(format!("{} is not UTF-8 text", Manifest::FILE)))?;
    Manifest::parse(text).map_err(|error| unusable(&error))
}

fn unusable(error: &ManifestError) -> ApiError {
    ApiError::new(Code::ManifestInvalid, error.to_string())
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

    fn limits(bytes_max: u64) -> PackageLimits {
        PackageLimits { bytes_max, files_max: 100, folders_bytes_max: bytes_max }
    }

    fn zip(entries: &[(&str, &[u8])]) -> Bytes {
        let mut writer = ZipWriter::new(Cursor::new(vec![]));
        for (name, bytes) in entries {
            writer.start_file(*name, SimpleFileOptions::default()).unwrap();
            writer.write_all(bytes).unwrap();
        }
        writer.finish().unwrap().into_inner().into()
    }

    fn refusal(package: &Bytes, bytes_max: u64) -> (Code, String) {
        let error = unpack(package, limits(bytes_max)).unwrap_err();
        (error.code(), error.message().to_owned())
    }

    #[test]
    fn a_zip_gives_its_manifest_and_modules_and_passes_over_the_rest() {
        let package = zip(&[
            ("steading.toml", b"[app]\nname = \"shop\"\n"),
            ("README.md", b"hello"),
            ("target/a.wasm", WASM),
        ]);
        let unpacked = unpack(&package, limits(1 << 20)).unwrap();
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
        let many: Vec<_> = (0..=limits(0).files_max).map(|n| format!("f{n}")).collect();
        let entries: Vec<(&str, &[u8])> = many.iter().map(|n| (n.as_str(), &b""[..])).collect();
        let (code, message) = refusal(&zip(&entries), 1 << 20);
        assert_eq!(code, Code::PackageInvalid);
        assert!(message.contains("package_files_max"), "{message}");
    }

    #[test]
    fn function_files_become_tables_of_the_manifest() {
        let json: &[u8] = br#"{ "bindings": [{ "type": "httpTrigger", "direction": "in" }] }"#;
        let (toml, wasm): ((&str, &[u8]), _) = (("steading.toml", b""), ("m.wasm", WASM));
        let package = zip(&[("count/function.json", json), toml, wasm, ("a/b/function.json", b"")]);
        let functions = unpack(&package, limits(1 << 20)).unwrap().manifest.functions;
        assert_eq!(functions.keys().map(|name| name.as_str()).collect::<Vec<_>>(), ["count"]);
        let long = vec![b' '; 65 << 10];
        for (name, text, code, told) in [
            ("count/function.json", &b"{"[..], Code::ManifestInvalid, "(in count/function.json)"),
            ("1st/function.json", json, Code::ManifestInvalid, "`1st`"),
            ("function.json", json, Code::ManifestInvalid, "belongs in a folder"),
            ("count/function.json", &long, Code::ModuleTooLarge, "`count/function.json`"),
        ] {
            let (got, message) = refusal(&zip(&[toml, wasm, (name, text)]), 1 << 20);
            assert_eq!(got, code, "{message}");
            assert!(message.contains(told), "{message}");
        }
    }

    const ASKING: (&str, &[u8]) = (
        "steading.toml",
        b"[grants]\nfiles = [{ host = \"a/b\", guest = \"/x\" }, { host = \"c\", guest = \"/y\" }]\n",
    );

    #[test]
    fn folders_that_are_asked_for_are_packed_alike_whatever_packed_the_package() {
        let files: [(&str, &[u8]); 4] =
            [("a/b/1.txt", b"one"), ("a/b/deep/m.wasm", WASM), ("c/2", b""), ("m.wasm", WASM)];
        let one =
            zip(&[ASKING, files[0], files[1], files[2], files[3], ("a/no", b"not asked for")]);
        let unpacked = unpack(&one, limits(1 << 20)).unwrap();
        assert_eq!(unpacked.modules.len(), 1, "what lies in a folder is a file of it");
        let archive = unpacked.folders.unwrap();
        let other = zip(&[files[3], files[2], files[1], files[0], ASKING, ("README.md", b"new")]);
        assert_eq!(unpack(&other, limits(1 << 20)).unwrap().folders.unwrap(), archive);
        let mut archive = ZipArchive::new(Cursor::new(&archive)).unwrap();
        let names: Vec<_> = archive.file_names().map(str::to_owned).collect();
        assert_eq!(names, ["a/b/1.txt", "a/b/deep/m.wasm", "c/2"]);
        let entry = archive.by_index(0).unwrap();
        assert_eq!(entry.compression(), zip::CompressionMethod::Stored);
        assert_eq!((entry.size(), entry.compressed_size()), (3, 3));
    }

    #[test]
    fn folders_that_cannot_be_had_are_refused_by_name() {
        let wasm = ("m.wasm", WASM);
        let [b, c]: [(&str, &[u8]); 2] = [("a/b/1", b"1"), ("c/1", b"1")];
        let large = [7_u8; 600];
        for (entries, code, told) in [
            (vec![ASKING, wasm, b], Code::ManifestInvalid, "no file in a folder `c`"),
            (vec![ASKING, wasm, b, ("c", b"")], Code::ManifestInvalid, "folder `c`"),
            (vec![ASKING, wasm, b, ("C/1", b"")], Code::ManifestInvalid, "folder `c`"),
            (vec![ASKING, wasm, b, c, ("c/../x", b"")], Code::PackageInvalid, "lead elsewhere"),
            (vec![ASKING, wasm, b, c, ("/c/x", b"")], Code::PackageInvalid, "not a relative"),
            (vec![ASKING, wasm, b, c, ("c/NUL.txt", b"")], Code::PackageInvalid, "a device"),
            (vec![ASKING, wasm, b, c, ("c/x:y", b"")], Code::PackageInvalid, "a stream"),
            (vec![ASKING, wasm, b, c, ("C:/x", b"")], Code::PackageInvalid, "a drive"),
            (vec![ASKING, wasm, b, c, ("c\\x", b"")], Code::PackageInvalid, "separates"),
            (vec![ASKING, wasm, b, c, ("c/x.", b"")], Code::PackageInvalid, "leaves off"),
            (vec![ASKING, wasm, b, c, ("c/X~1", b"")], Code::PackageInvalid, "second name"),
            (vec![ASKING, wasm, b, c, ("C/2", b"")], Code::PackageInvalid, "`C` is spelled `c`"),
            (vec![ASKING, wasm, b, c, ("c/1/2", b"")], Code::PackageInvalid, "as a file and as"),
            (vec![ASKING, wasm, b, ("c/1", &large)], Code::ModuleTooLarge, "folders_bytes_max"),
            (vec![ASKING, ("c/m.wasm", WASM), b], Code::PackageInvalid, "no `.wasm`"),
        ] {
            let limits = PackageLimits { folders_bytes_max: 500, ..limits(1 << 20) };
            let error = unpack(&zip(&entries), limits).unwrap_err();
            assert!(error.message().contains(told), "{told}: {}", error.message());
            assert_eq!(error.code(), code, "{told}");
        }
    }

    #[test]
    fn a_link_in_a_folder_is_refused() {
        let mut writer = ZipWriter::new(Cursor::new(vec![]));
        for (name, bytes) in [ASKING, ("m.wasm", WASM), ("a/b/1", b"1")] {
            writer.start_file(name, SimpleFileOptions::default()).unwrap();
            writer.write_all(bytes).unwrap();
        }
        writer.add_symlink("c/1", "/etc/passwd", SimpleFileOptions::default()).unwrap();
        let package = writer.finish().unwrap().into_inner().into();
        let (code, message) = refusal(&package, 1 << 20);
        assert_eq!(
            (code, message.as_str()),
            (Code::PackageInvalid, "`c/1` is a link; a package has files only")
        );
    }

    proptest! {
        #[test]
        fn unpacking_never_panics(tail in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = unpack(&Bytes::from([&b"PK\x03\x04"[..], &tail].concat()), limits(1 << 20));
        }

        #[test]
        fn a_zip_with_flipped_bytes_never_panics(at in 0_usize..200, flip in 1_u8..) {
            let mut bytes = zip(&[("steading.toml", b""), ("a.wasm", WASM)]).to_vec();
            let at = at % bytes.len();
            bytes[at] ^= flip;
            let _ = unpack(&bytes.into(), limits(1 << 20));
        }
    }
}
