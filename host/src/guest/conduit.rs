//! What the two sides of a running invocation share: the guest's side (its store, deep in a fiber)
//! and the worker's side, which polls it. One allocation for all of it.

use std::sync::atomic::AtomicBool;

use steading_protocol::Limits;

use super::cpu::CpuMeter;
use super::log::GuestLog;
use super::outlet::Outlet;
use super::writes::Writes;

/// The shared part of one invocation.
#[derive(Debug)]
pub(crate) struct Conduit {
    /// What the guest logged.
    pub(crate) log: GuestLog,
    /// A response that leaves before the guest ends.
    pub(crate) outlet: Outlet,
    /// What the guest may still write to files.
    pub(super) writes: Writes,
    /// The processor time that the guest used.
    pub(crate) cpu: CpuMeter,
    /// Set when the guest lets others run, as opposed to waiting for something.
    pub(crate) yielded: AtomicBool,
}

impl Conduit {
    /// A conduit of a function with these limits.
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            log: GuestLog::new(limits.log_bytes_max),
            outlet: Outlet::default(),
            writes: Writes::new(limits.file_write_bytes_max),
            cpu: CpuMeter::default(),
            yielded: AtomicBool::new(false),
        }
    }
}
