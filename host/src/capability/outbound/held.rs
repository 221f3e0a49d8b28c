//! The places that an open connection takes: of the worker, of its app, of its invocation. Whoever finds none
//! free hears so at once; a queue would only make a slow backend slower.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::error::{Limit, OutboundError};
use crate::metrics::Metrics;

/// The places of one connection; free again when dropped.
pub(super) struct Held {
    _permits: [OwnedSemaphorePermit; 3],
    metrics: Arc<Metrics>,
}

/// Those who have a limit on their connections.
pub(super) struct Places<'p> {
    pub(super) worker: &'p Arc<Semaphore>,
    pub(super) app: &'p Arc<Semaphore>,
    pub(super) invocation: &'p Arc<Semaphore>,
}

impl Places<'_> {
    pub(super) fn take(&self, metrics: &Arc<Metrics>) -> Result<Held, OutboundError> {
        let place = |of: &Arc<Semaphore>, whose| {
            let full = OutboundError::LimitReached(Limit::Connections(whose));
            Arc::clone(of).try_acquire_owned().map_err(|_| full)
        };
        let permits = [
            place(self.invocation, "the invocation")?,
            place(self.app, "the app")?,
            place(self.worker, "the worker")?,
        ];
        metrics.outbound.connections.inc();
        Ok(Held { _permits: permits, metrics: Arc::clone(metrics) })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.metrics.outbound.connections.dec();
    }
}
