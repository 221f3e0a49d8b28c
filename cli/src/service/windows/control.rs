//! Registers a role with the service control manager, and asks that one to start and stop it.
//!
//! A service runs as its virtual account, `NT SERVICE\steading-worker`, which has no rights but those given to
//! it here: its state folder, and reading its configuration and its secrets. Where the secrets are stands in
//! its command line, what they are does not.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use windows_service::service::{
    Service, ServiceAccess, ServiceAction, ServiceActionType, ServiceErrorControl,
    ServiceFailureActions, ServiceFailureResetPeriod, ServiceInfo, ServiceStartType, ServiceState,
    ServiceType,
};
use windows_service::service_manager::{ServiceManager, ServiceManagerAccess};

use super::{
    ERROR_INVALID_LEVEL, ERROR_SERVICE_ALREADY_RUNNING, ERROR_SERVICE_NOT_ACTIVE, Place, code,
    event_log, refused,
};
use crate::exit::{Exit, Failure};
use crate::role::Role;
use crate::service::plan::{Plan, service_name};
use crate::terminal;

/// The pauses after which a service that has failed is started again; the last one is kept to.
const RESTART_AFTER_S: [u64; 3] = [1, 5, 30];

/// A service that has run so long is taken for a healthy one, and its failures are counted anew.
const HEALTHY_AFTER: Duration = Duration::from_secs(3600);

/// How long starting and stopping are waited for beyond what a role needs.
const WAIT_MAX: Duration = Duration::from_secs(180);
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Registers the service, with everything it needs. Does not start it.
pub(crate) fn install(plan: &Plan, _place: &Place) -> Result<(), Failure> {
    let name = plan.service();
    let state_dir = state_dir(plan.role)?;
    let access = ServiceManagerAccess::CONNECT | ServiceManagerAccess::CREATE_SERVICE;
    let manager = ServiceManager::local_computer(None::<&OsStr>, access)
        .map_err(refused("install", &name))?;
    let access = ServiceAccess::CHANGE_CONFIG | ServiceAccess::START | ServiceAccess::DELETE;
    let service = manager
        .create_service(&described(plan, &state_dir), access)
        .map_err(refused("install", &name))?;
    let done = keep_alive(&service, plan)
        .map_err(refused("set up", &name))
        .and_then(|()| surround(plan, &state_dir));
    if let Err(failure) = done {
        // half a service would run with too few rights, or too many
        service.delete().ok();
        return Err(failure);
    }
    terminal::line(format!("installed {name}, which runs as {}", account(&name)))?;
    Ok(terminal::line(format!("start it with `steading service start {}`", plan.role))?)
}

fn described(plan: &Plan, state_dir: &Path) -> ServiceInfo {
    let name = plan.service();
    let mut launch_arguments: Vec<OsString> = vec!["service".into(), "run".into()];
    for secret in &plan.secrets {
        let mut given = OsString::from(format!("{}=", secret.variable));
        given.push(&secret.path);
        launch_arguments.extend(["--secret-file".into(), given]);
    }
    launch_arguments.extend(plan.arguments(state_dir));
    ServiceInfo {
        display_name: plan.description().split(':').next().unwrap_or(&name).into(),
        service_type: ServiceType::OWN_PROCESS,
        start_type: ServiceStartType::AutoStart,
        error_control: ServiceErrorControl::Normal,
        executable_path: plan.program.clone(),
        launch_arguments,
        dependencies: vec![],
        account_name: Some(account(&name).into()),
        account_password: None,
        name: name.into(),
    }
}

/// Start with the machine but after what matters more, again after a failure, and time to drain.
fn keep_alive(service: &Service, plan: &Plan) -> windows_service::Result<()> {
    let restart = |seconds| ServiceAction {
        action_type: ServiceActionType::Restart,
        delay: Duration::from_secs(seconds),
    };
    let recovery = ServiceFailureActions {
        reset_period: ServiceFailureResetPeriod::After(HEALTHY_AFTER),
        reboot_msg: None,
        command: None,
        actions: Some(RESTART_AFTER_S.map(restart).to_vec()),
    };
    known("description", service.set_description(plan.description()))?;
    known("delayed start", service.set_delayed_auto_start(true))?;
    known("recovery", service.update_failure_actions(recovery))?;
    known("recovery from failures", service.set_failure_actions_on_non_crash_failures(true))?;
    known("time to stop", service.set_preshutdown_timeout(plan.needs.stop_after()))
}

/// What a system does not know (Wine knows few of these) is said and does without.
fn known(what: &str, set: windows_service::Result<()>) -> windows_service::Result<()> {
    match set {
        Err(error) if code(&error) == Some(ERROR_INVALID_LEVEL) => {
            terminal::remark(format!(
                "note: this system does not know the setting `{what}` of a service"
            ));
            Ok(())
        }
        set => set,
    }
}

