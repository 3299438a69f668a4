//! The paths of the API, for clients. Ids need no percent-encoding.

use registry_core::{RuntimeId, WorkerRef};

/// The workspace.
pub const WORKSPACE: &str = "/api/workspace";
/// All runtimes.
pub const RUNTIMES: &str = "/api/runtimes";
/// The workers of all runtimes.
pub const WORKERS: &str = "/api/workers";
/// The session: the exchange of a token or a code for a cookie, and its end.
pub const SESSION: &str = "/api/session";
/// One-time codes for the exchange.
pub const SESSION_CODES: &str = "/api/session-codes";
/// The OpenAPI document.
pub const OPENAPI: &str = "/api/openapi.json";
/// Liveness.
pub const HEALTHZ: &str = "/healthz";
/// Readiness.
pub const READYZ: &str = "/readyz";
/// Prometheus metrics.
pub const METRICS: &str = "/metrics";

/// The fragment of the page's address that signs in with `code` and shows `worker`, each if there is
/// one; empty without any. A fragment reaches no server, log or `Referer`.
pub fn page_fragment(code: Option<&str>, worker: Option<&WorkerRef>) -> String {
    let code = code.map(|code| format!("code={code}"));
    let worker = worker.map(|worker| format!("/{}/{}", worker.runtime_id, worker.worker_id));
    code.unwrap_or_default() + &worker.unwrap_or_default()
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
        "{RUNTIMES}/{}/workers/{}",
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
