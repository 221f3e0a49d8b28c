//! What a path is: sources with a build command, a cargo package, finished modules beside a `steading.toml`, or one
//! finished file. Looks and reads, compiles nothing.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use steading_protocol::{AppName, BuildSection, Manifest};

use super::cargo::{self, Member};
use crate::exit::{Exit, Failure, OrExit as _};

/// An app's folder or file.
#[derive(Debug)]
pub(crate) enum Project {
    /// Sources of any language that the command of a `steading.toml` makes modules of.
    Sources { folder: PathBuf, build: BuildSection },
    /// A cargo package to compile.
    Cargo(Member),
    /// Finished modules of any language, with a `steading.toml`.
    Modules(PathBuf),
    /// A finished `.wasm` or `.zip`.
    File(PathBuf),
}

impl Project {
    /// Looks at a folder or file.
    pub(crate) async fn open(folder: &Path) -> Result<Self, Failure> {
        let refuse = |why: &str| Failure::new(Exit::Data, format!("{}: {why}", folder.display()));
        if !folder.exists() {
            return Err(refuse("no such file or folder"));
        }
        // Absolute, because cargo runs inside it and the watcher reports absolute paths.
        let folder = folder
            .canonicalize()
            .map(plain)
            .with_context(|| format!("cannot resolve {}", folder.display()))?;
        if folder.is_file() {
            return Ok(Self::File(folder));
        }
        // one that cannot be read is refused when it is packed, where `dev` waits for a better one
        let manifest = manifest(&folder).ok().flatten();
        if let Some(build) = manifest.and_then(|(_, manifest)| manifest.build) {
            return Ok(Self::Sources { folder, build });
        }
        if folder.join("Cargo.toml").is_file() {
            return Ok(Self::Cargo(cargo::member(&folder).await?));
        }
        if folder.join(Manifest::FILE).is_file() {
            return Ok(Self::Modules(folder));
        }
        Err(refuse("neither a Cargo.toml nor a steading.toml is there, so it is no app"))
    }

    /// What it is made of: a folder of sources, or the file.
    pub(crate) fn source(&self) -> &Path {
        match self {
            Self::Cargo(member) => member.folder(),
            Self::Sources { folder: path, .. } | Self::Modules(path) | Self::File(path) => path,
        }
    }

    /// What builds write: folders and files.
    pub(crate) fn written(&self) -> Vec<PathBuf> {
        match self {
            Self::Sources { folder, build } => {
                let modules = build.modules.iter().map(|path| folder.join(path.as_str()));
                modules.chain([folder.join("target")]).collect()
            }
            Self::Cargo(member) => vec![member.target_folder().to_owned()],
            Self::Modules(folder) => vec![folder.join("target")],
            Self::File(_) => vec![],
        }
    }
}

/// The folder's manifest as text and parsed, when it has one.
pub(super) fn manifest(folder: &Path) -> Result<Option<(String, Manifest)>, Failure> {
    let path = folder.join(Manifest::FILE);
    if !path.is_file() {
        return Ok(None);
    }
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("cannot read {}", path.display()))
        .or_exit(Exit::Data)?;
    let manifest = Manifest::parse(&text).or_exit(Exit::Data)?;
    Ok(Some((text, manifest)))
}

/// The app name that a package, file or folder name makes, when it makes one.
pub(super) fn app_name(text: &str) -> Option<AppName> {
    text.to_ascii_lowercase().replace(['_', '.', ' '], "-").parse().ok()
}

/// Windows' canonical paths begin with `\\?\`, which cargo and people handle badly.
fn plain(path: PathBuf) -> PathBuf {
    match path.to_str().and_then(|text| text.strip_prefix(r"\\?\")) {
        Some(text) if !text.starts_with("UNC") => PathBuf::from(text),
        _ => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_app_names_where_they_can() {
        for (text, name) in [("orders", "orders"), ("My_App", "my-app"), ("a.b c", "a-b-c")] {
            assert_eq!(app_name(text).unwrap().as_str(), name);
        }
        assert_eq!(app_name("1st"), None);
        assert_eq!(app_name(""), None);
    }

    #[tokio::test]
    async fn a_folder_without_an_app_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let failure = Project::open(folder.path()).await.unwrap_err();
        assert_eq!(failure.code(), 65);
        assert!(failure.line().contains("neither a Cargo.toml nor"), "{}", failure.line());
        let failure = Project::open(&folder.path().join("absent")).await.unwrap_err();
        assert!(failure.line().ends_with("no such file or folder"), "{}", failure.line());
    }
}
