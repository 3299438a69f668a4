//! Ids, idempotency keys and cursors.

use registry_core::port::Replay;
use registry_core::{Cursor, IdempotencyKey, RunId, SourceError, WorkerId};
use worker_runtime as runtime;

/// The runtime's id of a worker. A text that the runtime would never generate names none of
/// its workers.
pub(crate) fn to_runtime_worker_id(id: &WorkerId) -> Result<runtime::WorkerId, SourceError> {
    id.as_str().parse().map_err(|_| SourceError::UnknownWorker)
}

pub(crate) fn worker_id(id: runtime::WorkerId) -> WorkerId {
    WorkerId::from(id.as_uuid())
}

pub(crate) fn run_id(id: runtime::RunId) -> RunId {
    RunId::from(id.as_uuid())
}

/// Both sides have the same alphabet and length, so a failure is ours.
pub(crate) fn to_runtime_key(
    key: Option<&IdempotencyKey>,
) -> Result<Option<runtime::IdempotencyKey>, SourceError> {
    key.map(|key| key.as_str().parse().map_err(SourceError::failed))
        .transpose()
}

pub(crate) fn replay(replayed: bool) -> Replay {
    if replayed {
        Replay::Replayed
    } else {
        Replay::First
    }
}

pub(crate) fn cursor(cursor: runtime::Cursor) -> Cursor {
    Cursor::new(cursor.epoch().get(), cursor.sequence())
}

pub(crate) fn to_runtime_cursor(cursor: Cursor) -> runtime::Cursor {
    runtime::Cursor::new(runtime::Epoch::new(cursor.epoch()), cursor.sequence())
}
