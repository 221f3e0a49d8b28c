//! What a worker counts, in Prometheus' terms. Handles are looked up once per function, so that an
//! invocation touches its own counters and no table.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use crate::invoke::Took;

/// The worker's metrics; shared by everything that counts.
pub(crate) struct Metrics {
    registry: Registry,
    invocations: Family<InvocationLabels, Counter>,
    durations: Family<FunctionLabels, Histogram>,
    cpu: Family<FunctionLabels, Seconds>,
    refusals: Family<RefusalLabels, Counter>,
    pub(crate) connections: Gauge,
    pub(crate) in_flight: Gauge,
    pub(crate) generation: Gauge,
    ended: AtomicU64,
    failed: AtomicU64,
}

/// A counter of seconds.
type Seconds = Counter<f64, AtomicU64>;

/// The metrics of one function.
pub(crate) struct FunctionMetrics {
    metrics: Arc<Metrics>,
    labels: FunctionLabels,
    succeeded: Counter,
    duration: Histogram,
    cpu: Seconds,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct FunctionLabels {
    app: String,
    function: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct InvocationLabels {
    app: String,
    function: String,
    outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RefusalLabels {
    code: &'static str,
}

/// The outcome of an invocation whose guest answered.
const SUCCEEDED: &str = "ok";

impl Metrics {
    pub(crate) fn new() -> Arc<Self> {
        let mut registry = Registry::with_prefix("steading");
        // 50 us to about 26 s, in steps of 3: an invocation is either very short or waits for something
        let histogram: fn() -> Histogram = || Histogram::new(exponential_buckets(50e-6, 3.0, 13));
        let invocations = Family::default();
        let durations = Family::new_with_constructor(histogram);
        let cpu = Family::default();
        let refusals = Family::default();
        let (connections, in_flight, generation) =
            (Gauge::default(), Gauge::default(), Gauge::default());
        registry.register("invocations", "Invocations that ended, by outcome", invocations.clone());
        registry.register(
            "invocation_duration_seconds",
            "Time from permit to answer",
            durations.clone(),
        );
        registry.register("invocation_cpu_seconds", "Time on the processor", cpu.clone());
        registry.register(
            "requests_refused",
            "Requests that became no invocation",
            refusals.clone(),
        );
        registry.register("connections", "Open connections", connections.clone());
        registry.register("in_flight", "Invocations running now", in_flight.clone());
        registry.register("generation", "Generation of the desired state", generation.clone());
        Arc::new(Self {
            registry,
            invocations,
            durations,
            cpu,
            refusals,
            connections,
            in_flight,
            generation,
            ended: AtomicU64::new(0),
            failed: AtomicU64::new(0),
        })
    }

    /// Counts a request that was answered without an invocation.
    pub(crate) fn refused(&self, code: &'static str) {
        self.refusals.get_or_create(&RefusalLabels { code }).inc();
    }

    /// Invocations ended, and how many of them failed, since the worker started.
    pub(crate) fn totals(&self) -> (u64, u64) {
        (self.ended.load(Ordering::Relaxed), self.failed.load(Ordering::Relaxed))
    }

    /// Everything, in the OpenMetrics text format.
    pub(crate) fn encode(&self) -> String {
        let mut page = String::new();
        text::encode(&mut page, &self.registry).expect("a String takes every write");
        page
    }
}

impl FunctionMetrics {
    pub(crate) fn new(metrics: &Arc<Metrics>, app: &str, function: &str) -> Self {
        let labels = FunctionLabels { app: app.to_owned(), function: function.to_owned() };
        let succeeded = metrics.invocations.get_or_create_owned(&invocation(&labels, SUCCEEDED));
        let duration = metrics.durations.get_or_create_owned(&labels);
        let cpu = metrics.cpu.get_or_create_owned(&labels);
        Self { metrics: Arc::clone(metrics), labels, succeeded, duration, cpu }
    }

    /// Counts one invocation; `failure` is the problem's code, when there was one.
    pub(crate) fn record(&self, took: Took, failure: Option<&'static str>) {
        self.metrics.ended.fetch_add(1, Ordering::Relaxed);
        self.duration.observe(took.wall.as_secs_f64());
        self.cpu.inc_by(took.cpu.as_secs_f64());
        match failure {
            None => self.succeeded.inc(),
            Some(code) => {
                self.metrics.failed.fetch_add(1, Ordering::Relaxed);
                self.metrics.invocations.get_or_create(&invocation(&self.labels, code)).inc()
            }
        };
    }
}

fn invocation(labels: &FunctionLabels, outcome: &'static str) -> InvocationLabels {
    InvocationLabels { app: labels.app.clone(), function: labels.function.clone(), outcome }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn invocations_and_refusals_show_up_by_name() {
        let metrics = Metrics::new();
        let function = FunctionMetrics::new(&metrics, "shop", "orders");
        let took = Took { wall: Duration::from_millis(2), cpu: Duration::from_millis(1) };
        function.record(took, None);
        function.record(took, Some("guest_trapped"));
        metrics.refused("route_unknown");
        let page = metrics.encode();
        for line in [
            r#"steading_invocations_total{app="shop",function="orders",outcome="ok"} 1"#,
            r#"steading_invocations_total{app="shop",function="orders",outcome="guest_trapped"} 1"#,
            r#"steading_requests_refused_total{code="route_unknown"} 1"#,
        ] {
            assert!(page.contains(line), "{page}");
        }
        assert_eq!(metrics.totals(), (2, 1));
    }
}
