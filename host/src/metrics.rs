//! What a worker counts, in Prometheus' terms. Handles are looked up once per function, so that an
//! invocation touches its own counters and no table. The series of a version end with it: a worker that
//! lives through a thousand versions does not tell of all of them.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use steading_protocol::VersionNumber;

use crate::capability::{CapabilityMetrics, OutboundMetrics};
use crate::idle::IdleMetrics;
use crate::invoke::Took;

/// The worker's metrics; shared by everything that counts.
pub(crate) struct Metrics {
    registry: Registry,
    invocations: Family<InvocationLabels, Counter>,
    durations: Family<FunctionLabels, Histogram>,
    cpu: Family<FunctionLabels, Seconds>,
    refusals: Family<RefusalLabels, Counter>,
    pub(crate) capabilities: CapabilityMetrics,
    pub(crate) outbound: OutboundMetrics,
    pub(crate) instances: IdleMetrics,
    pub(crate) connections: Gauge,
    pub(crate) in_flight: Gauge,
    pub(crate) generation: Gauge,
    ended: AtomicU64,
    failed: AtomicU64,
    series: Mutex<HashMap<FunctionLabels, Series>>,
}

/// Calls of one version since it was taken up.
#[derive(Debug, Default)]
pub(crate) struct VersionCounts {
    ended: AtomicU64,
    failed: AtomicU64,
}

/// A counter of seconds.
type Seconds = Counter<f64, AtomicU64>;

/// The series that have one function's labels: how many count in them, and by which outcomes.
#[derive(Default)]
struct Series {
    users: usize,
    outcomes: BTreeSet<&'static str>,
}

