//! The Windows binary under Wine, in a prefix of this test run's own: its registry, its drive `C:` and its
//! server, which are gone when the last test has dropped them. A `.exe` that a test starts runs this way.
//!
//! What Wine does is not what Windows does; which of it stands for Windows is said in `tests/it/wine`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, LazyLock, Weak};

use tempfile::TempDir;
use tokio::sync::Mutex;

use crate::process::bound_command;
use crate::{repository, scratch};

/// Names the Windows binary under test.
const BINARY: &str = "STEADING_WINDOWS_BINARY";

/// Set by CI: then what is missing is a failure, and not a reason to skip.
const REQUIRE: &str = "STEADING_REQUIRE_WINE";

/// Where Debian's package `wine64` puts its two programs.
const WINE: &str = "/usr/lib/wine/wine64";
const SERVER: &str = "/usr/lib/wine/wineserver64";

/// Debian's compiler for Windows, from the package `gcc-mingw-w64-x86-64-win32`.
const COMPILER: &str = "x86_64-w64-mingw32-gcc";

/// The Windows binary and its prefix.
#[derive(Debug)]
pub struct Wine(TempDir);

impl Wine {
    /// The one that all tests share which run at the same time; nothing, and a line that says why, where
    /// Wine or the binary is missing.
    pub async fn wanted() -> Option<Arc<Self>> {
        static CURRENT: LazyLock<Mutex<Weak<Wine>>> = LazyLock::new(Mutex::default);
        if let Some(missing) = missing() {
            let required = std::env::var(REQUIRE).is_ok_and(|value| value == "1");
            assert!(!required, "{REQUIRE} is set and {missing}");
            println!("SKIPPED: {missing}");
            return None;
        }
        let mut current = CURRENT.lock().await;
        if let Some(wine) = current.upgrade() {
            return Some(wine);
        }
        let made = tokio::task::spawn_blocking(|| Arc::new(Self::make()));
        let wine = made.await.expect("a prefix can be made");
        *current = Arc::downgrade(&wine);
        Some(wine)
    }

    /// The binary: a link in a folder with the library that Wine lacks.
    pub fn steading(&self) -> PathBuf {
        self.0.path().join("steading.exe")
    }

    fn make() -> Self {
        let wine = Self(scratch());
        let binary = std::env::var_os(BINARY).expect("it was looked for");
        link(&repository().join(binary), &wine.steading());
        let library = wine.0.path().join("bcryptprimitives.dll");
        let source = repository().join("tests/wine/bcryptprimitives.c");
        let mut compile = Command::new(COMPILER);
        compile.args(["-shared", "-O1", "-o"]).arg(library).arg(source).arg("-ladvapi32");
        succeeds(&mut compile);
        // the first start in a prefix fills it; a test that waits for an answer should not wait for that
        let mut boot = Command::new(WINE);
        boot.args(["wineboot", "--init"]).envs(environment(&wine.steading()));
        succeeds(&mut boot);
        wine
    }
}

impl Drop for Wine {
    fn drop(&mut self) {
        // this prefix's processes only: every prefix has a server of its own
        for what in ["-k", "-w"] {
            let mut server = Command::new(SERVER);
            server.arg(what).envs(environment(&self.steading()));
            server.stderr(Stdio::null()).status().ok();
        }
    }
}

/// Whether this is a program for Windows.
pub(crate) fn is_windows(program: &Path) -> bool {
    program.extension().is_some_and(|extension| extension == "exe")
}

/// A command for a program, with Wine in front of one for Windows.
pub(crate) fn command(program: &Path) -> tokio::process::Command {
    if cfg!(windows) || !is_windows(program) {
        return bound_command(program);
    }
    let mut command = bound_command(WINE);
    command.arg(program).envs(environment(program));
    command
}

/// A path as a program is told it: below the drive `Z:` for one for Windows, which is where Wine has ours.
pub fn told(program: &Path, path: &Path) -> PathBuf {
    if cfg!(windows) || !is_windows(program) {
        return path.to_owned();
    }
    format!("Z:{}", path.display()).replace('/', "\\").into()
}

fn environment(program: &Path) -> [(&'static str, PathBuf); 4] {
    let folder = program.parent().unwrap_or(Path::new("."));
    [
        ("WINEPREFIX", folder.join("prefix")),
        ("WINEDEBUG", "-all".into()),
        // neither .NET nor a browser is offered for installation, and no menus are made
        ("WINEDLLOVERRIDES", "mscoree,mshtml,winemenubuilder.exe=".into()),
        ("DISPLAY", PathBuf::new()),
    ]
}

fn missing() -> Option<String> {
    let Some(binary) = std::env::var_os(BINARY) else {
        return Some(format!("{BINARY} names no Windows binary"));
    };
    let binary = repository().join(binary);
    let files = [binary.as_path(), Path::new(WINE), Path::new(SERVER)];
    let file = files.into_iter().find(|path| !path.exists());
    let compiles = Command::new(COMPILER).arg("--version").output().is_ok();
    let compiler = (!compiles).then(|| Path::new(COMPILER));
    file.or(compiler).map(|path| format!("there is no {}", path.display()))
}

#[cfg(unix)]
fn link(to: &Path, link: &Path) {
    std::os::unix::fs::symlink(to, link).expect("a folder takes a link");
}

#[cfg(not(unix))]
fn link(to: &Path, link: &Path) {
    std::fs::copy(to, link).expect("a folder takes a file");
}

fn succeeds(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{said}", output.status);
}
