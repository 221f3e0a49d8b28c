//! What a gateway counts, in Prometheus' terms. The counters of an app are looked up when its routes
//! are made, so a request touches its own and no table.

use std::sync::Arc;

use http::StatusCode;
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use steading_protocol::{AppName, WorkerId};

/// The gateway's metrics.
pub(crate) struct Metrics {
    registry: Registry,
    replies: Family<ReplyLabels, Counter>,
    refusals: Family<RefusalLabels, Counter>,
    ejections: Family<WorkerLabels, Counter>,
    ejected: Family<WorkerLabels, Gauge>,
    sent_again: Counter,
    pub(crate) connections: Gauge,
    pub(crate) in_flight: Gauge,
}

/// The counters of one app's replies, by the hundreds of their status.
#[derive(Clone)]
pub(crate) struct AppMetrics([Counter; 5]);

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ReplyLabels {
    app: String,
    class: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RefusalLabels {
    code: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct WorkerLabels {
    worker: String,
}

const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

impl Metrics {
    pub(crate) fn new() -> Arc<Self> {
        let mut registry = Registry::with_prefix("steading_gateway");
        let (replies, refusals) = (Family::default(), Family::default());
        let (ejections, ejected) = (Family::default(), Family::default());
        let (connections, in_flight) = (Gauge::default(), Gauge::default());
        let sent_again = Counter::default();
        registry.register("replies", "Replies of workers, by app and status", replies.clone());
        registry.register("requests_refused", "Requests that no worker answered", refusals.clone());
        registry.register("ejections", "How often a worker was left alone", ejections.clone());
        registry.register("ejected", "Whether a worker is left alone now", ejected.clone());
        registry.register("sent_again", "Requests sent to a second worker", sent_again.clone());
        registry.register("connections", "Open connections of callers", connections.clone());
        registry.register("in_flight", "Requests that wait for their reply", in_flight.clone());
        Arc::new(Self {
            registry,
            replies,
            refusals,
            ejections,
            ejected,
            sent_again,
            connections,
            in_flight,
        })
    }

    /// The counters of an app.
    pub(crate) fn of(&self, app: &AppName) -> AppMetrics {
        let counter = |class| {
            let labels = ReplyLabels { app: app.to_string(), class };
            self.replies.get_or_create_owned(&labels)
        };
        AppMetrics(CLASSES.map(counter))
    }

    pub(crate) fn refused(&self, code: &'static str) {
        self.refusals.get_or_create(&RefusalLabels { code }).inc();
    }

    pub(crate) fn sent_again(&self) {
        self.sent_again.inc();
    }

    pub(crate) fn ejected(&self, worker: &WorkerId) {
        let labels = WorkerLabels { worker: worker.to_string() };
        self.ejections.get_or_create(&labels).inc();
        self.ejected.get_or_create(&labels).set(1);
    }

    pub(crate) fn returned(&self, worker: &WorkerId) {
        self.ejected.get_or_create(&WorkerLabels { worker: worker.to_string() }).set(0);
    }

    /// Forgets a worker that is gone.
    pub(crate) fn gone(&self, worker: &WorkerId) {
        self.ejected.remove(&WorkerLabels { worker: worker.to_string() });
    }

    /// Everything, in the OpenMetrics text format.
    pub(crate) fn encode(&self) -> String {
        let mut page = String::new();
        text::encode(&mut page, &self.registry).expect("a String takes every write");
        page
    }
}

impl AppMetrics {
    pub(crate) fn replied(&self, status: StatusCode) {
        let class = usize::from(status.as_u16() / 100).clamp(1, CLASSES.len());
        self.0[class - 1].inc();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_refusals_and_workers_left_alone_show_up_by_name() {
        let metrics = Metrics::new();
        let worker = "w-1".parse().unwrap();
        metrics.of(&"shop".parse().unwrap()).replied(StatusCode::NOT_FOUND);
        metrics.refused("no_worker_ready");
        metrics.sent_again();
        metrics.ejected(&worker);
        let page = metrics.encode();
        for line in [
            r#"steading_gateway_replies_total{app="shop",class="4xx"} 1"#,
            r#"steading_gateway_requests_refused_total{code="no_worker_ready"} 1"#,
            r#"steading_gateway_ejected{worker="w-1"} 1"#,
            "steading_gateway_sent_again_total 1",
        ] {
            assert!(page.contains(line), "{page}");
        }
        metrics.returned(&worker);
        assert!(metrics.encode().contains(r#"steading_gateway_ejected{worker="w-1"} 0"#));
        metrics.gone(&worker);
        assert!(!metrics.encode().contains("steading_gateway_ejected{"));
    }
}
