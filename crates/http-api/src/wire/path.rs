//! The paths of the API, for clients. Ids need no percent-encoding: their alphabet has no
//! character that means something in a path.

use registry_core::{RuntimeId, WorkerRef};

/// The workspace.
pub const WORKSPACE: &str = "/api/workspace";
/// All runtimes.
pub const RUNTIMES: &str = "/api/runtimes";
/// The workers of all runtimes.
pub const WORKERS: &str = "/api/workers";
/// The exchange of the bearer token for a session cookie.
pub const SESSION: &str = "/api/session";
/// The OpenAPI document.
pub const OPENAPI: &str = "/api/openapi.json";
/// Liveness.
pub const HEALTHZ: &str = "/healthz";
/// Readiness.
pub const READYZ: &str = "/readyz";
/// Prometheus metrics.
pub const METRICS: &str = "/metrics";

/// What stands between the ids of a worker.
const WORKERS_OF_RUNTIME: &str = "/workers/";

/// A path taken apart: all ids of a path stand below [`RUNTIMES`], a worker's below its runtime's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Address<'a> {
    /// The segment that is a runtime's id, as it was sent.
    pub(crate) runtime_id: Option<&'a str>,
    /// The segment that is a worker's id, as it was sent.
    pub(crate) worker_id: Option<&'a str>,
    /// What is left behind them.
    pub(crate) rest: &'a str,
}

impl<'a> Address<'a> {
    /// Takes a path, or the template of one, apart.
    pub(crate) fn of(path: &'a str) -> Self {
        let below = path.strip_prefix(RUNTIMES);
        let Some(below) = below.and_then(|below| below.strip_prefix('/')) else {
            return Self {
                runtime_id: None,
                worker_id: None,
                rest: path,
            };
        };
        let (runtime_id, rest) = first_segment(below);
        let (worker_id, rest) = match rest.strip_prefix(WORKERS_OF_RUNTIME).map(first_segment) {
            Some((worker_id, rest)) => (Some(worker_id), rest),
            None => (None, rest),
        };
        Self {
            runtime_id: Some(runtime_id),
            worker_id,
            rest,
        }
    }
}

/// What comes before the first slash, and what comes from there on.
fn first_segment(path: &str) -> (&str, &str) {
    // A third of what `str::find` costs, for ids of 16 and 36 characters.
    let ends = memchr::memchr(b'/', path.as_bytes());
    path.split_at(ends.unwrap_or(path.len()))
}

/// One runtime.
pub fn runtime(runtime_id: &RuntimeId) -> String {
    format!("{RUNTIMES}/{runtime_id}")
}

/// The workers of one runtime.
pub fn runtime_workers(runtime_id: &RuntimeId) -> String {
    format!("{RUNTIMES}/{runtime_id}/workers")
}

/// One worker.
pub fn worker(worker: &WorkerRef) -> String {
    format!(
        "{RUNTIMES}/{}{WORKERS_OF_RUNTIME}{}",
        worker.runtime_id, worker.worker_id
    )
}

/// Where a worker takes inputs.
pub fn input(of: &WorkerRef) -> String {
    format!("{}/input", worker(of))
}

/// Where a worker's run is cancelled.
pub fn cancel(of: &WorkerRef) -> String {
    format!("{}/cancel", worker(of))
}

/// Where a worker is stopped.
pub fn stop(of: &WorkerRef) -> String {
    format!("{}/stop", worker(of))
}

/// A worker's transcript.
pub fn transcript(of: &WorkerRef) -> String {
    format!("{}/transcript", worker(of))
}

/// A worker's events.
pub fn events(of: &WorkerRef) -> String {
    format!("{}/events", worker(of))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routes::OPERATIONS;

    #[test]
    fn the_ids_of_every_path_are_found_where_its_template_has_them() {
        for operation in &OPERATIONS {
            let address = Address::of(operation.path);
            let has = |name: &'static str| operation.path.contains(name).then_some(name);
            assert_eq!(address.runtime_id, has("{runtime_id}"));
            assert_eq!(address.worker_id, has("{worker_id}"));
            assert!(!address.rest.contains('{'), "{}", address.rest);
        }
    }
}
