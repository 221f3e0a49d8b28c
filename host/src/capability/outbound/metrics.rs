//! What a worker counts of the requests that functions send.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// The metrics of outgoing requests, of all apps together.
pub(crate) struct OutboundMetrics {
    requests: Family<OutcomeLabels, Counter>,
    sent: Counter,
    received: Counter,
    pub(crate) connections: Gauge,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OutcomeLabels {
    outcome: &'static str,
}

impl OutboundMetrics {
    pub(crate) fn new(registry: &mut Registry) -> Self {
        let own = Self {
            requests: Family::default(),
            sent: Counter::default(),
            received: Counter::default(),
            connections: Gauge::default(),
        };
        registry.register(
            "outbound_requests",
            "Requests that functions sent, by outcome",
            own.requests.clone(),
        );
        registry.register("outbound_sent_bytes", "Bytes that functions sent", own.sent.clone());
        registry.register(
            "outbound_received_bytes",
            "Bytes that functions received",
            own.received.clone(),
        );
        registry.register(
            "outbound_connections",
            "Open connections of functions",
            own.connections.clone(),
        );
        own
    }

    /// Counts a request by what became of it.
    pub(crate) fn request(&self, outcome: &'static str) {
        self.requests.get_or_create(&OutcomeLabels { outcome }).inc();
    }

    /// Counts bytes that left.
    pub(crate) fn sent(&self, bytes: usize) {
        self.sent.inc_by(bytes as u64);
    }

    /// Counts bytes that came.
    pub(crate) fn received(&self, bytes: usize) {
        self.received.inc_by(bytes as u64);
    }
}
