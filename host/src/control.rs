//! What the worker tells of itself at its control port.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use steading_server::Control;

use crate::admission::Admission;
use crate::availability::Openness;
use crate::metrics::Metrics;

/// What the endpoints tell.
pub(crate) struct ControlState {
    /// Set once a desired state has been applied whole, the last one or a new one.
    pub(crate) settled: Arc<AtomicBool>,
    /// Set when the worker is told to stop.
    pub(crate) draining: AtomicBool,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) admission: Arc<Admission>,
    pub(crate) openness: Arc<Openness>,
}

impl Control for ControlState {
    fn ready(&self) -> Result<(), String> {
        if self.draining.load(Ordering::Acquire) {
            return Err("stopping".into());
        }
        if !self.settled.load(Ordering::Acquire) {
            return Err("it has not heard yet what to serve".into());
        }
        self.openness.check().map_err(|away| away.to_string())
    }

    fn metrics(&self) -> String {
        self.metrics.in_flight.set(i64::try_from(self.admission.running()).unwrap_or(i64::MAX));
        let (idle, _) = self.admission.idle().counts();
        self.metrics.instances.idle.set(i64::try_from(idle).unwrap_or(i64::MAX));
        self.metrics.encode()
    }
}
