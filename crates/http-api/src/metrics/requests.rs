//! What is counted about requests. To find a metric by its labels costs far more than to count,
//! so what most requests need is found once for each operation.

use std::sync::OnceLock;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use crate::routes::{OPERATIONS, Operation, Target};

/// The status label of a request whose client went away before the answer.
const ABORTED: u16 = 499;

/// Requests by what they ask for and what comes of them.
pub(super) struct Requests {
    answered: Family<RequestLabels, Counter>,
    durations: Family<RouteLabels, Histogram, fn() -> Histogram>,
    in_flight: Gauge,
    /// One for each operation, in the order of their ids.
    usual: Vec<Usual>,
}

/// What requests with an operation's own method count when all is well.
struct Usual {
    method: &'static str,
    status: u16,
    /// Found at the first answer: what nobody asked for is not shown.
    answered: OnceLock<Counter>,
    duration: OnceLock<Histogram>,
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

impl Requests {
    /// None yet.
    pub(super) fn new() -> Self {
        let mut operations: Vec<&Operation> = OPERATIONS.iter().collect();
        operations.sort_by_key(|operation| operation.id);
        Self {
            answered: Family::default(),
            durations: Family::new_with_constructor(latency_buckets),
            in_flight: Gauge::default(),
            usual: operations.into_iter().map(Usual::of).collect(),
        }
    }

    /// Shows them in `registry`.
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "http_requests",
            "Requests by method, route and status; 499 when the client went away",
            self.answered.clone(),
        );
        registry.register(
            "http_request_duration_seconds",
            "Time from a request's head to its answer, long polls included",
            self.durations.clone(),
        );
        registry.register(
            "http_requests_in_flight",
            "Requests without an answer yet, waiting polls included",
            self.in_flight.clone(),
        );
    }

    /// Counts a request until it is finished, or dropped.
    pub(super) fn begin(&self, method: &'static str, target: &Target) -> InFlight<'_> {
        self.in_flight.inc();
        let operation = target.operation.ok();
        let usual = operation.and_then(|operation| self.usual.get(operation.id as usize));
        InFlight {
            requests: self,
            usual: usual.filter(|usual| usual.method == method),
            method,
            route: target.route,
            status: ABORTED,
        }
    }
}

impl Usual {
    fn of(operation: &Operation) -> Self {
        Self {
            method: operation.verb.as_str(),
            status: operation.success.status,
            answered: OnceLock::new(),
            duration: OnceLock::new(),
        }
    }
}

/// A request on its way; counted as aborted unless it is finished.
pub(crate) struct InFlight<'a> {
    requests: &'a Requests,
    usual: Option<&'a Usual>,
    method: &'static str,
    route: &'static str,
    status: u16,
}

impl InFlight<'_> {
    /// The request is answered.
    pub(crate) fn finish(mut self, status: u16, took: Duration) {
        self.status = status;
        let find = || {
            self.requests.durations.get_or_create_owned(&RouteLabels {
                method: self.method,
                route: self.route,
            })
        };
        let seconds = took.as_secs_f64();
        match self.usual {
            Some(usual) => usual.duration.get_or_init(find).observe(seconds),
            None => find().observe(seconds),
        }
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        let find = || {
            self.requests.answered.get_or_create_owned(&RequestLabels {
                method: self.method,
                route: self.route,
                status: u32::from(self.status),
            })
        };
        match self.usual {
            Some(usual) if usual.status == self.status => usual.answered.get_or_init(find).inc(),
            Some(_) | None => find().inc(),
        };
        self.requests.in_flight.dec();
    }
}

/// From a millisecond to beyond the longest poll of 30 s.
fn latency_buckets() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 2.0, 16))
}
