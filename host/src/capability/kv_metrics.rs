//! What a worker counts of key-value stores. By operation and outcome alone: the apps have their own series,
//! and a thousand of them would make six thousand here.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// The series.
pub(crate) struct KvMetrics {
    operations: Family<Labels, Counter>,
    durations: Histogram,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Labels {
    operation: &'static str,
    outcome: &'static str,
}

impl KvMetrics {
    /// Registers the series, with the histogram that the worker uses for times.
    pub(crate) fn new(registry: &mut Registry, durations: Histogram) -> Self {
        let operations = Family::default();
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
        Self { operations, durations }
    }

    /// Counts an operation.
    pub(super) fn record(&self, operation: &'static str, outcome: &'static str, took: Duration) {
        self.operations.get_or_create(&Labels { operation, outcome }).inc();
        self.durations.observe(took.as_secs_f64());
    }
}
