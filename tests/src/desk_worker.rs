//! A real worker, as a process, that is told what to do from a [`Desk`]. It may also be a manager's, where a
//! test has more to do with the worker than with the cluster.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::{Desk, JOIN_TOKEN, Process, Steading, http, role, scratch, wine};

/// A worker of a desk, with its state in a temporary folder that outlives its process.
#[derive(Debug)]
pub struct DeskWorker {
    steading: PathBuf,
    folder: TempDir,
    state: PathBuf,
    process: Process,
    url: String,
    control: String,
}

impl DeskWorker {
    /// Starts a worker at a desk, with more configuration behind what it needs.
    pub async fn start(steading: &Path, desk: &Desk, more: &str) -> Self {
        Self::join(steading, desk.url(), more).await
    }

    /// Starts a worker that joins a manager, with more configuration behind what it needs.
    pub async fn join(steading: &Path, manager: &str, more: &str) -> Self {
        Self::with_state(steading, manager, "state", more).await
    }

    /// Starts a worker at a desk with its state in this folder, below a temporary one unless it is absolute.
    pub async fn below(steading: &Path, desk: &Desk, state: &str) -> Self {
        Self::with_state(steading, desk.url(), state, "").await
    }

    async fn with_state(steading: &Path, manager: &str, state: &str, more: &str) -> Self {
        let folder = scratch();
        let state = folder.path().join(state);
        let state_dir = wine::told(steading, &state);
        let text = format!(
            "name = \"desk-worker\"\nlisten = \"127.0.0.1:0\"\ncontrol = \"127.0.0.1:0\"\n\
             manager = \"{manager}\"\nstate_dir = {state_dir:?}\n{more}"
        );
        role::written(folder.path().join("worker.toml"), &text);
        let (process, url, control) = Self::process(steading, folder.path()).await;
        Self { steading: steading.to_owned(), folder, state, process, url, control }
    }

    async fn process(steading: &Path, folder: &Path) -> (Process, String, String) {
        let command = Steading::at(steading)
            .args(["worker", "--json", "--config"])
            .args([wine::told(steading, &folder.join("worker.toml"))])
            .env("STEADING_JOIN_TOKEN", JOIN_TOKEN)
            .into_command();
        let mut process = Process::start("desk-worker", command).await;
        let ready = process.line("its address", role::ready).await;
        let url = |key| role::url_in(&ready, key).expect("a worker has two addresses");
        let (url, control) = (url("address"), url("control"));
        (process, url, control)
    }

    /// SIGKILL, and a new process with the same state, at other ports.
    pub async fn restart(&mut self) {
        self.stop().await;
        let started = Self::process(&self.steading, self.folder.path()).await;
        (self.process, self.url, self.control) = started;
    }

    /// SIGKILL.
    pub async fn stop(&mut self) {
        self.process.sigkill().await;
    }

    /// The files of compiled code.
    pub fn code(&self) -> Vec<PathBuf> {
        let mut files = vec![];
        let mut folders = vec![self.state.join("code")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == "cwasm") {
                    files.push(path);
                }
            }
        }
        files
    }

    /// Whether the state that it keeps for its next start has this text.
    pub fn keeps(&self, text: &str) -> bool {
        let kept = std::fs::read_to_string(self.state.join("desired.json"));
        kept.is_ok_and(|kept| kept.contains(text))
    }

    /// Where it answers calls.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where it tells of itself.
    pub fn control(&self) -> &str {
        &self.control
    }

    /// What its process has written.
    pub fn lines(&self) -> Vec<String> {
        self.process.lines()
    }

    /// Its process.
    pub fn process_mut(&mut self) -> &mut Process {
        &mut self.process
    }

    /// What `GET /functions/<app>/api/hello` answers: status and body.
    pub async fn hello(&self, app: &str) -> (u16, String) {
        let reply = http::get(&format!("{}/functions/{app}/api/hello", self.url)).await;
        (reply.status.as_u16(), reply.text())
    }
}

impl Drop for DeskWorker {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.process.tail());
        }
    }
}
