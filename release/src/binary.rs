//! The program of one platform, as cargo builds it for release.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, ensure};
use cargo_metadata::{Message, TargetKind};
use clap::ValueEnum;

use crate::archive::Format;
use crate::source::Source;

/// The largest program that is released, bytes. It is copied to every worker and into every image.
const SIZE_BYTES_MAX: u64 = 45_000_000;

/// A platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Target {
    #[value(name = "x86_64-unknown-linux-gnu")]
    Linux,
    #[value(name = "x86_64-pc-windows-gnu")]
    Windows,
}

/// A built program.
pub(crate) struct Binary {
    pub(crate) path: PathBuf,
    pub(crate) size_bytes: u64,
}

impl Target {
    pub(crate) fn triple(self) -> &'static str {
        match self {
            Self::Linux => "x86_64-unknown-linux-gnu",
            Self::Windows => "x86_64-pc-windows-gnu",
        }
    }

    fn is_this_machine(self) -> bool {
        cfg!(target_arch = "x86_64")
            && match self {
                Self::Linux => cfg!(all(target_os = "linux", target_env = "gnu")),
                Self::Windows => cfg!(all(windows, target_env = "gnu")),
            }
    }

    pub(crate) fn file_name(self) -> &'static str {
        match self {
            Self::Linux => "steading",
            Self::Windows => "steading.exe",
        }
    }

    /// What people on the platform can open without installing anything.
    pub(crate) fn format(self) -> Format {
        match self {
            Self::Linux => Format::TarGz,
            Self::Windows => Format::Zip,
        }
    }
}

impl Binary {
    /// Builds it; cargo says on stderr how it goes.
    pub(crate) fn build(source: &Source, target: Target) -> anyhow::Result<Self> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut build = Command::new(cargo);
        build
            .current_dir(source.folder())
            .args([
                "build",
                "--profile",
                "dist",
                "--locked",
                "-p",
                "steading-cli",
                "--bin",
                "steading",
            ])
            .args(["--message-format", "json-render-diagnostics"]);
        // without its name the target folder is the one of every other build for this machine
        if !target.is_this_machine() {
            build.args(["--target", target.triple()]);
        }
        let output =
            build.stderr(std::process::Stdio::inherit()).output().context("cannot run cargo")?;
        ensure!(output.status.success(), "the program for {} does not build", target.triple());
        let executable = |message| match message {
            Ok(Message::CompilerArtifact(artifact)) => artifact
                .target
                .kind
                .contains(&TargetKind::Bin)
                .then_some(artifact.executable)
                .flatten(),
            _ => None,
        };
        let path = Message::parse_stream(output.stdout.as_slice()).find_map(executable);
        let path = path.context("cargo tells where the program is")?.into_std_path_buf();
        let size_bytes = std::fs::metadata(&path).context("the program is there")?.len();
        Ok(Self { path, size_bytes })
    }

    /// Refuses a program that is larger than it may be.
    pub(crate) fn check_size(&self) -> anyhow::Result<()> {
        let (is, may_be) = (crate::megabytes(self.size_bytes), crate::megabytes(SIZE_BYTES_MAX));
        ensure!(
            self.size_bytes <= SIZE_BYTES_MAX,
            "{} has {is:.1} MB; a program that is released has at most {may_be:.0} MB",
            self.path.display()
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_too_large_is_not_released() {
        let of = |size_bytes| Binary { path: "steading".into(), size_bytes }.check_size();
        assert!(of(45_000_000).is_ok());
        let error = of(45_100_000).unwrap_err().to_string();
        assert_eq!(error, "steading has 45.1 MB; a program that is released has at most 45 MB");
    }
}
