//! Metrics for Prometheus. Labels are methods, route templates, statuses and ids of ours: what a
//! client sends never becomes a label. The composition root adds those of parts that this crate
//! doesn't know.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet};
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use registry_core::projection::RuntimeSummary;

use crate::client::ClientName;
use crate::config::DroppedLogLines;

mod runtimes;
#[cfg(test)]
mod tests;

use runtimes::runtime_metrics;

/// The media type of the metrics: OpenMetrics text, which Prometheus reads.
pub(crate) const MEDIA_TYPE_METRICS: &str =
    "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The status label of a request whose client went away before the response.
const CLIENT_CLOSED_REQUEST: u16 = 499;

/// What the server counts about itself.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    durations: Family<RouteLabels, Histogram, fn() -> Histogram>,
    in_flight: Gauge,
    pub(crate) connections: ConnectionMetrics,
    /// The bytes of responses that clients have not read yet.
    pub(crate) unread_response_bytes: Gauge,
    /// The bytes that are reserved for request bodies.
    pub(crate) bodies_bytes: Gauge,
    /// Connections that were closed because a body came too slowly.
    pub(crate) slow_writers: Counter,
    refusals: Family<ReasonLabels, Counter>,
    client_requests: Family<ClientLabels, Counter>,
    client_refusals: Family<ClientLabels, Counter>,
    client_bytes: Family<ClientLabels, Gauge>,
    dropped_log_lines: Option<DroppedLogLines>,
}

