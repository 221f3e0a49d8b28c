//! What the two sides of a running invocation share: the guest's side (its store, deep in a fiber)
//! and the worker's side, which polls it. One allocation for all of it.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use arc_swap::ArcSwap;
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

/// The conduit of the invocation that runs, for what an instance holds on to: of a fresh instance always the one, of
/// one that serves several whichever it is.
#[derive(Clone)]
pub(super) enum Running {
    One(Arc<Conduit>),
    Each(Arc<ArcSwap<Conduit>>),
}

impl Running {
    /// Does something with it.
    pub(super) fn with<T>(&self, act: impl FnOnce(&Conduit) -> T) -> T {
        match self {
            Self::One(conduit) => act(conduit),
            Self::Each(conduit) => act(&conduit.load()),
        }
    }
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
