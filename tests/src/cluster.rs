//! One manager and its workers, each a process of the real binary on loopback with its state in a
//! temporary folder. Addresses are given by the system, and kept over a restart.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;
use steading_protocol::api::WorkerState;
use tempfile::TempDir;

use crate::role::{Role, Secrets, written};
use crate::{Api, Process, Steading, eventually, own_address, scratch};

/// How long the tests' manager waits for a silent worker: short, so that its loss is seen soon.
const LOST_AFTER_MS: u64 = 3000;

/// Starting a process and joining come within this on a busy machine.
const STARTED_WITHIN: Duration = Duration::from_secs(30);

/// What to start.
#[derive(Clone, Debug)]
pub struct Builder {
    steading: PathBuf,
    workers: usize,
    manager_keys: String,
    worker_tables: String,
    /// The state folders of workers that have one elsewhere.
    worker_state_dirs: Vec<(usize, PathBuf)>,
    secrets: Secrets,
}

/// Running processes; dropped, they are killed and their folder is removed.
#[derive(Debug)]
pub struct Cluster {
    settings: Builder,
    folder: TempDir,
    manager: Role,
    workers: Vec<Role>,
    api: Api,
}

impl Builder {
    /// A cluster without workers.
    pub fn new(steading: impl Into<PathBuf>) -> Self {
        let (steading, none) = (steading.into(), String::new());
        Self {
            steading,
            workers: 0,
            manager_keys: none.clone(),
            worker_tables: none,
            worker_state_dirs: vec![],
            secrets: Secrets::default(),
        }
    }

    /// How many workers to start.
    #[must_use]
    pub fn workers(self, workers: usize) -> Self {
        Self { workers, ..self }
    }

    /// The longest module that the manager takes.
    #[must_use]
    pub fn module_bytes_max(self, bytes: u64) -> Self {
        self.manager_key("module_bytes_max", bytes)
    }

    /// How large the manager's store may be.
    #[must_use]
    pub fn store_bytes_max(self, bytes: u64) -> Self {
        self.manager_key("store_bytes_max", bytes)
    }

    /// Tables at the end of every worker's configuration.
    #[must_use]
    pub fn worker_tables(self, tables: impl Into<String>) -> Self {
        Self { worker_tables: tables.into(), ..self }
    }

    /// Gives one worker its state folder.
    #[must_use]
    pub fn worker_state_dir(mut self, worker: usize, folder: &Path) -> Self {
        self.worker_state_dirs.push((worker, folder.to_owned()));
        self
    }

    fn manager_key(mut self, key: &str, value: u64) -> Self {
        self.manager_keys += &format!("{key} = {value}\n");
        self
    }

    /// Starts the manager, then the workers, and waits until all have joined.
    pub async fn start(self) -> Cluster {
        let folder = scratch();
        let config = manager_config(folder.path(), &own_address().to_string(), &self.manager_keys);
        let manager = Role::start(&self.steading, "manager", &config).await;
        let api = Api::sign_in(&manager.url).await;
        let mut cluster = Cluster { settings: self, folder, manager, workers: vec![], api };
        for worker in 0..cluster.settings.workers {
            let role = cluster.start_worker(worker, &own_address().to_string()).await;
            cluster.workers.push(role);
        }
        cluster.live(cluster.settings.workers).await;
        cluster
    }
}

impl Cluster {
    /// The manager's URL.
    pub fn manager(&self) -> &str {
        &self.manager.url
    }

    /// A worker's URL; workers count from 0.
    pub fn worker(&self, worker: usize) -> &str {
        &self.workers[worker].url
    }

    /// The URL of a worker's control port.
    pub fn control(&self, worker: usize) -> &str {
        self.workers[worker].control.as_deref().expect("a worker has a control port")
    }

    /// The URLs of all workers.
    pub fn workers(&self) -> Vec<&str> {
        self.workers.iter().map(|worker| worker.url.as_str()).collect()
    }

    /// The manager's API.
    pub fn api(&self) -> &Api {
        &self.api
    }

    /// A call of the command line with this manager and a token in its environment.
    pub fn steading(&self) -> Steading {
        Steading::at(&self.settings.steading)
            .within(self.folder.path())
            .env("STEADING_MANAGER", self.manager())
            .env("STEADING_TOKEN", self.api.token())
    }

