//! Metrics for Prometheus. Labels are methods, route templates, statuses and ids of ours:
//! what a client sends never becomes a label.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use registry_core::projection::{RuntimeStatus, RuntimeSummary};

/// The media type of the metrics: OpenMetrics text, which Prometheus reads.
pub(crate) const MEDIA_TYPE_METRICS: &str =
    "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// The status label of a request whose client went away before the answer.
const ABORTED: u32 = 499;

/// What the server counts about itself.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    durations: Family<RouteLabels, Histogram, fn() -> Histogram>,
    in_flight: Gauge,
    connections: Gauge,
    answer_bytes: Gauge,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RequestLabels {
    method: &'static str,
    route: &'static str,
    status: u32,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RouteLabels {
    method: &'static str,
    route: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RuntimeLabels {
    runtime: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct WorkerLabels {
    runtime: String,
    state: &'static str,
}

impl Metrics {
    /// Nothing counted yet.
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("yoi");
        let metrics = Self {
            requests: Family::default(),
            durations: Family::new_with_constructor(latency_buckets),
            in_flight: Gauge::default(),
            connections: Gauge::default(),
            answer_bytes: Gauge::default(),
            registry: Registry::default(),
        };
        registry.register(
            "http_requests",
            "Requests by method, route and status; 499 when the client went away",
            metrics.requests.clone(),
        );
        registry.register(
            "http_request_duration_seconds",
            "Time from a request's head to its answer, long polls included",
            metrics.durations.clone(),
        );
        registry.register(
            "http_requests_in_flight",
            "Requests without an answer yet, waiting polls included",
            metrics.in_flight.clone(),
        );
        registry.register(
            "http_connections",
            "Open connections",
            metrics.connections.clone(),
        );
        registry.register(
            "http_answer_bytes",
            "Bytes of large answers that their clients have not taken yet",
            metrics.answer_bytes.clone(),
        );
        Self {
            registry,
            ..metrics
        }
    }

    /// Counts a request until it is finished, or dropped.
    pub(crate) fn begin(&self, method: &'static str, route: &'static str) -> InFlight<'_> {
        self.in_flight.inc();
        InFlight {
            metrics: self,
            labels: RouteLabels { method, route },
            status: ABORTED,
        }
    }

    /// Counts a connection until the guard is dropped.
    pub(crate) fn connection(&self) -> OpenConnection {
        self.connections.inc();
        OpenConnection(self.connections.clone())
    }

    /// Where the bytes of answers that wait for their clients are shown.
    pub(crate) fn answer_bytes(&self) -> Gauge {
        self.answer_bytes.clone()
    }

    /// All metrics as text, those of the runtimes as they are now.
    pub(crate) fn encode(&self, runtimes: &[RuntimeSummary]) -> String {
        let mut text = String::new();
        encode_registry(&mut text, &self.registry)
            .and_then(|()| encode_registry(&mut text, &of_runtimes(runtimes)))
            .and_then(|()| encode_eof(&mut text))
            .expect("writing to a String does not fail");
        text
    }
}

/// A request on its way; counted as aborted unless it is finished.
pub(crate) struct InFlight<'a> {
    metrics: &'a Metrics,
    labels: RouteLabels,
    status: u32,
}

impl InFlight<'_> {
    /// The request is answered.
    pub(crate) fn finish(mut self, status: u16, took: Duration) {
        self.status = u32::from(status);
        let durations = self.metrics.durations.get_or_create(&self.labels);
        durations.observe(took.as_secs_f64());
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        let labels = RequestLabels {
            method: self.labels.method,
            route: self.labels.route,
            status: self.status,
        };
        self.metrics.requests.get_or_create(&labels).inc();
        self.metrics.in_flight.dec();
    }
}

/// A connection that is open.
pub(crate) struct OpenConnection(Gauge);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// From a millisecond to beyond the longest poll of 30 s.
fn latency_buckets() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 2.0, 16))
}

/// What the runtimes said when they were asked: made anew each time, so that nothing stale
/// stays when one stops answering.
fn of_runtimes(runtimes: &[RuntimeSummary]) -> Registry {
    let available = Family::<RuntimeLabels, Gauge>::default();
    let active_runs = Family::<RuntimeLabels, Gauge>::default();
    let waiting_pollers = Family::<RuntimeLabels, Gauge>::default();
    let held_bytes = Family::<RuntimeLabels, Gauge>::default();
    let workers = Family::<WorkerLabels, Gauge>::default();
    for runtime in runtimes {
        let labels = RuntimeLabels {
            runtime: runtime.runtime_id.to_string(),
        };
        let answers = match runtime.status {
            RuntimeStatus::Available | RuntimeStatus::Degraded => 1,
            RuntimeStatus::Unavailable | RuntimeStatus::Stopping => 0,
        };
        available.get_or_create(&labels).set(answers);
        let Some(counts) = &runtime.counts else {
            continue;
        };
        active_runs
            .get_or_create(&labels)
            .set(gauge(counts.active_runs));
        waiting_pollers
            .get_or_create(&labels)
            .set(gauge(counts.waiting_pollers));
        held_bytes
            .get_or_create(&labels)
            .set(gauge(counts.held_bytes));
        for (state, number) in counts.workers.iter() {
            let labels = WorkerLabels {
                runtime: labels.runtime.clone(),
                state: state.as_str(),
            };
            workers.get_or_create(&labels).set(gauge(number));
        }
    }
    let mut registry = Registry::with_prefix("yoi");
    registry.register(
        "runtime_available",
        "Whether the runtime answers and takes new work",
        available,
    );
    registry.register(
        "runtime_active_runs",
        "Runs that have not ended",
        active_runs,
    );
    registry.register(
        "runtime_waiting_pollers",
        "Readers that wait for an event",
        waiting_pollers,
    );
    registry.register(
        "runtime_held_bytes",
        "Bytes in use of the limit on what all workers hold together",
        held_bytes,
    );
    registry.register("workers", "Workers by runtime and state", workers);
    registry
}

fn gauge(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_that_is_dropped_counts_as_aborted_and_leaves_nothing_in_flight() {
        let metrics = Metrics::new();
        drop(metrics.begin("GET", "/healthz"));
        metrics
            .begin("GET", "/healthz")
            .finish(200, Duration::from_millis(3));
        let text = metrics.encode(&[]);
        let line = "yoi_http_requests_total{method=\"GET\",route=\"/healthz\",status=";
        assert!(text.contains(&format!("{line}\"499\"}} 1\n")), "{text}");
        assert!(text.contains(&format!("{line}\"200\"}} 1\n")), "{text}");
        assert!(text.contains("yoi_http_requests_in_flight 0\n"), "{text}");
        assert!(text.ends_with("# EOF\n"), "{text}");
    }
}
