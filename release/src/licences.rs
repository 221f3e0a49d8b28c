//! The licences of what is linked into a program, for people: which package has which, and every text.
//!
//! The texts are those that the packages bring; for one that brings none, SPDX's. Invariant: a package
//! whose licence is not among the [`ACCEPTED`] stops the release.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, anyhow, ensure};
use cargo_metadata::Package;
use spdx::{Expression, LicenseReq, Licensee, ParseMode};

use crate::packages::Packages;

/// Licences under which Steading may be passed on as a binary, by SPDX identifier: each asks for its text
/// to come along, or for nothing.
const ACCEPTED: [&str; 12] = [
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "MIT",
    "MIT-0",
    "ISC",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "Zlib",
    "Unicode-3.0",
    "CC0-1.0",
    "Unlicense",
];

/// What is linked in and is no package of cargo's.
const BESIDES: &str = "\
Linked in as well:
  the Rust standard library (https://github.com/rust-lang/rust): MIT OR Apache-2.0
  SQLite, in libsqlite3-sys (https://www.sqlite.org): in the public domain
  for Windows, start-up code and import libraries of mingw-w64 (https://www.mingw-w64.org): in the
  public domain or under the Zope Public License 2.1, and of libgcc: GPL-3.0 with GCC-exception-3.1
";

/// A licence that would not do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LicenceError {
    #[error("{0} says nothing of its licence")]
    Absent(String),
    #[error("{package} is under `{expression}`, which is not accepted")]
    NotAccepted { package: String, expression: String },
}

/// The page with all of them.
pub(crate) fn page(packages: &Packages) -> anyhow::Result<String> {
    let mut page = String::from("Steading is linked of these packages, under these licences:\n\n");
    let mut texts = BTreeMap::<String, BTreeSet<String>>::new();
    for package in packages.of_others() {
        let (name, expression) = (name(package), expression(package)?);
        chosen(&name, &expression)?;
        writeln!(page, "  {name}: {expression}")?;
        for text in texts_of(package, &expression)? {
            texts.entry(text).or_default().insert(name.clone());
        }
    }
    write!(page, "\n{BESIDES}")?;
    let mut texts: Vec<_> = texts.into_iter().collect();
    texts.sort_by(|(_, one), (_, other)| one.cmp(other));
    for (text, names) in texts {
        let names: Vec<String> = names.into_iter().collect();
        let rule = "=".repeat(80);
        write!(page, "\n{rule}\n{}\n{rule}\n\n{text}", names.join(", "))?;
    }
    Ok(page)
}

/// A package's licence as SPDX writes it, also where the package writes it in an older way.
pub(crate) fn expression(package: &Package) -> anyhow::Result<String> {
    let stated = package.license.as_deref().ok_or_else(|| LicenceError::Absent(name(package)))?;
    let canonical = Expression::canonicalize(stated)
        .with_context(|| format!("{}: `{stated}` is no licence", name(package)))?;
    Ok(canonical.unwrap_or_else(|| stated.to_owned()))
}

/// The licences that we take a package under.
fn chosen(package: &str, expression: &str) -> anyhow::Result<Vec<LicenseReq>> {
    let parsed = Expression::parse_mode(expression, ParseMode::LAX)
        .with_context(|| format!("{package}: `{expression}` is no licence"))?;
    let accepted = ACCEPTED.map(|id| Licensee::parse(id).expect("a licence that SPDX knows"));
    parsed.minimized_requirements(accepted.iter()).map_err(|_unmet| {
        let (package, expression) = (package.to_owned(), expression.to_owned());
        anyhow!(LicenceError::NotAccepted { package, expression })
    })
}

fn texts_of(package: &Package, expression: &str) -> anyhow::Result<Vec<String>> {
    let folder = package.manifest_path.parent().context("a manifest lies in a folder")?;
    let brought = brought(folder.as_std_path())?;
    if !brought.is_empty() {
        return Ok(brought);
    }
    let (name, mut texts) = (name(package), vec![]);
    for licence in chosen(&name, expression)? {
        let id = licence.license.id().context("an accepted licence is one that SPDX knows")?;
        let exception = licence.addition.iter().filter_map(|addition| addition.id());
        let text = std::iter::once(id.text()).chain(exception.map(spdx::ExceptionId::text));
        let by = package.authors.join(", ");
        let by = if by.is_empty() { format!("The authors of {}", package.name) } else { by };
        texts.push(format!("{licence}, {by}\n\n{}\n", text.collect::<Vec<_>>().join("\n\n")));
    }
    ensure!(!texts.is_empty(), "{name}: no text for `{expression}`");
    Ok(texts)
}

/// The licence files of a package's folder, with plain line ends.
fn brought(folder: &Path) -> anyhow::Result<Vec<String>> {
    let failed = || format!("cannot read {}", folder.display());
    let mut paths = vec![];
    for entry in fs::read_dir(folder).with_context(failed)? {
        let entry = entry.with_context(failed)?;
        if is_licence(&entry.file_name().to_string_lossy()) && entry.path().is_file() {
            paths.push(entry.path());
        }
    }
    paths.sort();
    let read = |path: &std::path::PathBuf| {
        let bytes = fs::read(path).with_context(failed)?;
        Ok(format!("{}\n", String::from_utf8_lossy(&bytes).replace("\r\n", "\n").trim_end()))
    };
    paths.iter().map(read).collect()
}

fn is_licence(file: &str) -> bool {
    let file = file.to_ascii_lowercase();
    let (stem, extension) = file.split_once('.').unwrap_or((&file, ""));
    let begins = ["license", "licence", "copying", "notice", "unlicense", "copyright"];
    begins.iter().any(|begin| stem.starts_with(begin))
        && !["rs", "html", "json"].contains(&extension)
}

fn name(package: &Package) -> String {
    format!("{} {}", package.name, package.version)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::binary::Target;
    use crate::source::Source;

    #[test]
    fn everything_that_is_linked_has_an_accepted_licence_and_a_text() {
        for target in [Target::Linux, Target::Windows] {
            let packages = Packages::of(&Source::find().unwrap(), target).unwrap();
            let page = page(&packages).unwrap();
            for package in packages.of_others() {
                let name = name(package);
                assert!(page.contains(&format!("\n  {name}: ")), "{name} is listed");
                let heading = |line: &str| line.split(", ").any(|it| it == name);
                assert!(page.lines().any(heading), "{name} has a text");
            }
        }
    }

    #[test]
    fn a_licence_that_is_not_accepted_is_named_with_its_package() {
        let error = chosen("x 1.0.0", "GPL-3.0-only").unwrap_err().to_string();
        assert_eq!(error, "x 1.0.0 is under `GPL-3.0-only`, which is not accepted");
        assert!(chosen("x 1.0.0", "MIT AND GPL-3.0-only").is_err());
        assert!(chosen("x 1.0.0", "MIT OR GPL-3.0-only").is_ok());
        assert!(chosen("x 1.0.0", "none of ours").is_err());
    }

    #[test]
    fn licence_files_are_told_from_others() {
        for name in ["LICENSE", "LICENSE-MIT", "licence.md", "COPYING.txt", "NOTICE", "UNLICENSE"] {
            assert!(is_licence(name), "{name}");
        }
        for name in ["README.md", "license.rs", "src", "Cargo.toml"] {
            assert!(!is_licence(name), "{name}");
        }
    }
}
