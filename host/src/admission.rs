//! Permits: how many invocations may run at once. Overload answers at once; nobody queues here.
//! Invariant: permits never exceed the pool's instances, so a permit means an instance can be had.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Hands out permits, up to a fixed number.
#[derive(Debug)]
pub(crate) struct Admission {
    running: AtomicU64,
    max: u64,
}

/// The right to run one invocation; given back on drop.
#[derive(Debug)]
pub(crate) struct Permit(Arc<Admission>);

/// Every permit is taken.
#[derive(Debug, thiserror::Error)]
#[error("all {max} invocations of this worker are taken")]
pub(crate) struct Busy {
    max: u64,
}

impl Admission {
    pub(crate) fn new(max: u32) -> Arc<Self> {
        Arc::new(Self { running: AtomicU64::new(0), max: u64::from(max) })
    }

    /// Takes a permit, or says at once that there is none.
    pub(crate) fn admit(self: &Arc<Self>) -> Result<Permit, Busy> {
        let taken = self.running.fetch_add(1, Ordering::Relaxed);
        let permit = Permit(Arc::clone(self));
        if taken < self.max { Ok(permit) } else { Err(Busy { max: self.max }) }
    }

    /// Invocations running now. May be over the maximum for the moment of a refusal.
    pub(crate) fn running(&self) -> u64 {
        self.running.load(Ordering::Relaxed).min(self.max)
    }

    /// Invocations that can run at once.
    pub(crate) fn max(&self) -> u64 {
        self.max
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_takes_nothing_and_a_drop_gives_back() {
        let admission = Admission::new(2);
        let first = admission.admit().unwrap();
        let _second = admission.admit().unwrap();
        assert!(admission.admit().is_err());
        assert_eq!(admission.running(), 2);
        drop(first);
        assert!(admission.admit().is_ok());
        assert_eq!(admission.running(), 1);
    }
}
