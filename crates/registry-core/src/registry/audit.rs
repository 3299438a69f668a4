//! The audit trail: one structured event for every requested mutation.

use std::time::Instant;

use crate::error::RegistryError;
use crate::id::{RunId, RuntimeId, WorkerId, WorkerRef};

/// The target of audit events, so that a log filter can keep them apart.
pub(super) const AUDIT_TARGET: &str = "yoi::audit";

/// A mutation under way; [`Audit::finish`] writes its event.
///
/// When it is dropped before that, the caller is gone but the mutation may have happened, so an
/// event with the outcome "abandoned" is written.
pub(super) struct Audit<'a>(Option<Mutation<'a>>);

struct Mutation<'a> {
    operation: &'static str,
    runtime_id: &'a RuntimeId,
    worker_id: Option<&'a WorkerId>,
    began: Instant,
}

impl<'a> Audit<'a> {
    /// A mutation that names no worker.
    pub(super) fn for_runtime(operation: &'static str, runtime_id: &'a RuntimeId) -> Self {
        Self(Some(Mutation {
            operation,
            runtime_id,
            worker_id: None,
            began: Instant::now(),
        }))
    }

    pub(super) fn for_worker(operation: &'static str, worker: &'a WorkerRef) -> Self {
        Self(Some(Mutation {
            operation,
            runtime_id: &worker.runtime_id,
            worker_id: Some(&worker.worker_id),
            began: Instant::now(),
        }))
    }

    /// Writes the event: ids, outcome and duration; never content.
    pub(super) fn finish<T>(
        mut self,
        worker_id: Option<&WorkerId>,
        run_id: Option<&RunId>,
        result: &Result<T, RegistryError>,
    ) {
        let refusal = result.as_ref().err();
        let outcome = if refusal.is_none() { "done" } else { "refused" };
        if let Some(mutation) = self.0.take() {
            mutation.write(worker_id, run_id, outcome, refusal);
        }
    }
}

impl Drop for Audit<'_> {
    fn drop(&mut self) {
        if let Some(mutation) = self.0.take() {
            mutation.write(mutation.worker_id, None, "abandoned", None);
        }
    }
}

impl Mutation<'_> {
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
