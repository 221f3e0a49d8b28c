//! Makes a release: for each platform an archive of the program, its docs and deployment files, the
//! licences of everything that is linked into it and an SBOM, and one file of checksums for all.
//!
//! A map. [`source`] is the checkout, [`binary`] builds the program of one platform and judges its size,
//! [`packages`] says what is linked into it, [`licences`] and [`bom`] tell that to people and to programs,
//! [`archive`] packs. Absent: signing and uploading, which belong to whoever holds the keys.
//!
//! Invariant: from one commit and one toolchain come the same archives but for the programs themselves;
//! nothing in them carries the time or the machine of their making.

#![allow(clippy::print_stdout)]

mod archive;
mod binary;
mod bom;
mod licences;
mod packages;
mod source;

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use clap::Parser;

use crate::archive::{Archive, Member};
use crate::binary::Binary;
use crate::packages::Packages;
use crate::source::Source;

/// Makes the archives of a release
#[derive(Debug, Parser)]
#[command(after_help = "Example:\n  cargo run -p steading-release -- --out dist")]
struct Args {
    /// The folder that the archives go to
    #[arg(long, default_value = "dist")]
    out: PathBuf,
    /// The platforms; may be given several times
    #[arg(long = "target", value_enum, default_values = ["x86_64-unknown-linux-gnu", "x86_64-pc-windows-gnu"])]
    targets: Vec<binary::Target>,
    /// Make it from a checkout with changes that are not committed
    #[arg(long)]
    allow_dirty: bool,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let source = Source::find()?;
    ensure!(
        args.allow_dirty || source.is_clean()?,
        "the checkout has changes that are not committed; commit them, or give --allow-dirty"
    );
    fs::create_dir_all(&args.out).with_context(|| format!("cannot make {}", args.out.display()))?;
    let mut checksums = String::new();
    for target in args.targets {
        let archive = release(&source, target)?;
        let path = args.out.join(&archive.name);
        fs::write(&path, &archive.bytes)
            .with_context(|| format!("cannot write {}", path.display()))?;
        println!("{}  {:.1} MB", path.display(), megabytes(archive.bytes.len() as u64));
        writeln!(checksums, "{}  {}", archive.sha256(), archive.name)?;
    }
    let path = args.out.join("SHA256SUMS");
    fs::write(&path, checksums).with_context(|| format!("cannot write {}", path.display()))?;
    println!("{}", path.display());
    Ok(())
}

fn release(source: &Source, target: binary::Target) -> anyhow::Result<Archive> {
    let packages = Packages::of(source, target)?;
    let texts = licences::page(&packages)?;
    let bom = bom::json(&packages, source.committed_at())?;
    let program = Binary::build(source, target)?;
    println!("{}  {:.1} MB", program.path.display(), megabytes(program.size_bytes));
    program.check_size()?;
    let mut members = vec![
        Member::program(target.file_name(), fs::read(&program.path)?),
        Member::text("THIRD-PARTY-LICENSES.txt", texts),
        Member::text("steading.cdx.json", bom),
    ];
    members.extend(source.members()?);
    let folder = format!("steading-{}-{}", packages.version(), target.triple());
    Archive::pack(&folder, members, target.format(), source.committed_at())
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
