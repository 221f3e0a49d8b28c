//! Services on Linux: writes and removes the [`unit`], and calls `systemctl` for the rest.

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;
use clap::Args;

use super::plan::{Plan, service_name};
use super::unit::unit;
use crate::exit::{Exit, Failure, OrExit as _};
use crate::role::Role;
use crate::terminal;

/// Where an administrator's units belong.
const UNITS: &str = "etc/systemd/system";

/// Folders that services do not see, with `ProtectHome` and `PrivateTmp`.
const UNSEEN: [&str; 4] = ["/home", "/root", "/run/user", "/tmp"];

/// Where a unit goes, if not into the running system.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Place {
    /// Write below this folder, such as a mounted image, and leave the running system alone
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// Print the unit and do nothing
    #[arg(long, conflicts_with = "root")]
    print: bool,
}

impl Place {
    /// Where a file of the target is now.
    pub(crate) fn of(&self, path: &Path) -> PathBuf {
        match &self.root {
            Some(root) => root.join(path.strip_prefix("/").unwrap_or(path)),
            None => path.to_owned(),
        }
    }

    fn unit(&self, role: Role) -> PathBuf {
        let root = self.root.as_deref().unwrap_or(Path::new("/"));
        root.join(UNITS).join(format!("{}.service", service_name(role)))
    }

    /// `systemctl` for this place.
    fn systemctl(&self, arguments: &[&str]) -> Result<(), Failure> {
        let mut command = Command::new("systemctl");
        if let Some(root) = &self.root {
            command.arg("--root").arg(root);
        }
        systemctl(command.args(arguments))
    }
}

/// Writes the unit and has it started with the machine.
pub(crate) fn install(plan: &Plan, place: &Place) -> Result<(), Failure> {
    let text = unit(plan).or_exit(Exit::Usage)?;
    if place.print {
        return Ok(terminal::print(text)?);
    }
    for secret in &plan.secrets {
        private(&place.of(&secret.path))?;
    }
    if UNSEEN.iter().any(|folder| plan.program.starts_with(folder)) {
        let program = plan.program.display();
        terminal::remark(format!(
            "note: a service does not see {program}; copy the program to /usr/local/bin and install from there"
        ));
    }
    let path = place.unit(plan.role);
    let written = path
        .parent()
        .map_or(Ok(()), std::fs::create_dir_all)
        .and_then(|()| std::fs::write(&path, text));
    written.map_err(|error| refused("write", &path, error))?;
    if place.root.is_none() {
        place.systemctl(&["daemon-reload"])?;
    }
    place.systemctl(&["enable", &format!("{}.service", plan.service())])?;
    terminal::line(format!("installed {}", path.display()))?;
    if place.root.is_none() {
        terminal::line(format!("start it with `steading service start {}`", plan.role))?;
    }
    Ok(())
}

/// Stops it and removes the unit. The state stays.
pub(crate) fn uninstall(role: Role, place: &Place) -> Result<(), Failure> {
    let (path, name) = (place.unit(role), format!("{}.service", service_name(role)));
    if !path.exists() {
        let message = format!("there is no {}", path.display());
        return Err(Failure::new(Exit::Usage, message));
    }
    match place.root {
        None => place.systemctl(&["disable", "--now", &name])?,
        Some(_) => place.systemctl(&["disable", &name])?,
    }
    std::fs::remove_file(&path).map_err(|error| refused("remove", &path, error))?;
    if place.root.is_none() {
        place.systemctl(&["daemon-reload"])?;
    }
    terminal::line(format!(
        "removed {}; its state stays in /var/lib/steading/{role}",
        path.display()
    ))?;
    Ok(())
}

/// Starts it and waits until it says that it is ready.
pub(crate) fn start(role: Role) -> Result<(), Failure> {
    of_unit("start", role)
}

/// Stops it and waits until it has ended.
pub(crate) fn stop(role: Role) -> Result<(), Failure> {
    of_unit("stop", role)
}

/// Shows how it is.
pub(crate) fn status(role: Role) -> Result<(), Failure> {
    let name = format!("{}.service", service_name(role));
    systemctl(Command::new("systemctl").args(["status", "--no-pager", &name]))
}

fn of_unit(verb: &str, role: Role) -> Result<(), Failure> {
    systemctl(Command::new("systemctl").args([verb, &format!("{}.service", service_name(role))]))
}

/// Its output goes where ours goes, and its reason with it.
fn systemctl(command: &mut Command) -> Result<(), Failure> {
    let status = command.status().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            let message = "there is no systemctl here; `steading service install ROLE --print` shows the unit";
            Failure::new(Exit::Usage, message)
        }
        _ => anyhow::Error::from(error).context("cannot start systemctl").into(),
    })?;
    match status.success() {
        true => Ok(()),
        false => {
            let verb: Vec<_> = command.get_args().map(|arg| arg.to_string_lossy()).collect();
            let message = format!("`systemctl {}` ended with {status}", verb.join(" "));
            Err(Failure::new(Exit::Other, message))
        }
    }
}

/// A secret's file must be there, and be its owner's alone.
fn private(path: &Path) -> Result<(), Failure> {
    let metadata = std::fs::metadata(path)
        .with_context(|| format!("cannot look at the secret's file {}", path.display()))
        .or_exit(Exit::Usage)?;
    match metadata.permissions().mode() & 0o077 {
        0 => Ok(()),
        _ => {
            let path = path.display();
            let message = format!("others than its owner can read {path}: chmod 600 {path}");
            Err(Failure::new(Exit::Usage, message))
        }
    }
}

fn refused(what: &str, path: &Path, error: io::Error) -> Failure {
    let failed = format!("cannot {what} {}", path.display());
    if error.kind() == io::ErrorKind::PermissionDenied {
        let message = format!("{failed}: permission denied; run it as root, as with sudo");
        return Failure::new(Exit::Denied, message);
    }
    anyhow::Error::from(error).context(failed).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_right_says_which_user_has_it() {
        let path = Path::new("/etc/systemd/system/steading-worker.service");
        let failure = refused("write", path, io::ErrorKind::PermissionDenied.into());
        assert_eq!(failure.code(), 77);
        assert!(failure.line().ends_with("permission denied; run it as root, as with sudo"));
    }

    #[test]
    fn a_secret_that_others_can_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        assert_eq!(private(&path).unwrap_err().code(), 64);
        std::fs::write(&path, "x").unwrap();
        let set =
            |mode| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        set(0o640);
        assert!(private(&path).unwrap_err().line().contains("chmod 600"));
        set(0o600);
        assert!(private(&path).is_ok());
    }

    #[test]
    fn files_of_another_root_are_found_below_it() {
        let place = Place { root: Some("/mnt/image".into()), print: false };
        assert_eq!(place.of(Path::new("/etc/x")), Path::new("/mnt/image/etc/x"));
        let unit = "/mnt/image/etc/systemd/system/steading-worker.service";
        assert_eq!(place.unit(Role::Worker), Path::new(unit));
        assert_eq!(Place::default().of(Path::new("/etc/x")), Path::new("/etc/x"));
    }
}
