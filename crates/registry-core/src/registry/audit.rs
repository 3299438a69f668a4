//! The audit trail: one structured event for every requested mutation.

use std::time::Instant;

use crate::error::RegistryError;
use crate::id::{RunId, RuntimeId, WorkerId, WorkerRef};
use crate::port::Replay;

/// The target of audit events, so that a log filter can keep them apart.
pub(super) const AUDIT_TARGET: &str = "yoi::audit";

/// What a mutation that was not refused has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// What it was to change.
    Done,
    /// Nothing: it was carried out before under the same idempotency key.
    Replayed,
    /// Nothing: there was nothing to do.
    Nothing,
}

impl Effect {
    fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Replayed => "replayed",
            Self::Nothing => "nothing_to_do",
        }
    }
}

impl From<Replay> for Effect {
    fn from(replay: Replay) -> Self {
        match replay {
            Replay::First => Self::Done,
            Replay::Replayed => Self::Replayed,
        }
    }
}

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
        effect: impl FnOnce(&T) -> Effect,
    ) {
        let (outcome, refusal) = match result {
            Ok(done) => (effect(done).as_str(), None),
            Err(refusal) => ("refused", Some(refusal)),
        };
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
