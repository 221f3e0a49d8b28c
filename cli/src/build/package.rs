//! The bytes that are published: a bare module, or a zip of modules, their `steading.toml`, and what that asks for.
//!
//! Invariant: a zip depends on names and contents alone. Entries are sorted, times and modes fixed.

use std::fs;
use std::io::{Cursor, Read as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use steading_protocol::{
    AppName, BuildSection, FunctionRecord, Manifest, PortablePath, Program, command_functions,
};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

use super::cargo::Member;
use super::files;
use super::project;
use super::section::{self, Contents};
use crate::exit::{Exit, Failure, OrExit as _};
use crate::watch;

/// How deep modules may lie below their app's folder; ends a search that a loop of links feeds.
const FOLDER_DEPTH_MAX: usize = 8;
/// The longest manifest read out of a zip, bytes; real ones are a page.
const MANIFEST_BYTES_MAX: u64 = 1 << 20;

/// Something that can be published.
#[derive(Debug)]
pub(crate) struct Package {
    /// The app's own name, when it has a usable one.
    pub(super) app: Option<AppName>,
    /// Where it is.
    pub(super) path: PathBuf,
    /// What it is.
    pub(super) bytes: Vec<u8>,
    /// The functions found in it.
    pub(super) functions: Vec<FunctionRecord>,
}

/// A file of a zip: its name there, and its bytes.
pub(super) type Entry = (String, Vec<u8>);

impl Package {
    /// The package of a compiled cargo package.
    pub(super) fn of_member(member: &Member, module: &Path) -> Result<Self, Failure> {
        let bytes = read(module)?;
        let Contents::Native(functions) = section::contents(&bytes, module)? else {
            return Err(no_functions(&member.name, "mark one with `#[steading::http]`"));
        };
        let own_name = project::app_name(&member.name);
        let Some((text, mut manifest)) = project::manifest(member.folder())? else {
            refuse_function_files(member.folder())?;
            return Ok(Self { app: own_name, path: module.to_owned(), bytes, functions });
        };
        let mut entries = vec![(format!("{}.wasm", member.name), bytes)];
        entries.extend(files::of_functions(member.folder(), &mut manifest)?);
        entries.extend(files::of_folders(member.folder(), &manifest)?);
        let app = manifest.app.name.or(own_name);
        Self::zipped(app, &text, entries, functions, member.target_folder())
    }

    /// The package of a folder of finished modules, under the name chosen or its own.
    pub(super) fn of_folder(folder: &Path, chosen: Option<&AppName>) -> Result<Self, Failure> {
        let asked = project::manifest(folder)?.map(|(_, manifest)| manifest.grants);
        let is_file = |name: &str| match (&asked, name.parse::<PortablePath>()) {
            (Some(grants), Ok(path)) => grants.package_folders().any(|of| path.is_within(of)),
            _ => false,
        };
        let files = modules(folder, FOLDER_DEPTH_MAX)?.into_iter();
        let files = files.map(|path| (entry_name(&path, folder), path));
        let files = files.filter(|(name, _)| !is_file(name)).collect();
        Self::of_modules(folder, files, chosen)
    }

    /// The package of the modules that a folder's build command has made, likewise.
    pub(super) fn of_build(
        folder: &Path,
        build: &BuildSection,
        chosen: Option<&AppName>,
    ) -> Result<Self, Failure> {
        let files = build.modules.iter();
        let files =
            files.map(|path| (path.file_name().to_owned(), folder.join(path.as_str()))).collect();
        Self::of_modules(folder, files, chosen)
    }

    /// The package of modules, each with its path in it, and of the folder's manifest.
    fn of_modules(
        folder: &Path,
        files: Vec<(String, PathBuf)>,
        chosen: Option<&AppName>,
    ) -> Result<Self, Failure> {
        let (text, mut manifest) = project::manifest(folder)?
            .with_context(|| format!("{} has no {}", folder.display(), Manifest::FILE))
            .or_exit(Exit::Data)?;
        let (mut entries, mut contents) = (vec![], vec![]);
        for (name, path) in files {
            let bytes = read(&path)?;
            contents.push((name.clone(), section::contents(&bytes, &path)?));
            entries.push((name, bytes));
        }
        entries.extend(files::of_functions(folder, &mut manifest)?);
        entries.extend(files::of_folders(folder, &manifest)?);
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        let app = manifest.app.name.clone().or_else(|| project::app_name(&name));
        let functions = functions(chosen.or(app.as_ref()), &manifest, &contents)?;
        if functions.is_empty() {
            return Err(no_functions(&name, "none of its .wasm files has any"));
        }
        Self::zipped(app, &text, entries, functions, &folder.join("target"))
    }

    /// A finished `.wasm` or `.zip`. Which of them its bytes say; the manager finds what is wrong
    /// with them.
    pub(super) fn of_file(path: &Path) -> Result<Self, Failure> {
        let bytes = read(path)?;
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let own_name = project::app_name(&stem);
        let app =
            if bytes.starts_with(b"PK") { name_in_zip(&bytes).or(own_name) } else { own_name };
        Ok(Self { app, path: path.to_owned(), bytes, functions: vec![] })
    }

    fn zipped(
        app: Option<AppName>,
        manifest: &str,
        mut entries: Vec<Entry>,
        functions: Vec<FunctionRecord>,
        target: &Path,
    ) -> Result<Self, Failure> {
        entries.push((Manifest::FILE.to_owned(), manifest.as_bytes().to_vec()));
        let bytes = zip(entries).context("cannot make the package")?;
        let name = app.as_ref().map_or("app", AppName::as_str);
        let path = target.join("steading").join(format!("{name}.zip"));
        write(&path, &bytes).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self { app, path, bytes, functions })
    }
}