/// The metrics of one function of one version.
pub(crate) struct FunctionMetrics {
    metrics: Arc<Metrics>,
    version: Arc<VersionCounts>,
    labels: FunctionLabels,
    succeeded: Counter,
    duration: Histogram,
    cpu: Seconds,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct FunctionLabels {
    app: String,
    version: u32,
    function: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct InvocationLabels {
    app: String,
    version: u32,
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
        let capabilities = CapabilityMetrics::new(&mut registry, histogram());
        let outbound = OutboundMetrics::new(&mut registry);
        let instances = IdleMetrics::new(&mut registry);
        registry.register("connections", "Open connections", connections.clone());
        registry.register("in_flight", "Invocations running now", in_flight.clone());
        registry.register("generation", "Generation of the desired state", generation.clone());
        Arc::new(Self {
            registry,
            invocations,
            durations,
            cpu,
            refusals,
            capabilities,
            outbound,
            instances,
            connections,
            in_flight,
            generation,
            ended: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            series: Mutex::default(),
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

    fn series(&self) -> MutexGuard<'_, HashMap<FunctionLabels, Series>> {
        self.series.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything, in the OpenMetrics text format.
    pub(crate) fn encode(&self) -> String {
        let mut page = String::new();
        text::encode(&mut page, &self.registry).expect("a String takes every write");
        page
    }
}

impl VersionCounts {
    /// Invocations ended, and how many of them failed.
    pub(crate) fn totals(&self) -> (u64, u64) {
        (self.ended.load(Ordering::Relaxed), self.failed.load(Ordering::Relaxed))
    }
}

impl FunctionMetrics {
    /// The metrics of a function of a version of an app, whose calls `counts` takes together.
    pub(crate) fn new(
        metrics: &Arc<Metrics>,
        app: &str,
        (version, counts): (VersionNumber, &Arc<VersionCounts>),
        function: &str,
    ) -> Self {
        let (app, function) = (app.to_owned(), function.to_owned());
        let labels = FunctionLabels { app, version: version.0, function };
        let mut series = metrics.series();
        let entry = series.entry(labels.clone()).or_default();
        entry.users += 1;
        entry.outcomes.insert(SUCCEEDED);
        let succeeded = metrics.invocations.get_or_create_owned(&invocation(&labels, SUCCEEDED));
        let duration = metrics.durations.get_or_create_owned(&labels);
        let cpu = metrics.cpu.get_or_create_owned(&labels);
        drop(series);
        let (metrics, version) = (Arc::clone(metrics), Arc::clone(counts));
        Self { metrics, version, labels, succeeded, duration, cpu }
    }

    /// Counts one invocation; `failure` is the problem's code, when there was one.
    pub(crate) fn record(&self, took: Took, failure: Option<&'static str>) {
        self.metrics.ended.fetch_add(1, Ordering::Relaxed);
        self.version.ended.fetch_add(1, Ordering::Relaxed);
        self.duration.observe(took.wall.as_secs_f64());
        self.cpu.inc_by(took.cpu.as_secs_f64());
        match failure {
            None => {
                self.succeeded.inc();
            }
            Some(code) => {
                self.metrics.failed.fetch_add(1, Ordering::Relaxed);
                self.version.failed.fetch_add(1, Ordering::Relaxed);
                self.metrics.series().entry(self.labels.clone()).or_default().outcomes.insert(code);
                self.metrics.invocations.get_or_create(&invocation(&self.labels, code)).inc();
            }
        }
    }
}

impl Drop for FunctionMetrics {
    /// Ends the series when nobody counts in them any more. A version that was let go and taken up again
    /// may have two that do, for as long as an old invocation runs.
    fn drop(&mut self) {
        let mut all = self.metrics.series();
        let Some(series) = all.get_mut(&self.labels) else { return };
        series.users -= 1;
        if series.users > 0 {
            return;
        }
        for outcome in std::mem::take(&mut series.outcomes) {
            self.metrics.invocations.remove(&invocation(&self.labels, outcome));
        }
        self.metrics.durations.remove(&self.labels);
        self.metrics.cpu.remove(&self.labels);
        all.remove(&self.labels);
    }
}

fn invocation(labels: &FunctionLabels, outcome: &'static str) -> InvocationLabels {
    let FunctionLabels { app, version, function } = labels.clone();
    InvocationLabels { app, version, function, outcome }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn function(metrics: &Arc<Metrics>, version: u32) -> (FunctionMetrics, Arc<VersionCounts>) {
        let counts = Arc::default();
        let version = (VersionNumber(version), &counts);
        (FunctionMetrics::new(metrics, "shop", version, "orders"), counts)
    }

    fn took() -> Took {
        Took { wall: Duration::from_millis(2), cpu: Duration::from_millis(1) }
    }

    #[test]
    fn invocations_and_refusals_show_up_by_name() {
        let metrics = Metrics::new();
        let (function, counts) = function(&metrics, 7);
        function.record(took(), None);
        function.record(took(), Some("guest_trapped"));
        metrics.refused("route_unknown");
        let page = metrics.encode();
        for line in [
            r#"steading_invocations_total{app="shop",version="7",function="orders",outcome="ok"} 1"#,
            r#"steading_invocations_total{app="shop",version="7",function="orders",outcome="guest_trapped"} 1"#,
            r#"steading_requests_refused_total{code="route_unknown"} 1"#,
        ] {
            assert!(page.contains(line), "{page}");
        }
        assert_eq!(metrics.totals(), (2, 1));
        assert_eq!(counts.totals(), (2, 1));
    }

    #[test]
    fn versions_are_counted_apart_and_the_series_of_one_end_with_the_last_that_counts() {
        let metrics = Metrics::new();
        let ((old, old_counts), (new, new_counts)) = (function(&metrics, 1), function(&metrics, 2));
        old.record(took(), Some("guest_trapped"));
        new.record(took(), None);
        new.record(took(), None);
        assert_eq!((old_counts.totals(), new_counts.totals()), ((1, 1), (2, 0)));
        assert_eq!(metrics.totals(), (3, 1));
        let (again, _) = function(&metrics, 1);
        drop(old);
        again.record(took(), None);
        assert!(metrics.encode().contains(r#"version="1",function="orders",outcome="ok"} 1"#));
        drop(again);
        let page = metrics.encode();
        assert!(!page.contains(r#"version="1""#) && page.contains(r#"version="2""#), "{page}");
    }
}
