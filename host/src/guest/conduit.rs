//! What the two sides of a running invocation share: the guest's side (its store, deep in a fiber)
//! and the worker's side, which polls it. One allocation for all of it.

use std::sync::atomic::AtomicBool;

use super::cpu::CpuMeter;
use super::log::GuestLog;
use super::outlet::Outlet;

/// The shared part of one invocation.
#[derive(Debug)]
pub(crate) struct Conduit {
    /// What the guest logged.
    pub(crate) log: GuestLog,
    /// A response that leaves before the guest ends.
    pub(crate) outlet: Outlet,
    /// The processor time that the guest used.
    pub(crate) cpu: CpuMeter,
    /// Set when the guest lets others run, as opposed to waiting for something.
    pub(crate) yielded: AtomicBool,
}

impl Conduit {
    /// A conduit whose log takes so many bytes.
    pub(crate) fn new(log_bytes_max: u64) -> Self {
        Self {
            log: GuestLog::new(log_bytes_max),
            outlet: Outlet::default(),
            cpu: CpuMeter::default(),
            yielded: AtomicBool::new(false),
        }
    }
}