/// The functions of all modules, which are given by their paths in the package.
fn functions(
    app: Option<&AppName>,
    manifest: &Manifest,
    contents: &[(String, Contents)],
) -> Result<Vec<FunctionRecord>, Failure> {
    let (mut functions, mut programs) = (vec![], vec![]);
    for (path, contents) in contents {
        match contents {
            Contents::Native(own) => functions.extend_from_slice(own),
            Contents::Program(export) => programs.push(Program { path, export }),
            Contents::Nothing => {}
        }
    }
    // an app without a name is refused later on, when it is clear that nobody has chosen one
    let Some(app) = app else { return Ok(functions) };
    let native: Vec<_> = functions.iter().map(|function| &function.name).collect();
    let of_programs = command_functions(app, manifest, &programs, &native)
        .with_context(|| format!("{} does not fit the modules", Manifest::FILE))
        .or_exit(Exit::Data)?;
    functions.extend(of_programs.into_iter().map(|(_, function)| function));
    Ok(functions)
}

/// Refuses what a bare module would leave behind.
fn refuse_function_files(folder: &Path) -> Result<(), Failure> {
    match files::function_files(folder, &Manifest::default())?.first() {
        None => Ok(()),
        Some(file) => {
            let message = format!("{file} needs a {} beside the Cargo.toml", Manifest::FILE);
            Err(Failure::new(Exit::Data, message))
        }
    }
}

fn no_functions(name: &str, hint: &str) -> Failure {
    Failure::new(Exit::Data, format!("`{name}` has no functions: {hint}"))
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display())).or_exit(Exit::Data)
}

fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, bytes)
}

/// The modules below a folder, in the order of their paths.
fn modules(folder: &Path, depth: usize) -> Result<Vec<PathBuf>, Failure> {
    let context = || format!("cannot read {}", folder.display());
    let mut found = vec![];
    for entry in fs::read_dir(folder).with_context(context)? {
        let path = entry.with_context(context)?.path();
        if path.is_dir()
            && depth > 0
            && !watch::is_ignored(Path::new(path.file_name().unwrap_or_default()))
        {
            found.extend(modules(&path, depth - 1)?);
        } else if path.extension().is_some_and(|extension| extension == "wasm") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// A path as zips write it: relative, with slashes.
fn entry_name(path: &Path, folder: &Path) -> String {
    let relative = path.strip_prefix(folder).unwrap_or(path);
    let parts = relative.components().map(|part| part.as_os_str().to_string_lossy());
    parts.collect::<Vec<_>>().join("/")
}

fn zip(mut entries: Vec<Entry>) -> zip::result::ZipResult<Vec<u8>> {
    entries.sort();
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(DateTime::default())
        .unix_permissions(0o644);
    let mut writer = ZipWriter::new(Cursor::new(vec![]));
    for (name, bytes) in &entries {
        writer.start_file(name, options)?;
        writer.write_all(bytes)?;
    }
    Ok(writer.finish()?.into_inner())
}

/// The name that the manifest inside a zip gives, when there is one that can be read.
fn name_in_zip(bytes: &[u8]) -> Option<AppName> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).ok()?;
    let entry = archive.by_name(Manifest::FILE).ok()?;
    let mut text = String::new();
    entry.take(MANIFEST_BYTES_MAX).read_to_string(&mut text).ok()?;
    Manifest::parse(&text).ok()?.app.name
}

#[cfg(test)]
mod tests {
    use super::super::section::tests::{exporting, module};
    use super::*;

