//! `steading new`: writes a new app's folder from the template that is compiled into this binary.
//!
//! Invariant: nothing that exists is overwritten.

use std::fs;
use std::path::{Path, PathBuf, absolute};

use anyhow::Context as _;
use clap::Args;
use include_dir::{Dir, File, include_dir};
use steading_protocol::AppName;

use crate::exit::{Exit, Failure};
use crate::terminal;

/// An app with one HTTP function and its test. Every file ends in `.template`, so that no tool takes
/// it for part of this workspace.
static TEMPLATE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/templates/http");
/// The ending that is taken off.
const ENDING: &str = ".template";

const EXAMPLES: &str = "\
Examples:
  steading new shop
  steading new shop --path work/shop --sdk ../steading/sdk

Then:
  cd shop && cargo test && steading dev";

/// Start a new app: a crate with one HTTP function and its test
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct NewArgs {
    /// The app's name: a-z, 0-9 and -, starting with a letter
    name: AppName,
    /// The folder to make [default: NAME]
    #[arg(long, value_name = "DIR")]
    path: Option<PathBuf>,
    /// Where the SDK's crate is [default: the checkout that this binary was built from]
    #[arg(long, value_name = "DIR")]
    sdk: Option<PathBuf>,
}

/// Runs the command.
pub(crate) fn run(args: &NewArgs) -> Result<(), Failure> {
    let folder = args.path.clone().unwrap_or_else(|| PathBuf::from(args.name.as_str()));
    let sdk = sdk_folder(args.sdk.as_deref())?;
    check_name(&args.name)?;
    check_empty(&folder)?;
    for file in files(&TEMPLATE) {
        write(file, &folder, &args.name, &sdk)?;
    }
    terminal::line(format!("made {} in {}", args.name, folder.display()))?;
    let folder = folder.display();
    terminal::remark(format!("\nnext:\n  cd {folder}\n  cargo test\n  steading dev"));
    Ok(())
}

/// Where the SDK's crate is. It is on no registry, so a binary that was moved away from its checkout
/// cannot know.
fn sdk_folder(given: Option<&Path>) -> Result<PathBuf, Failure> {
    let refuse = |message: String| Err(Failure::new(Exit::Usage, message));
    let is_crate = |folder: &Path| folder.join("Cargo.toml").is_file();
    if let Some(given) = given {
        if !is_crate(given) {
            return refuse(format!("no Cargo.toml in {}, so it is not the SDK", given.display()));
        }
        return Ok(absolute(given).context("cannot resolve --sdk")?);
    }
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("sdk");
    if !is_crate(&checkout) {
        return refuse(
            "say where the SDK is with --sdk DIR: the folder `sdk` of a checkout".into(),
        );
    }
    Ok(checkout)
}

/// Refuses the app names that cargo refuses as a package: keywords, and crates that come with Rust.
fn check_name(name: &AppName) -> Result<(), Failure> {
    const RESERVED: &str = "abstract alloc as async await become box break const continue core \
        crate do dyn else enum extern false final fn for if impl in let loop macro match mod move \
        mut priv proc-macro pub ref return static std struct super test trait true try type use \
        while";
    if RESERVED.split_whitespace().any(|word| word == name.as_str()) {
        let message = format!("`{name}` means something to Rust; choose another name");
        return Err(Failure::new(Exit::Usage, message));
    }
    Ok(())
}

fn check_empty(folder: &Path) -> Result<(), Failure> {
    let occupied = match fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_some(),
        Err(_) => folder.exists(),
    };
    if occupied {
        let message = format!("{} is there already and is not empty", folder.display());
        return Err(Failure::new(Exit::Usage, message));
    }
    Ok(())
}

fn files<'a>(folder: &'a Dir<'a>) -> Vec<&'a File<'a>> {
    folder.files().chain(folder.dirs().flat_map(files)).collect()
}

fn write(file: &File<'_>, folder: &Path, name: &AppName, sdk: &Path) -> anyhow::Result<()> {
    let relative = file.path().to_str().context("a template has a name that is not UTF-8")?;
    let path = folder.join(final_name(relative));
    let text = file.contents_utf8().context("a template is not UTF-8")?;
    let text = fill_in(text, name, sdk);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
    }
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// The name of a template's file in the new app. `gitignore` stands without its dot in the template,
/// because git would follow it there.
fn final_name(template: &str) -> &str {
    match template.strip_suffix(ENDING) {
        Some("gitignore") => ".gitignore",
        Some(name) => name,
        None => template,
    }
}

/// Fills in the placeholders: the name, and the SDK as cargo names a dependency.
fn fill_in(text: &str, name: &AppName, sdk: &Path) -> String {
    let path = toml::Value::from(sdk.to_string_lossy().as_ref());
    let dependency = format!("{{ path = {path} }}");
    text.replace("{{name}}", name.as_str()).replace("{{sdk}}", &dependency)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(folder: &Path) -> NewArgs {
        let sdk = folder.join("sdk");
        fs::create_dir_all(&sdk).unwrap();
        fs::write(sdk.join("Cargo.toml"), "").unwrap();
        NewArgs { name: "my-shop".parse().unwrap(), path: Some(folder.join("x")), sdk: Some(sdk) }
    }

    #[test]
    fn a_new_app_has_every_file_filled_in() {
        let folder = tempfile::tempdir().unwrap();
        run(&args(folder.path())).unwrap();
        let manifest = fs::read_to_string(folder.path().join("x/Cargo.toml")).unwrap();
        let table: toml::Table = toml::from_str(&manifest).unwrap();
        assert_eq!(table["package"]["name"].as_str(), Some("my-shop"));
        assert!(folder.path().join("x/src/lib.rs").is_file());
        assert!(folder.path().join("x/.gitignore").is_file());
        for file in files(&TEMPLATE) {
            let name = file.path().to_str().unwrap();
            assert!(name.ends_with(ENDING), "{name}");
            let text = fs::read_to_string(folder.path().join("x").join(final_name(name))).unwrap();
            assert!(!text.contains("{{"), "{name}: {text}");
        }
    }

    #[test]
    fn nothing_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        run(&args(folder.path())).unwrap();
        let failure = run(&args(folder.path())).unwrap_err();
        assert_eq!(failure.code(), 64);
        assert!(failure.line().contains("is not empty"), "{}", failure.line());
    }

    #[test]
    fn names_and_folders_that_cannot_work_are_refused() {
        assert!(check_name(&"test".parse().unwrap()).is_err());
        assert!(check_name(&"tests".parse().unwrap()).is_ok());
        let failure = sdk_folder(Some(Path::new("/does/not/exist"))).unwrap_err();
        assert!(failure.line().contains("is not the SDK"), "{}", failure.line());
    }

    #[test]
    fn a_path_is_filled_in_as_toml_reads_it() {
        for path in [r"C:\new\sdk", "/it's/sdk", "/a b/sdk"] {
            let text = fill_in("steading = {{sdk}}", &"a".parse().unwrap(), Path::new(path));
            let table: toml::Table = toml::from_str(&text).unwrap();
            assert_eq!(table["steading"]["path"].as_str(), Some(path));
        }
    }
}
