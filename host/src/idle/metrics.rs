//! What a worker counts of the instances of apps that reuse them. Not by app, as
//! [capabilities](crate::capability) are not either.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// The series; clones are the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct IdleMetrics {
    made: Counter,
    reused: Counter,
    pub(crate) idle: Gauge,
}

impl IdleMetrics {
    /// Registers the series.
    pub(crate) fn new(registry: &mut Registry) -> Self {
        let own = Self::default();
        registry.register(
            "instances_made",
            "Invocations of apps that reuse instances, in an instance made for them",
            own.made.clone(),
        );
        registry.register(
            "instances_reused",
            "Invocations of apps that reuse instances, in one that was there",
            own.reused.clone(),
        );
        registry.register(
            "instances_idle",
            "Instances that wait for the next invocation of their function",
            own.idle.clone(),
        );
        own
    }

    pub(super) fn count(&self, was_there: bool) {
        if was_there {
            self.reused.inc()
        } else {
            self.made.inc()
        };
    }
}
