//! What is linked into the program of one platform: our crates and those of others.
//!
//! cargo's metadata would name what any crate of the workspace needs; `cargo tree` resolves for the program
//! alone, and leaves out what only runs while it is built. Invariant: a package that cargo links into the
//! program is here.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::process::Command;

use anyhow::{Context as _, ensure};
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package, PackageId};
use serde::Deserialize;

use crate::binary::Target;
use crate::source::Source;

/// The crate whose program is released.
const ROOT: &str = "steading-cli";

/// The packages of one program.
pub(crate) struct Packages {
    metadata: Metadata,
    /// Name and version, as `cargo tree` has them.
    linked: BTreeSet<(String, String)>,
    checksums: HashMap<(String, String), String>,
}

#[derive(Deserialize)]
struct LockFile {
    package: Vec<Locked>,
}

/// A package of `Cargo.lock`; those of the workspace have no checksum.
#[derive(Deserialize)]
struct Locked {
    name: String,
    version: String,
    checksum: Option<String>,
}

impl Packages {
    pub(crate) fn of(source: &Source, target: Target) -> anyhow::Result<Self> {
        let metadata = MetadataCommand::new()
            .manifest_path(source.folder().join("Cargo.toml"))
            .other_options([
                "--locked".to_owned(),
                "--filter-platform".to_owned(),
                target.triple().to_owned(),
            ])
            .exec()
            .context("cannot read cargo's metadata")?;
        let lock = std::fs::read_to_string(source.folder().join("Cargo.lock"))
            .context("cannot read Cargo.lock")?;
        let lock: LockFile = toml::from_str(&lock).context("Cargo.lock is not understood")?;
        let checksums = (lock.package.into_iter())
            .filter_map(|it| Some(((it.name, it.version), it.checksum?)))
            .collect();
        let linked = linked(source, target)?;
        let packages = Self { metadata, linked, checksums };
        let found = packages.iter().count();
        ensure!(
            found == packages.linked.len(),
            "cargo tree names {} packages, of which cargo metadata knows {found}",
            packages.linked.len()
        );
        Ok(packages)
    }

    /// All of them, by name and version.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Package> {
        let mut packages: Vec<&Package> =
            self.metadata.packages.iter().filter(|it| self.linked.contains(&key(it))).collect();
        packages.sort_by_key(|it| (it.name.clone(), it.version.clone()));
        packages.into_iter()
    }

    /// Those that are not ours.
    pub(crate) fn of_others(&self) -> impl Iterator<Item = &Package> {
        self.iter().filter(|it| it.source.is_some())
    }

    /// The one whose program it is.
    pub(crate) fn root(&self) -> &Package {
        self.iter()
            .find(|it| it.name.as_str() == ROOT)
            .expect("a program is linked of its own crate")
    }

    /// The version of the release.
    pub(crate) fn version(&self) -> String {
        self.root().version.to_string()
    }

    /// The SHA-256 of a package's archive, hexadecimal, when it came from a registry.
    pub(crate) fn checksum(&self, package: &Package) -> Option<&str> {
        self.checksums.get(&key(package)).map(String::as_str)
    }

    /// What each package is linked with.
    pub(crate) fn edges(&self) -> BTreeMap<&PackageId, Vec<&PackageId>> {
        let linked: BTreeSet<&PackageId> = self.iter().map(|it| &it.id).collect();
        let nodes = self.metadata.resolve.iter().flat_map(|resolve| &resolve.nodes);
        nodes
            .filter(|node| linked.contains(&node.id))
            .map(|node| {
                let normal = node.deps.iter().filter(|dependency| {
                    dependency.dep_kinds.iter().any(|it| it.kind == DependencyKind::Normal)
                });
                let to = normal.map(|dependency| &dependency.pkg);
                (&node.id, to.filter(|id| linked.contains(id)).collect())
            })
            .collect()
    }
}

fn key(package: &Package) -> (String, String) {
    (package.name.to_string(), package.version.to_string())
}

fn linked(source: &Source, target: Target) -> anyhow::Result<BTreeSet<(String, String)>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .current_dir(source.folder())
        .args(["tree", "--locked", "-p", ROOT, "--target", target.triple()])
        .args(["-e", "normal,no-proc-macro", "--prefix", "none", "--format", "{p}"])
        .output()
        .context("cannot run cargo tree")?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "cargo tree failed: {}", errors.trim());
    let listing = String::from_utf8(output.stdout).context("cargo writes UTF-8")?;
    listing.lines().map(line).collect()
}

/// A line such as `serde v1.0.228 (*)`.
fn line(line: &str) -> anyhow::Result<(String, String)> {
    let mut words = line.split(' ');
    let name = words.next().filter(|name| !name.is_empty());
    let version = words.next().and_then(|version| version.strip_prefix('v'));
    let (name, version) = name.zip(version).with_context(|| format!("`{line}` is no package"))?;
    Ok((name.to_owned(), version.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_linked_of_its_own_crate_and_of_what_its_platform_needs() {
        let source = Source::find().unwrap();
        let of = |target| {
            let packages = Packages::of(&source, target).unwrap();
            packages.iter().map(|it| it.name.to_string()).collect::<BTreeSet<_>>()
        };
        let (linux, windows) = (of(Target::Linux), of(Target::Windows));
        for name in [ROOT, "steading-host", "wasmtime", "tokio"] {
            assert!(linux.contains(name) && windows.contains(name), "{name}");
        }
        assert!(windows.contains("windows-sys") && !linux.contains("windows-sys"));
        for name in ["steading-tests", "steading-benches", "serde_derive", "cc"] {
            assert!(!linux.contains(name), "{name} is not part of a program");
        }
    }

    #[test]
    fn what_is_no_package_is_refused() {
        assert_eq!(line("serde v1.0.2 (*)").unwrap(), ("serde".into(), "1.0.2".into()));
        assert!(line("").is_err() && line("serde").is_err());
    }
}
