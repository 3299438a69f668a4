//! Metrics of the runtimes.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use registry_core::projection::{RuntimeStatus, RuntimeSummary};

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RuntimeLabels {
    runtime: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct WorkerLabels {
    runtime: String,
    state: &'static str,
}

/// Metrics of the runtimes, made anew each time so that none is stale.
pub(super) fn runtime_metrics(runtimes: &[RuntimeSummary]) -> Registry {
    let mut registry = Registry::with_prefix("yoi");
    let mut register = |name, help, value: fn(&RuntimeSummary) -> Option<u64>| {
        let family = Family::<RuntimeLabels, Gauge>::default();
        for runtime in runtimes {
            if let Some(value) = value(runtime) {
                let runtime = runtime.runtime_id.to_string();
                let labels = RuntimeLabels { runtime };
                family.get_or_create(&labels).set(gauge(value));
            }
        }
        registry.register(name, help, family);
    };
    register(
        "runtime_available",
        "Whether the runtime answers and takes new work",
        |runtime| match runtime.status {
            RuntimeStatus::Available | RuntimeStatus::Degraded => Some(1),
            RuntimeStatus::Unavailable | RuntimeStatus::Stopping => Some(0),
        },
    );
    register("runtime_active_runs", "Runs in progress", |runtime| {
        Some(runtime.counts?.active_runs)
    });
    register(
        "runtime_queued_runs",
        "Runs that wait until there is a place among those in progress",
        |runtime| Some(runtime.counts?.queued_runs),
    );
    register(
        "runtime_waiting_pollers",
        "Readers that wait for an event",
        |runtime| Some(runtime.counts?.waiting_pollers),
    );
    register(
        "runtime_held_bytes",
        "Bytes in use of the limit on what all workers hold together",
        |runtime| Some(runtime.counts?.held_bytes),
    );
    register(
        "runtime_resident_workers",
        "Workers in memory; with a store, others are in that alone",
        |runtime| Some(runtime.counts?.resident_workers),
    );
    let workers = Family::<WorkerLabels, Gauge>::default();
    for runtime in runtimes {
        let counts = runtime.counts.iter();
        for (state, number) in counts.flat_map(|counts| counts.workers.iter()) {
            let (runtime, state) = (runtime.runtime_id.to_string(), state.as_str());
            let labels = WorkerLabels { runtime, state };
            workers.get_or_create(&labels).set(gauge(number));
        }
    }
    registry.register(
        "workers",
        "Workers by runtime and state; with a store, all that are stored",
        workers,
    );
    registry
}

fn gauge(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
