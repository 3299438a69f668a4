//! The audit trail: one structured event for every mutation that was asked for.

use std::time::Instant;

use crate::error::RegistryError;
use crate::id::{RunId, RuntimeId, WorkerId};

/// The target of audit events, so that a log filter can keep them apart.
pub(super) const AUDIT_TARGET: &str = "yoi::audit";

/// A mutation under way; [`Audit::end`] writes its event.
pub(super) struct Audit<'a> {
    operation: &'static str,
    runtime_id: &'a RuntimeId,
    began: Instant,
}

impl<'a> Audit<'a> {
    /// Begins the trail of one mutation of `runtime_id`.
    pub(super) fn begin(operation: &'static str, runtime_id: &'a RuntimeId) -> Self {
        Self {
            operation,
            runtime_id,
            began: Instant::now(),
        }
    }

    /// Writes the event: ids, outcome and duration; never content.
    pub(super) fn end<T>(
        self,
        worker_id: Option<&WorkerId>,
        run_id: Option<&RunId>,
        result: &Result<T, RegistryError>,
    ) {
        let duration_us = u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX);
        let refusal = result.as_ref().err();
        tracing::info!(
            target: AUDIT_TARGET,
            operation = self.operation,
            runtime_id = %self.runtime_id,
            worker_id = worker_id.map(tracing::field::display),
            run_id = run_id.map(tracing::field::display),
            outcome = if refusal.is_none() { "done" } else { "refused" },
            refusal = refusal.map(tracing::field::display),
            duration_us,
            "operation"
        );
    }
}
