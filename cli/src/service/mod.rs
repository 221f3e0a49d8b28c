//! A role as a service of the operating system, which starts it with the machine and again when it fails.
//! [`plan`] says what that takes whichever system it is; `systemd` and `windows` do it, and have the same
//! functions. Installing never starts anything, and what a service is told is where secrets are, never
//! what they are.

pub(crate) mod open_files;
mod plan;

#[cfg(unix)]
mod systemd;
#[cfg(unix)]
mod unit;
#[cfg(windows)]
mod windows;

#[cfg(windows)]
pub(crate) use plan::service_name;
pub(crate) use plan::{Needs, Plan, SecretFile};
#[cfg(unix)]
pub(crate) use systemd::{Place, install, start, status, stop, uninstall};
#[cfg(windows)]
pub(crate) use windows::{EventLog, Place, install, ready, run, start, status, stop, uninstall};
