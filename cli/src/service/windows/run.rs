//! A role as a running service: what the service control manager calls, and how it hears of start, drain and
//! end.
//!
//! That manager calls a function with no place for anything of ours, so what it needs stands in statics. Its
//! handler captures nothing on purpose: the crate frees what a handler has captured once the service was told
//! to stop, and the manager may still ask it how it is during the drain.

use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tracing::Level;
use windows_service::define_windows_service;
use windows_service::service::{
    ServiceControl, ServiceControlAccept, ServiceExitCode, ServiceState, ServiceStatus, ServiceType,
};
use windows_service::service_control_handler::{
    self, ServiceControlHandlerResult, ServiceStatusHandle,
};
use windows_service::service_dispatcher;

use super::{ERROR_FAILED_SERVICE_CONTROLLER_CONNECT, EventLog, code};
use crate::commands::service::{RoleCommand, RunArgs};
use crate::commands::{gateway, manager, worker};
use crate::exit::{Exit, Failure};
use crate::role::Role;
use crate::secrets;
use crate::service::plan::service_name;

/// How often the manager hears that the drain goes on, and within what it may expect to.
const TELL_EVERY: Duration = Duration::from_secs(1);
const TELL_WITHIN: Duration = Duration::from_secs(10);

/// A role reads its state and opens its ports within this.
const START_WITHIN: Duration = Duration::from_secs(60);

/// What the process was started for.
static LAUNCH: Mutex<Option<Launch>> = Mutex::new(None);
/// The service, once the manager knows it.
static SERVICE: OnceLock<Service> = OnceLock::new();

struct Launch {
    role: RoleCommand,
    name: String,
    runtime: Handle,
}

struct Service {
    handle: ServiceStatusHandle,
    name: String,
    stop: CancellationToken,
}

/// Runs a role as a service. Only what the service control manager starts can be one.
pub(crate) fn run(args: RunArgs) -> Result<(), Failure> {
    let RunArgs { role, secret_file } = args;
    secrets::from_files(secret_file);
    let name = service_name(match role {
        RoleCommand::Manager(_) => Role::Manager,
        RoleCommand::Worker(_) => Role::Worker,
        RoleCommand::Gateway(_) => Role::Gateway,
    });
    let launch = Launch { role, name: name.clone(), runtime: Handle::current() };
    *LAUNCH.lock().unwrap_or_else(PoisonError::into_inner) = Some(launch);
    let ended = tokio::task::block_in_place(|| entry::start(&name));
    ended.map_err(|error| match code(&error) {
        Some(ERROR_FAILED_SERVICE_CONTROLLER_CONNECT) => {
            let message = "this is what Windows calls; use `steading service start`, or run the role without \
                           `service run`";
            Failure::new(Exit::Usage, message)
        }
        _ => anyhow::Error::from(error).context("cannot become a service").into(),
    })
}

#[allow(unsafe_code)] // in the macro: reading the arguments that the manager passes
mod entry {
    use super::{called_by_manager, define_windows_service, service_dispatcher};

    define_windows_service!(ffi_called, called_by_manager);

    /// Blocks until the service has ended.
    pub(super) fn start(name: &str) -> windows_service::Result<()> {
        service_dispatcher::start(name, ffi_called)
    }
}

/// The life of a service, on a thread that the manager has made.
fn called_by_manager(_arguments: Vec<std::ffi::OsString>) {
    let launch = LAUNCH.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some(Launch { role, name, runtime }) = launch else { return };
    let Ok(handle) = service_control_handler::register(&name, control) else { return };
    let log = EventLog::open(&name).ok();
    let stop = CancellationToken::new();
    let service =
        SERVICE.get_or_init(|| Service { handle, name: name.clone(), stop: stop.clone() });
    service.tell(ServiceState::StartPending, 1, START_WITHIN);
    let ended = runtime.block_on(async {
        let telling = tokio::spawn(tell_of_drain(service));
        let ended = match role {
            RoleCommand::Manager(args) => manager::serve(args, stop).await,
            RoleCommand::Worker(args) => worker::serve(args, stop).await,
            RoleCommand::Gateway(args) => gateway::serve(args, stop).await,
        };
        telling.abort();
        ended
    });
    let exit = match &ended {
        Ok(()) => ServiceExitCode::NO_ERROR,
        Err(failure) => ServiceExitCode::ServiceSpecific(failure.code().into()),
    };
    if let Some(log) = log {
        match &ended {
            Ok(()) => log.say(Level::INFO, &format!("{name} has stopped")),
            Err(failure) => log.say(Level::ERROR, &format!("{name} failed: {}", failure.line())),
        }
    }
    service.ended(exit);
}

/// Hears the manager. Captures nothing; see the top.
fn control(control: ServiceControl) -> ServiceControlHandlerResult {
    match control {
        ServiceControl::Stop | ServiceControl::Preshutdown => {
            if let Some(service) = SERVICE.get() {
                service.tell(ServiceState::StopPending, 1, TELL_WITHIN);
                service.stop.cancel();
            }
            ServiceControlHandlerResult::NoError
        }
        ServiceControl::Interrogate => ServiceControlHandlerResult::NoError,
        _ => ServiceControlHandlerResult::NotImplemented,
    }
}

/// Counts up while the role drains, so that the manager knows that it is not stuck.
async fn tell_of_drain(service: &'static Service) {
    service.stop.cancelled().await;
    for checkpoint in 2.. {
        tokio::time::sleep(TELL_EVERY).await;
        service.tell(ServiceState::StopPending, checkpoint, TELL_WITHIN);
    }
}

/// The role answers: the manager and the event log hear of it. Nothing where the process is no service.
pub(crate) fn ready(line: &str) {
    if let Some(service) = SERVICE.get() {
        service.tell(ServiceState::Running, 0, Duration::ZERO);
        if let Ok(log) = EventLog::open(&service.name) {
            log.say(Level::INFO, &format!("{} has started: {line}", service.name));
        }
    }
}

impl Service {
    fn tell(&self, state: ServiceState, checkpoint: u32, within: Duration) {
        let accepted = match state {
            // before the machine is shut down, and not while: there is time to drain then
            ServiceState::Running => ServiceControlAccept::STOP | ServiceControlAccept::PRESHUTDOWN,
            _ => ServiceControlAccept::empty(),
        };
        self.set(state, accepted, ServiceExitCode::NO_ERROR, checkpoint, within);
    }

    fn ended(&self, exit_code: ServiceExitCode) {
        let none = ServiceControlAccept::empty();
        self.set(ServiceState::Stopped, none, exit_code, 0, Duration::ZERO);
    }

    fn set(
        &self,
        current_state: ServiceState,
        controls_accepted: ServiceControlAccept,
        exit_code: ServiceExitCode,
        checkpoint: u32,
        wait_hint: Duration,
    ) {
        let status = ServiceStatus {
            service_type: ServiceType::OWN_PROCESS,
            current_state,
            controls_accepted,
            exit_code,
            checkpoint,
            wait_hint,
            process_id: None,
        };
        if let Err(error) = self.handle.set_service_status(status) {
            tracing::warn!(error = %error, "The service control manager could not be told");
        }
    }
}
