//! Metrics for Prometheus. Labels are methods, route templates, statuses and ids of ours:
//! what a client sends never becomes a label.

mod requests;

pub(crate) use requests::InFlight;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use registry_core::projection::{RuntimeStatus, RuntimeSummary};

use crate::routes::Target;
use requests::Requests;

/// The media type of the metrics: OpenMetrics text, which Prometheus reads.
pub(crate) const MEDIA_TYPE_METRICS: &str =
    "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What the server counts about itself.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Requests,
    connections: Gauge,
    answer_bytes: Gauge,
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
        let (requests, connections, answer_bytes) =
            (Requests::new(), Gauge::default(), Gauge::default());
        requests.register(&mut registry);
        registry.register("http_connections", "Open connections", connections.clone());
        registry.register(
            "http_answer_bytes",
            "Bytes of large answers that their clients have not taken yet",
            answer_bytes.clone(),
        );
        Self {
            registry,
            requests,
            connections,
            answer_bytes,
        }
    }

    /// Counts a request until it is finished, or dropped.
    pub(crate) fn begin(&self, method: &'static str, target: &Target) -> InFlight<'_> {
        self.requests.begin(method, target)
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

/// A connection that is open.
pub(crate) struct OpenConnection(Gauge);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.dec();
    }
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
    use crate::routes::{OPERATIONS, Router};
    use http::Method;
    use std::collections::BTreeMap;
    use std::time::Duration;

    #[test]
    fn a_request_that_is_dropped_counts_as_aborted_and_leaves_nothing_in_flight() {
        let (metrics, router) = (Metrics::new(), Router::new());
        let health = router.target(&Method::GET, "/healthz");
        drop(metrics.begin("GET", health));
        metrics
            .begin("GET", health)
            .finish(200, Duration::from_millis(3));
        let text = metrics.encode(&[]);
        let line = "yoi_http_requests_total{method=\"GET\",route=\"/healthz\",status=";
        assert!(text.contains(&format!("{line}\"499\"}} 1\n")), "{text}");
        assert!(text.contains(&format!("{line}\"200\"}} 1\n")), "{text}");
        assert!(text.contains("yoi_http_requests_in_flight 0\n"), "{text}");
        assert!(text.ends_with("# EOF\n"), "{text}");
    }

    #[test]
    fn every_request_counts_under_its_own_method_route_and_status() {
        let (metrics, router) = (Metrics::new(), Router::new());
        let mut counts = BTreeMap::new();
        for operation in &OPERATIONS {
            for method in [operation.verb.as_str(), "HEAD", "PUT"] {
                let target = router.target(&method.parse().unwrap(), operation.path);
                for status in [operation.success.status, 200, 503] {
                    metrics.begin(method, target).finish(status, Duration::ZERO);
                    *counts.entry((method, operation.path, status)).or_insert(0) += 1;
                }
            }
        }
        let text = metrics.encode(&[]);
        let mut durations = BTreeMap::new();
        for ((method, route, status), count) in counts {
            let labels = format!("{{method=\"{method}\",route=\"{route}\"");
            let line = format!("yoi_http_requests_total{labels},status=\"{status}\"}} {count}\n");
            assert!(text.contains(&line), "{line}{text}");
            *durations.entry(labels).or_insert(0) += count;
        }
        for (labels, count) in durations {
            let line = format!("yoi_http_request_duration_seconds_count{labels}}} {count}\n");
            assert!(text.contains(&line), "{line}{text}");
        }
    }
}
