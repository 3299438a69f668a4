//! The audit trail: one structured event for every mutation that was asked for.

use std::time::Instant;

use crate::error::RegistryError;
use crate::id::{RunId, RuntimeId, WorkerId, WorkerRef};

/// The target of audit events, so that a log filter can keep them apart.
pub(super) const AUDIT_TARGET: &str = "yoi::audit";

/// A mutation under way; [`Audit::end`] writes its event.
///
/// One that is dropped before was abandoned: its caller is gone, and the mutation may stand
/// all the same, so its event is written as well.
pub(super) struct Audit<'a>(Option<Asked<'a>>);

/// What was asked for, until its event is written.
struct Asked<'a> {
    operation: &'static str,
    runtime_id: &'a RuntimeId,
    worker_id: Option<&'a WorkerId>,
    began: Instant,
}

impl<'a> Audit<'a> {
    /// Begins the trail of a mutation that names no worker.
    pub(super) fn of_runtime(operation: &'static str, runtime_id: &'a RuntimeId) -> Self {
        Self(Some(Asked {
            operation,
            runtime_id,
            worker_id: None,
            began: Instant::now(),
        }))
    }

    /// Begins the trail of a mutation of `worker`.
    pub(super) fn of_worker(operation: &'static str, worker: &'a WorkerRef) -> Self {
        Self(Some(Asked {
            operation,
            runtime_id: &worker.runtime_id,
            worker_id: Some(&worker.worker_id),
            began: Instant::now(),
        }))
    }

    /// Writes the event: ids, outcome and duration; never content.
    pub(super) fn end<T>(
        mut self,
        worker_id: Option<&WorkerId>,
        run_id: Option<&RunId>,
        result: &Result<T, RegistryError>,
    ) {
        let refusal = result.as_ref().err();
        let outcome = if refusal.is_none() { "done" } else { "refused" };
        if let Some(asked) = self.0.take() {
            asked.write(worker_id, run_id, outcome, refusal);
        }
    }
}

impl Drop for Audit<'_> {
    fn drop(&mut self) {
        if let Some(asked) = self.0.take() {
            asked.write(asked.worker_id, None, "abandoned", None);
        }
    }
}

impl Asked<'_> {
    fn write(
        &self,
        worker_id: Option<&WorkerId>,
        run_id: Option<&RunId>,
        outcome: &'static str,
        refusal: Option<&RegistryError>,
    ) {
        let duration_us = u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX);
        tracing::info!(
            target: AUDIT_TARGET,
            operation = self.operation,
            runtime_id = %self.runtime_id,
            worker_id = worker_id.map(tracing::field::display),
            run_id = run_id.map(tracing::field::display),
            outcome,
            refusal = refusal.map(tracing::field::display),
            duration_us,
            "operation"
        );
    }
}
