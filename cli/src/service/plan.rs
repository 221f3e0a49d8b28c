//! What a service of the operating system needs to know of a role, whichever system it is. Pure.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::open_files;
use crate::role::Role;

/// A role as a service.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) role: Role,
    /// This program.
    pub(crate) program: PathBuf,
    /// The configuration of the role.
    pub(crate) config: Option<PathBuf>,
    /// The files that secrets are in.
    pub(crate) secrets: Vec<SecretFile>,
    /// What the configuration says that concerns the system.
    pub(crate) needs: Needs,
}

/// A secret of a role and the file that an administrator keeps it in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SecretFile {
    /// The variable, without `_FILE`.
    pub(crate) variable: &'static str,
    pub(crate) path: PathBuf,
}

/// What the configuration of a role says that concerns the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Needs {
    /// Files open at once.
    pub(crate) open_files: u64,
    /// How long it may take to end.
    pub(crate) drain: Duration,
    /// The lowest port that it listens on.
    pub(crate) port_min: u16,
}

/// A manager lets requests end for ten seconds, and its gateway for what a gateway's configuration has.
const MANAGER_DRAIN: Duration = Duration::from_secs(30);

/// After the drain: telling the manager, closing files.
const STOP_SLACK: Duration = Duration::from_secs(15);

impl Needs {
    pub(crate) fn of_manager(config: &steading_manager::Config) -> Self {
        let open_files = open_files::manager();
        Self { open_files, drain: MANAGER_DRAIN, port_min: config.listen.port() }
    }

    pub(crate) fn of_worker(config: &steading_host::Config) -> Self {
        let drain = Duration::from_millis(config.server.drain_ms_max);
        Self::of_sockets(open_files::worker(config), drain, [config.listen, config.control])
    }

    pub(crate) fn of_gateway(config: &steading_gateway::Config) -> Self {
        let drain = Duration::from_millis(config.server.drain_ms_max);
        Self::of_sockets(open_files::gateway(config), drain, [config.listen, config.control])
    }

    fn of_sockets(open_files: u64, drain: Duration, sockets: [SocketAddr; 2]) -> Self {
        let [listen, control] = sockets.map(|address| address.port());
        Self { open_files, drain, port_min: listen.min(control) }
    }

    /// After this a service that does not end may be ended.
    pub(crate) fn stop_after(self) -> Duration {
        self.drain + STOP_SLACK
    }
}

impl Plan {
    /// The name of the service.
    pub(crate) fn service(&self) -> String {
        service_name(self.role)
    }

    /// What people see in a list of services.
    pub(crate) fn description(&self) -> &'static str {
        match self.role {
            Role::Manager => "Steading manager: portal, API, and the record of what runs where",
            Role::Worker => "Steading worker: runs functions as WebAssembly sandboxes",
            Role::Gateway => "Steading gateway: one address in front of all workers",
        }
    }

    /// The arguments of the role, with its state in a folder that the system gives it. That flag goes before
    /// the file: nothing else can be written there.
    pub(crate) fn arguments(&self, state_dir: impl Into<OsString>) -> Vec<OsString> {
        let mut arguments = vec![OsString::from(self.role.name())];
        if let Some(config) = &self.config {
            arguments.extend(["--config".into(), config.into()]);
        }
        let flag = if self.role == Role::Manager { "--data-dir" } else { "--state-dir" };
        arguments.extend([flag.into(), state_dir.into()]);
        arguments
    }
}

/// The name of a role's service.
pub(crate) fn service_name(role: Role) -> String {
    format!("steading-{role}")
}
