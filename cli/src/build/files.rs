//! What a package has beside its modules and its manifest: the folders that the manifest asks for, and the
//! `function.json` of its functions. Read from the app's folder; the manager looks at all of it again.
//!
//! A link is refused rather than followed: what it leads to is not the app's, and might be anything of this machine.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::Context as _;
use steading_protocol::{Manifest, PortablePath};

use super::package::Entry;
use crate::exit::{Exit, Failure, OrExit as _};
use crate::watch;

/// The files of the folders that a manifest asks for, each once, by its path in the package.
pub(super) fn of_folders(app: &Path, manifest: &Manifest) -> Result<Vec<Entry>, Failure> {
    let mut files = BTreeMap::new();
    for folder in manifest.grants.package_folders() {
        let mut path = app.to_owned();
        for part in folder.as_str().split('/') {
            path.push(part);
            refuse_link(&path)?;
        }
        if !path.is_dir() {
            return Err(refused(&path, "grants.files asks for this folder, and it is not there"));
        }
        let before = files.len();
        collect(&path, folder, &mut files)?;
        let has_files =
            files.len() > before || files.keys().any(|file: &PortablePath| file.is_within(folder));
        if !has_files {
            return Err(refused(&path, "grants.files asks for this folder, and no file is in it"));
        }
    }
    Ok(files.into_iter().map(|(path, bytes)| (path.into(), bytes)).collect())
}

fn collect(
    folder: &Path,
    name: &PortablePath,
    files: &mut BTreeMap<PortablePath, Vec<u8>>,
) -> Result<(), Failure> {
    let context = || format!("cannot read {}", folder.display());
    for entry in fs::read_dir(folder).with_context(context)? {
        let (path, own) =
            entry.map(|entry| (entry.path(), entry.file_name())).with_context(context)?;
        if watch::is_ignored(Path::new(&own)) {
            continue;
        }
        refuse_link(&path)?;
        let own = own.to_str().ok_or_else(|| refused(&path, "its name is not UTF-8 text"))?;
        let name: PortablePath = format!("{name}/{own}").parse().or_exit(Exit::Data)?;
        if path.is_dir() {
            collect(&path, &name, files)?;
        } else if path.is_file() {
            let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()));
            files.insert(name, bytes.or_exit(Exit::Data)?);
        } else {
            return Err(refused(&path, "it is neither a file nor a folder"));
        }
    }
    Ok(())
}

/// Takes every `function.json` of an app into its manifest; the files themselves are returned for the package.
pub(super) fn of_functions(app: &Path, manifest: &mut Manifest) -> Result<Vec<Entry>, Failure> {
    let mut entries = vec![];
    for path in function_files(app, manifest)? {
        let file = app.join(path.as_str());
        refuse_link(&file)?;
        let text = fs::read(&file).with_context(|| format!("cannot read {}", file.display()));
        let text = text.or_exit(Exit::Data)?;
        manifest.declare(&path, &text).or_exit(Exit::Data)?;
        entries.push((path.into(), text));
    }
    Ok(entries)
}

/// Where there is a `function.json` of an app.
pub(super) fn function_files(
    app: &Path,
    manifest: &Manifest,
) -> Result<Vec<PortablePath>, Failure> {
    let context = || format!("cannot read {}", app.display());
    let mut found = vec![];
    let mut consider = |path: &str| {
        // what no package can have is no function of it
        let Ok(path) = path.parse::<PortablePath>() else { return };
        let is_asked_for = manifest.grants.package_folders().any(|folder| path.is_within(folder));
        if Manifest::is_function_file(&path) && !is_asked_for && app.join(path.as_str()).is_file() {
            found.push(path);
        }
    };
    consider("function.json");
    for entry in fs::read_dir(app).with_context(context)? {
        let name = entry.with_context(context)?.file_name();
        if let Some(name) = name.to_str().filter(|name| !watch::is_ignored(Path::new(name))) {
            consider(&format!("{name}/function.json"));
        }
    }
    found.sort();
    Ok(found)
}

fn refuse_link(path: &Path) -> Result<(), Failure> {
    let is_link = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink());
    if is_link { Err(refused(path, "it is a link; a package has files only")) } else { Ok(()) }
}

fn refused(path: &Path, why: &str) -> Failure {
    Failure::new(Exit::Data, format!("{}: {why}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, file).unwrap();
        }
        folder
    }

    fn manifest(folders: &[&str]) -> Manifest {
        let grant = |(n, host)| format!("{{ host = \"{host}\", guest = \"/{n}\" }}");
        let files: Vec<_> = folders.iter().enumerate().map(grant).collect();
        Manifest::parse(&format!("[grants]\nfiles = [{}]\n", files.join(","))).unwrap()
    }

    fn names(app: &Path, folders: &[&str]) -> Result<Vec<String>, Failure> {
        let entries = of_folders(app, &manifest(folders))?;
        Ok(entries.into_iter().map(|(name, _)| name).collect())
    }

    #[test]
    fn files_of_folders_are_found_once_and_what_tools_leave_is_not() {
        let app = app(&["a/x", "a/b/y.wasm", "a/x~", "a/.git/z", "c/z", "d"]);
        let found = names(app.path(), &["a", "a/b"]).unwrap();
        assert_eq!(found, ["a/b/y.wasm", "a/x"]);
        assert!(names(app.path(), &[]).unwrap().is_empty());
    }

    #[test]
    fn a_folder_that_cannot_be_packed_is_named() {
        let app = app(&["a/x", "d", "b/NUL", "e/x~"]);
        fs::create_dir(app.path().join("empty")).unwrap();
        for (folder, told) in [
            ("absent", "it is not there"),
            ("d", "it is not there"),
            ("empty", "no file is in it"),
            ("e", "no file is in it"),
            ("b", "`b/NUL`"),
        ] {
            let failure = names(app.path(), &[folder]).unwrap_err();
            assert_eq!(failure.code(), 65);
            assert!(failure.line().contains(told), "{folder}: {}", failure.line());
        }
    }

    #[cfg(unix)]
    #[test]
    fn links_are_refused_and_not_followed() {
        let app = app(&["a/x", "b/x", "c/d/x"]);
        let link =
            |to: &str, at: &str| std::os::unix::fs::symlink(to, app.path().join(at)).unwrap();
        link("/etc/hostname", "a/link");
        link(".", "b/loop");
        link("a", "e");
        link("c", "f");
        for folder in ["a", "b", "e", "f/d"] {
            let failure = names(app.path(), &[folder]).unwrap_err();
            assert!(failure.line().contains("it is a link"), "{folder}: {}", failure.line());
        }
    }

    #[test]
    fn function_files_are_found_in_folders_of_the_app_and_nowhere_else() {
        let app = app(&[
            "one/function.json",
            "a/b/function.json",
            "assets/function.json",
            "target/function.json",
        ]);
        let found = function_files(app.path(), &manifest(&["assets"])).unwrap();
        let found: Vec<_> = found.iter().map(PortablePath::as_str).collect();
        assert_eq!(found, ["one/function.json"]);
        let failure = of_functions(app.path(), &mut manifest(&["assets"])).unwrap_err();
        assert!(failure.line().contains("(in one/function.json)"), "{}", failure.line());
        fs::write(app.path().join("function.json"), "{}").unwrap();
        let failure = of_functions(app.path(), &mut manifest(&["assets"])).unwrap_err();
        assert!(failure.line().contains("belongs in a folder"), "{}", failure.line());
    }
}
