//! `steading dev` on an app's folder, on ports that the system gives.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use crate::{Process, Steading, scratch};

/// A running `steading dev`; dropped, it is killed.
#[derive(Debug)]
pub struct Dev {
    process: Process,
    function: String,
    sign_in: String,
    _state: TempDir,
}

impl Dev {
    /// Starts it and waits until it has told where the app answers. `steading` is a call of the binary
    /// without arguments.
    pub async fn start(steading: Steading, app: &Path) -> Self {
        let state = scratch();
        let ports = ["--manager-port=0", "--worker-port=0", "--control-port=0"];
        let arguments = [app.to_owned(), PathBuf::from("--state"), state.path().to_owned()];
        let steading = steading.args(["dev"]).args(ports).args(arguments);
        let mut process = Process::start("dev", steading.into_command()).await;
        let function = process.line("the functions' addresses", |line| url(line, "/api/")).await;
        let sign_in = process.line("the portal's address", |line| url(line, "/sign-in")).await;
        Self { process, function, sign_in, _state: state }
    }

    /// The URL of the app's first function.
    pub fn function(&self) -> &str {
        &self.function
    }

    /// The link that signs a browser in.
    pub fn sign_in(&self) -> &str {
        &self.sign_in
    }

    /// Waits until a line of the output has this text.
    pub async fn says(&mut self, text: &str) {
        self.process.line(text, |line| line.contains(text).then_some(())).await;
    }

    /// Ctrl-C's sibling; asserts that it ends well.
    pub async fn stop(mut self) {
        self.process.sigterm();
        let status = self.process.ended(Duration::from_secs(20)).await;
        assert!(status.success(), "it ends with {status}\n{}", self.process.tail());
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.process.tail());
        }
    }
}

/// The loopback URL in a line, when it has `part` in its path.
fn url(line: &str, part: &str) -> Option<String> {
    let start = line.find("http://127.0.0.1:")?;
    let url = line[start..].split_whitespace().next()?;
    url.contains(part).then(|| url.to_owned())
}