    fn folder(manifest: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(Manifest::FILE), manifest).unwrap();
        fs::create_dir(folder.path().join("modules")).unwrap();
        fs::write(folder.path().join("modules/b.wasm"), module("b")).unwrap();
        fs::write(folder.path().join("a.wasm"), module("a")).unwrap();
        folder
    }

    fn of_folder(folder: &Path) -> Result<Package, Failure> {
        Package::of_folder(folder, None)
    }

    #[test]
    fn a_program_has_the_functions_that_the_manifest_says() {
        let folder = folder("[app]\nname = \"shop\"\n");
        fs::write(folder.path().join("c.wasm"), exporting("_start")).unwrap();
        let names = || {
            let functions = of_folder(folder.path()).unwrap().functions;
            functions.iter().map(|f| f.name.as_str().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(names(), ["a", "b", "shop"]);
        fs::write(folder.path().join(Manifest::FILE), "[functions.count]\n").unwrap();
        fs::rename(folder.path().join("a.wasm"), folder.path().join("d.text")).unwrap();
        let chosen = "chosen".parse().unwrap();
        let package = Package::of_folder(folder.path(), Some(&chosen)).unwrap();
        let names: Vec<_> = package.functions.iter().map(|f| f.name.as_str()).collect();
        assert_eq!(names, ["b", "count"]);
        fs::write(folder.path().join(Manifest::FILE), "[functions.b]\nroute = \"x\"\n").unwrap();
        let failure = Package::of_folder(folder.path(), Some(&chosen)).unwrap_err();
        assert!(failure.line().contains("functions.b.route is for commands"), "{}", failure.line());
    }

    #[test]
    fn the_same_modules_give_the_same_bytes_wherever_and_whenever() {
        let one = of_folder(folder("[app]\nname = \"shop\"\n").path()).unwrap();
        let two = of_folder(folder("[app]\nname = \"shop\"\n").path()).unwrap();
        assert_eq!(one.bytes, two.bytes);
        assert_eq!(one.app.unwrap().as_str(), "shop");
        let names: Vec<_> = one.functions.iter().map(|f| f.name.as_str().to_owned()).collect();
        assert_eq!(names, ["a", "b"]);
        let mut archive = ZipArchive::new(Cursor::new(two.bytes)).unwrap();
        let files: Vec<_> = archive.file_names().map(str::to_owned).collect();
        assert_eq!(files, ["a.wasm", "modules/b.wasm", "steading.toml"]);
        assert_eq!(archive.by_index(0).unwrap().last_modified(), Some(DateTime::default()));
    }

    #[test]
    fn folders_and_function_files_are_packed_and_what_is_in_folders_is_no_module() {
        let manifest = "[app]\nname = \"shop\"\n[grants]\nfiles = [{ host = \"assets\", guest = \"/assets\" }]\n";
        let folder = folder(manifest);
        let write = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        };
        write("assets/deep/page.html", b"<p>");
        write("assets/inner.wasm", b"no module");
        write("c.wasm", &exporting("_start"));
        let json = br#"{ "scriptFile": "../c.wasm", "bindings": [{ "type": "httpTrigger", "direction": "in" }] }"#;
        write("count/function.json", json);
        let package = of_folder(folder.path()).unwrap();
        let archive = ZipArchive::new(Cursor::new(package.bytes)).unwrap();
        let files: Vec<_> = archive.file_names().map(str::to_owned).collect();
        let expected = [
            "a.wasm",
            "assets/deep/page.html",
            "assets/inner.wasm",
            "c.wasm",
            "count/function.json",
            "modules/b.wasm",
            "steading.toml",
        ];
        assert_eq!(files, expected);
        let names: Vec<_> = package.functions.iter().map(|f| f.name.as_str()).collect();
        assert_eq!(names, ["a", "b", "count"]);
        write("a/function.json", json);
        let failure = of_folder(folder.path()).unwrap_err();
        assert!(
            failure.line().contains("functions.a.module is for commands"),
            "{}",
            failure.line()
        );
    }

    #[test]
    fn a_package_made_before_is_not_packed_again() {
        let folder = folder("");
        let first = of_folder(folder.path()).unwrap().bytes;
        fs::write(folder.path().join("target/old.wasm"), module("old")).unwrap();
        assert_eq!(of_folder(folder.path()).unwrap().bytes, first);
    }

    #[test]
    fn a_manifest_that_cannot_be_used_is_bad_data() {
        let failure = of_folder(folder("[app]\nnme = \"x\"\n").path()).unwrap_err();
        assert_eq!(failure.code(), 65);
        assert!(failure.line().contains("`nme`"), "{}", failure.line());
    }

    #[test]
    fn a_file_is_named_by_its_manifest_or_its_stem() {
        let shop = of_folder(folder("[app]\nname = \"shop\"\n").path()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let zip = folder.path().join("upload.zip");
        fs::write(&zip, &shop.bytes).unwrap();
        assert_eq!(Package::of_file(&zip).unwrap().app.unwrap().as_str(), "shop");
        let wasm = folder.path().join("my_app.wasm");
        fs::write(&wasm, module("f")).unwrap();
        assert_eq!(Package::of_file(&wasm).unwrap().app.unwrap().as_str(), "my-app");
    }
}