    /// Waits until the manager counts `workers` live workers.
    pub async fn live(&self, workers: usize) {
        let what = format!("{workers} live workers");
        eventually(&what, STARTED_WITHIN, || async {
            let seen = self.api.status().await.workers;
            let live = seen.iter().filter(|worker| worker.state == WorkerState::Live).count();
            if live == workers { Ok(()) } else { Err(format!("{live} of {}", seen.len())) }
        })
        .await;
    }

    /// SIGKILL to one worker.
    pub async fn sigkill_worker(&mut self, worker: usize) {
        self.workers[worker].process.sigkill().await;
    }

    /// Starts a worker that has ended again, with its old folder at its old address.
    pub async fn start_worker_again(&mut self, worker: usize) {
        let address = address_of(&self.workers[worker].url);
        self.workers[worker] = self.start_worker(worker, &address).await;
    }

    /// SIGKILL to the manager.
    pub async fn sigkill_manager(&mut self) {
        self.manager.process.sigkill().await;
    }

    /// Starts the manager that has ended again, with its old folder at its old address.
    pub async fn start_manager_again(&mut self) {
        let address = address_of(&self.manager.url);
        let config = manager_config(self.folder.path(), &address, &self.settings.manager_keys);
        let Builder { steading, secrets, .. } = &self.settings;
        self.manager = Role::with_secrets(steading, "manager", &config, secrets).await;
    }

    /// As [`Cluster::start_manager_again`], with other secrets than before.
    pub async fn start_manager_with(&mut self, change: impl FnOnce(&mut Secrets)) {
        change(&mut self.settings.secrets);
        self.start_manager_again().await;
    }

    /// The manager's folder.
    pub fn manager_dir(&self) -> PathBuf {
        self.folder.path().join("manager")
    }

    /// What a worker's process has written.
    pub fn worker_lines(&self, worker: usize) -> Vec<String> {
        self.workers[worker].process.lines()
    }

    /// Keeps the manager from writing its store until the hold is dropped.
    pub fn hold_store(&self) -> Connection {
        let holder = Connection::open(self.manager_dir().join("steading.db"))
            .expect("the store is a file of SQLite");
        holder.busy_timeout(STARTED_WITHIN).expect("a timeout can be set");
        holder.execute_batch("BEGIN EXCLUSIVE").expect("the store is free now and then");
        holder
    }

    /// One worker's process.
    pub fn worker_process(&mut self, worker: usize) -> &mut Process {
        &mut self.workers[worker].process
    }

    async fn start_worker(&self, worker: usize, listen: &str) -> Role {
        let config = self.worker_config(&format!("worker-{worker}"), listen);
        Role::start(&self.settings.steading, "worker", &config).await
    }

    fn worker_config(&self, name: &str, listen: &str) -> PathBuf {
        let (manager, tables, folder) =
            (self.manager(), &self.settings.worker_tables, self.folder.path());
        let own = |(worker, _): &&(usize, PathBuf)| format!("worker-{worker}") == name;
        let own =
            self.settings.worker_state_dirs.iter().find(own).map(|(_, folder)| folder.clone());
        let state_dir = own.unwrap_or_else(|| folder.join(name));
        let text = format!(
            "name = \"{name}\"\nlisten = \"{listen}\"\ncontrol = \"127.0.0.1:0\"\n\
             manager = \"{manager}\"\nstate_dir = {state_dir:?}\n{tables}"
        );
        written(folder.join(format!("{name}.toml")), &text)
    }

    /// Shows the end of every process's output, for a failed test.
    pub(crate) fn print_logs(&self) {
        eprintln!("{}", self.manager.process.tail());
        self.workers.iter().for_each(|worker| eprintln!("{}", worker.process.tail()));
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.print_logs();
        }
    }
}

fn address_of(url: &str) -> String {
    url.trim_start_matches("http://").to_owned()
}

fn manager_config(folder: &Path, listen: &str, more: &str) -> PathBuf {
    let (data_dir, lost) = (folder.join("manager"), LOST_AFTER_MS);
    let text =
        format!("listen = \"{listen}\"\ndata_dir = {data_dir:?}\nlost_after_ms = {lost}\n{more}");
    written(folder.join("manager.toml"), &text)
}
