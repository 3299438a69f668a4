//! Between the runtime's words and the registry's: named functions, and one exhaustive
//! `match` per family of errors.

mod conversation;
mod latest;
mod refusal;
mod worker;

pub(crate) use conversation::{
    accepted, event_batch, events_query, input, transcript_page, transcript_query,
};
pub(crate) use refusal::{
    cancel_error, create_error, events_error, input_error, stop_error, unknown_worker,
};
pub(crate) use worker::{
    cancel_target, cancellation, create_worker, created, list_query, worker_detail, worker_page,
};

use registry_core::port::SourceStatus;
use registry_core::projection as shown;
use registry_core::{Cursor, DisplayName, RunId, SourceError, WorkerId};
use worker_runtime as runtime;

/// The runtime's id of a worker. A text that the runtime would never hand out names none of
/// its workers.
pub(crate) fn worker_id(id: &WorkerId) -> Result<runtime::WorkerId, SourceError> {
    id.as_str().parse().map_err(|_| SourceError::UnknownWorker)
}

pub(crate) fn run_id(id: runtime::RunId) -> RunId {
    RunId::from(uuid::Uuid::from_bytes(id.uuid()))
}

pub(crate) fn cursor(cursor: runtime::Cursor) -> Cursor {
    Cursor::new(cursor.epoch().get(), cursor.sequence())
}

pub(crate) fn runtime_cursor(cursor: Cursor) -> runtime::Cursor {
    runtime::Cursor::new(runtime::Epoch::new(cursor.epoch()), cursor.sequence())
}

/// `None` for a name that can't be shown.
pub(crate) fn model(model: &runtime::ModelInfo) -> Option<shown::ModelSummary> {
    let name = DisplayName::cleaned(&model.name)?;
    let offline = model.offline;
    Some(shown::ModelSummary { name, offline })
}

/// `None` for a profile whose text can't be shown; a registered one always can.
pub(crate) fn profile(profile: &runtime::Profile) -> Option<shown::ProfileSummary> {
    Some(shown::ProfileSummary {
        profile_id: profile.id().as_str().parse().ok()?,
        description: DisplayName::cleaned(profile.description())?,
    })
}

pub(crate) fn limit(limit: runtime::Limit) -> shown::Limit {
    let unit = match limit.unit {
        runtime::LimitUnit::Count => shown::LimitUnit::Count,
        runtime::LimitUnit::Bytes => shown::LimitUnit::Bytes,
        runtime::LimitUnit::Milliseconds => shown::LimitUnit::Milliseconds,
    };
    shown::Limit::new(limit.name.as_str(), unit, limit.value)
}

pub(crate) fn status(status: runtime::RuntimeStatus) -> SourceStatus {
    SourceStatus {
        status: match status.phase {
            runtime::Phase::Accepting => shown::RuntimeStatus::Available,
            runtime::Phase::Stopping => shown::RuntimeStatus::Stopping,
        },
        counts: shown::RuntimeCounts {
            workers: shown::WorkersByState {
                idle: number(status.workers.idle),
                running: number(status.workers.running),
                cancelling: number(status.workers.cancelling),
                stopped: number(status.workers.stopped),
                recorded: 0,
            },
            active_runs: number(status.active_runs),
            waiting_pollers: number(status.waiting_pollers),
            held_bytes: number(status.held_bytes),
        },
        diagnostics: Vec::new(),
    }
}

pub(super) fn number(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