/// What the accept loop counts. A cheap `Clone` handle.
#[derive(Clone, Default)]
pub(crate) struct ConnectionMetrics {
    open: Gauge,
    /// Connections that were closed to make room for others.
    pub(crate) evicted: Counter,
    /// Connections that were closed because the client took its response too slowly.
    pub(crate) slow_readers: Counter,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RequestLabels {
    method: &'static str,
    route: String,
    status: u32,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RouteLabels {
    method: &'static str,
    route: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ReasonLabels {
    reason: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ClientLabels {
    client: String,
}

impl From<&ClientName> for ClientLabels {
    fn from(name: &ClientName) -> Self {
        Self {
            client: name.to_string(),
        }
    }
}

impl Metrics {
    pub(crate) fn new(
        dropped_log_lines: Option<DroppedLogLines>,
        collectors: &[Arc<dyn Collector>],
    ) -> Self {
        let requests = Family::default();
        let durations: Family<_, _, fn() -> Histogram> =
            Family::new_with_constructor(latency_histogram);
        let mut registry = Registry::with_prefix("yoi");
        registry.register(
            "http_requests",
            "Requests by method, route and status; 499 when the client went away",
            Family::clone(&requests),
        );
        registry.register(
            "http_request_duration_seconds",
            "Time from a request's head to its answer, long polls included",
            Family::clone(&durations),
        );
        let mut gauge = |name, help| {
            let gauge = Gauge::default();
            registry.register(name, help, Gauge::clone(&gauge));
            gauge
        };
        let in_flight = gauge(
            "http_requests_in_flight",
            "Requests without a response yet, waiting polls included",
        );
        let connections = gauge("http_connections", "Open connections");
        let unread_response_bytes = gauge(
            "http_unread_response_bytes",
            "Bytes of large responses that their clients have not read yet",
        );
        let bodies_bytes = gauge(
            "http_bodies_bytes",
            "Bytes that are reserved for request bodies",
        );
        let refusals = Family::default();
        registry.register(
            "http_unauthenticated_refusals",
            "Requests without valid credentials that were refused, by the problem's code",
            Family::clone(&refusals),
        );
        let client_requests = Family::default();
        registry.register(
            "http_client_requests",
            "Requests by the client whose token or session they showed",
            Family::clone(&client_requests),
        );
        let client_refusals = Family::default();
        registry.register(
            "http_client_quota_refusals",
            "Requests that were refused because the client had reached a quota",
            Family::clone(&client_refusals),
        );
        let client_bytes = Family::default();
        registry.register(
            "http_client_bytes",
            "Bytes of a client's request bodies and of large answers that it has not taken yet",
            Family::clone(&client_bytes),
        );
        let closed = Family::<ReasonLabels, Counter>::default();
        registry.register(
            "http_connections_closed",
            "Connections that were closed to make room (evicted), or because their client was slower \
             than it may be",
            Family::clone(&closed),
        );
        let closed = |reason| closed.get_or_create_owned(&ReasonLabels { reason });
        for collector in collectors {
            let shared = SharedCollector(Arc::clone(collector));
            registry.register_collector(Box::new(shared));
        }
        Self {
            registry,
            requests,
            durations,
            in_flight,
            connections: ConnectionMetrics {
                open: connections,
                evicted: closed("evicted"),
                slow_readers: closed("slow_reader"),
            },
            unread_response_bytes,
            bodies_bytes,
            slow_writers: closed("slow_writer"),
            refusals,
            client_requests,
            client_refusals,
            client_bytes,
            dropped_log_lines,
        }
    }

    /// The counter of a client's requests.
    pub(crate) fn client_requests(&self, name: &ClientName) -> Counter {
        self.client_requests.get_or_create_owned(&name.into())
    }

    /// The counter of a client's requests that were refused because of a quota.
    pub(crate) fn client_refusals(&self, name: &ClientName) -> Counter {
        self.client_refusals.get_or_create_owned(&name.into())
    }

    /// The gauge of what a client uses of its quota of bytes.
    pub(crate) fn client_bytes(&self, name: &ClientName) -> Gauge {
        self.client_bytes.get_or_create_owned(&name.into())
    }

    /// Counts a request that was refused to a client without valid credentials.
    pub(crate) fn refused(&self, reason: &'static str) {
        self.refusals.get_or_create(&ReasonLabels { reason }).inc();
    }

    /// Counts a request until it is finished, or dropped.
    pub(crate) fn request_started(&self, method: &'static str, route: &str) -> RequestInFlight<'_> {
        self.in_flight.inc();
        RequestInFlight {
            metrics: self,
            labels: RequestLabels {
                method,
                route: route.to_owned(),
                status: CLIENT_CLOSED_REQUEST.into(),
            },
        }
    }

    /// All metrics as text, with those of the runtimes as they are now.
    pub(crate) fn encode(&self, runtimes: &[RuntimeSummary]) -> String {
        let mut now = runtime_metrics(runtimes);
        if let Some(dropped) = &self.dropped_log_lines {
            now.register(
                "log_lines_dropped",
                "Log lines that were dropped because standard error took them too slowly",
                ConstCounter::new(dropped.count()),
            );
        }
        let mut text = String::new();
        encode_registry(&mut text, &self.registry)
            .and_then(|()| encode_registry(&mut text, &now))
            .and_then(|()| encode_eof(&mut text))
            .expect("writing to a String does not fail");
        text
    }
}

impl ConnectionMetrics {
    /// Counts a connection until the guard is dropped.
    pub(crate) fn opened(&self) -> OpenConnection {
        self.open.inc();
        OpenConnection(self.open.clone())
    }
}

/// A collector of the composition root, as a registry owns it.
#[derive(Debug)]
struct SharedCollector(Arc<dyn Collector>);

impl Collector for SharedCollector {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.0.encode(encoder)
    }
}

/// A request without a response yet; counted as closed by the client unless it is finished.
pub(crate) struct RequestInFlight<'a> {
    metrics: &'a Metrics,
    labels: RequestLabels,
}

impl RequestInFlight<'_> {
    /// The request has its response.
    pub(crate) fn finish(mut self, status: StatusCode, duration: Duration) {
        self.labels.status = status.as_u16().into();
        let labels = RouteLabels {
            method: self.labels.method,
            route: self.labels.route.clone(),
        };
        let seconds = duration.as_secs_f64();
        let durations = &self.metrics.durations;
        durations.get_or_create(&labels).observe(seconds);
    }
}

impl Drop for RequestInFlight<'_> {
    fn drop(&mut self) {
        self.metrics.requests.get_or_create(&self.labels).inc();
        self.metrics.in_flight.dec();
    }
}

/// Counts an open connection until it is dropped.
pub(crate) struct OpenConnection(Gauge);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// From a millisecond to beyond the longest poll of 30 s.
fn latency_histogram() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 2.0, 16))
}
