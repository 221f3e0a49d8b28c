//! The checkout that a release is made from.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use jiff::Timestamp;

use crate::archive::Member;

/// What of the checkout goes into an archive beside the program.
const SHIPPED: [&str; 4] = ["README.md", "LICENSE", "docs", "deploy"];

/// A checkout of Steading at one commit.
pub(crate) struct Source {
    folder: PathBuf,
    committed_at: Timestamp,
}

impl Source {
    /// The checkout that this program was built from.
    pub(crate) fn find() -> anyhow::Result<Self> {
        let folder =
            Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("a crate has a parent")?;
        let seconds = git(folder, &["log", "-1", "--format=%ct"])?;
        let seconds =
            seconds.trim().parse().context("git tells the time of a commit in seconds")?;
        Ok(Self { folder: folder.to_owned(), committed_at: Timestamp::from_second(seconds)? })
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// When the commit was made.
    pub(crate) fn committed_at(&self) -> Timestamp {
        self.committed_at
    }

    /// Whether everything in it is committed.
    pub(crate) fn is_clean(&self) -> anyhow::Result<bool> {
        Ok(git(&self.folder, &["status", "--porcelain"])?.is_empty())
    }

    /// The files of the checkout that go into an archive; only those that git knows.
    pub(crate) fn members(&self) -> anyhow::Result<Vec<Member>> {
        let mut listing = vec!["ls-files", "-z", "--"];
        listing.extend(SHIPPED);
        let paths = git(&self.folder, &listing)?;
        let paths = paths.split('\0').filter(|path| !path.is_empty());
        paths
            .map(|path| {
                let bytes = fs::read(self.folder.join(path));
                Ok(Member::text(path, bytes.with_context(|| format!("cannot read {path}"))?))
            })
            .collect()
    }
}

fn git(folder: &Path, arguments: &[&str]) -> anyhow::Result<String> {
    let output = Command::new("git").arg("-C").arg(folder).args(arguments).output();
    let output = output.context("cannot run git")?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "git {} failed: {}", arguments.join(" "), errors.trim());
    String::from_utf8(output.stdout).context("git writes UTF-8")
}