/// Folder, rights, and the source of its events.
fn surround(plan: &Plan, state_dir: &Path) -> Result<(), Failure> {
    let account = account(&plan.service());
    std::fs::create_dir_all(state_dir)
        .with_context(|| format!("cannot make {}", state_dir.display()))?;
    // whoever can write there can run native code as the worker
    let modify = format!("{account}:(OI)(CI)M");
    // by number, because the names of groups are translated: Administrators and SYSTEM
    let others = ["*S-1-5-32-544:(OI)(CI)F", "*S-1-5-18:(OI)(CI)F"];
    icacls(state_dir, &["/inheritance:r", "/grant:r", &modify, others[0], others[1]])?;
    let read = format!("{account}:R");
    for path in plan.secrets.iter().map(|secret| &secret.path) {
        icacls(path, &["/inheritance:r", "/grant:r", &read, "*S-1-5-32-544:F", "*S-1-5-18:F"])?;
    }
    if let Some(config) = &plan.config {
        icacls(config, &["/grant", &read])?;
    }
    event_log::register(&plan.service()).context("cannot register the source of its events")?;
    Ok(())
}

fn icacls(path: &Path, arguments: &[&str]) -> anyhow::Result<()> {
    let output = Command::new("icacls").arg(path).args(arguments).output();
    let output = output.context("cannot start icacls")?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        anyhow::bail!("icacls cannot set the rights on {}: {}", path.display(), said.trim());
    }
    Ok(())
}

/// Stops the service and removes it. The state stays.
pub(crate) fn uninstall(role: Role, _place: &Place) -> Result<(), Failure> {
    let name = service_name(role);
    let access = ServiceAccess::QUERY_STATUS | ServiceAccess::STOP | ServiceAccess::DELETE;
    let service = open("uninstall", &name, access)?;
    end(&service, &name)?;
    service.delete().map_err(refused("uninstall", &name))?;
    event_log::forget(&name);
    let state_dir = state_dir(role)?;
    Ok(terminal::line(format!("removed {name}; its state stays in {}", state_dir.display()))?)
}

/// Starts it and waits until it says that it is ready.
pub(crate) fn start(role: Role) -> Result<(), Failure> {
    let name = service_name(role);
    let service = open("start", &name, ServiceAccess::QUERY_STATUS | ServiceAccess::START)?;
    match service.start::<&OsStr>(&[]) {
        Err(error) if code(&error) == Some(ERROR_SERVICE_ALREADY_RUNNING) => {}
        started => started.map_err(refused("start", &name))?,
    }
    match wait(&service, &name, ServiceState::StartPending)? {
        ServiceState::Running => Ok(terminal::line(format!("{name} is running"))?),
        state => {
            let message = format!("{name} is {}; the event log says why", word(state));
            Err(Failure::new(Exit::Other, message))
        }
    }
}

/// Stops it and waits until it has ended.
pub(crate) fn stop(role: Role) -> Result<(), Failure> {
    let name = service_name(role);
    let service = open("stop", &name, ServiceAccess::QUERY_STATUS | ServiceAccess::STOP)?;
    end(&service, &name)?;
    Ok(terminal::line(format!("{name} is stopped"))?)
}

/// Says how it is; one that does not run is a failure, as it is for systemd.
pub(crate) fn status(role: Role) -> Result<(), Failure> {
    let name = service_name(role);
    let service = open("look at", &name, ServiceAccess::QUERY_STATUS)?;
    let status = service.query_status().map_err(refused("look at", &name))?;
    let line = format!("{name} is {}", word(status.current_state));
    match (status.current_state, status.process_id) {
        (ServiceState::Running, Some(id)) => Ok(terminal::line(format!("{line}, process {id}"))?),
        (ServiceState::Running, None) => Ok(terminal::line(line)?),
        _ => Err(Failure::new(Exit::Other, line)),
    }
}

fn open(what: &str, name: &str, access: ServiceAccess) -> Result<Service, Failure> {
    let manager = ServiceManager::local_computer(None::<&OsStr>, ServiceManagerAccess::CONNECT);
    let manager = manager.map_err(refused(what, name))?;
    manager.open_service(name, access).map_err(refused(what, name))
}

fn end(service: &Service, name: &str) -> Result<(), Failure> {
    match service.stop() {
        Err(error) if code(&error) == Some(ERROR_SERVICE_NOT_ACTIVE) => return Ok(()),
        stopped => stopped.map_err(refused("stop", name))?,
    };
    match wait(service, name, ServiceState::StopPending)? {
        ServiceState::Stopped => Ok(()),
        state => Err(Failure::new(Exit::Other, format!("{name} is still {}", word(state)))),
    }
}

/// Waits while it is in a state that passes; one that was told to stop may yet run for a moment.
fn wait(service: &Service, name: &str, passing: ServiceState) -> Result<ServiceState, Failure> {
    let until = Instant::now() + WAIT_MAX;
    loop {
        let state = service.query_status().map_err(refused("look at", name))?.current_state;
        let stopping = passing == ServiceState::StopPending && state == ServiceState::Running;
        if (state != passing && !stopping) || Instant::now() > until {
            return Ok(state);
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

fn word(state: ServiceState) -> &'static str {
    match state {
        ServiceState::Running => "running",
        ServiceState::Stopped => "stopped",
        ServiceState::StartPending => "starting",
        ServiceState::StopPending => "stopping",
        _ => "paused",
    }
}

fn account(name: &str) -> String {
    format!(r"NT SERVICE\{name}")
}

fn state_dir(role: Role) -> Result<PathBuf, Failure> {
    let data = std::env::var_os("ProgramData").context("the environment has no ProgramData")?;
    Ok(PathBuf::from(data).join("Steading").join(role.name()))
}
