//! What a worker counts of capabilities. Of key-value stores by operation and outcome alone: the apps have
//! their own series, and a thousand of them would make six thousand here.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// The series.
pub(crate) struct CapabilityMetrics {
    operations: Family<Labels, Counter>,
    durations: Histogram,
    unreadable: Counter,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Labels {
    operation: &'static str,
    outcome: &'static str,
}

impl CapabilityMetrics {
    /// Registers the series, with the histogram that the worker uses for times.
    pub(crate) fn new(registry: &mut Registry, durations: Histogram) -> Self {
        let (operations, unreadable) = (Family::default(), Counter::default());
        registry.register(
            "kv_operations",
            "Operations on key-value stores, by outcome",
            operations.clone(),
        );
        registry.register(
            "kv_operation_duration_seconds",
            "Time from the function's call to its result",
            durations.clone(),
        );
        registry.register(
            "secrets_unreadable",
            "Versions that were not started because a secret could not be decrypted",
            unreadable.clone(),
        );
        Self { operations, durations, unreadable }
    }

    /// Counts a version that is not started because of a secret.
    pub(crate) fn unreadable(&self) {
        self.unreadable.inc();
    }

    /// Counts an operation.
    pub(super) fn record(&self, operation: &'static str, outcome: &'static str, took: Duration) {
        self.operations.get_or_create(&Labels { operation, outcome }).inc();
        self.durations.observe(took.as_secs_f64());
    }
}
