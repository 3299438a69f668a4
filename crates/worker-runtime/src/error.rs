//! Errors: one enum per operation or family of operations.

use crate::cursor::Cursor;
use crate::display_name::DisplayNameError;
use crate::id::{RunId, WorkerId};
use crate::limits::{LimitName, LimitsError};

/// No worker has this id: it never existed here, was deleted, or was stopped and then forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("worker {worker_id} is unknown")]
pub struct UnknownWorker {
    /// The id.
    pub worker_id: WorkerId,
}

/// A limit is reached. A later attempt may succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("capacity exhausted: {limit}")]
pub struct CapacityExhausted {
    /// The limit.
    pub limit: LimitName,
}

/// The runtime is shutting down and takes no new work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("runtime is stopping")]
pub struct Stopping;

/// Why a runtime can't be built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// A limit can't work.
    #[error("limits are not usable")]
    Limits(#[from] LimitsError),
}

/// Why a worker isn't created.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CreateError {
    /// The display name can't be one.
    #[error("display name is not usable")]
    DisplayName(#[from] DisplayNameError),
    /// No profile has this id.
    #[error("profile is unknown")]
    UnknownProfile,
    /// The engine has no model of this name, which the request or its profile gives.
    #[error("model is unknown")]
    UnknownModel,
    /// The idempotency key belongs to another request.
    #[error("idempotency key was used for a different worker")]
    IdempotencyConflict,
    /// The runtime is shutting down.
    #[error(transparent)]
    Stopping(#[from] Stopping),
    /// A limit is reached, and there is no stopped worker to forget.
    #[error(transparent)]
    Capacity(#[from] CapacityExhausted),
}

/// Why an input isn't accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InputError {
    /// There is no such worker.
    #[error(transparent)]
    UnknownWorker(#[from] UnknownWorker),
    /// The worker is stopped, or stops as soon as its run has ended.
    #[error("worker {worker_id} is stopped")]
    WorkerStopped {
        /// The worker.
        worker_id: WorkerId,
    },
    /// The idempotency key belongs to another input.
    #[error("idempotency key was used for a different input to worker {worker_id}")]
    IdempotencyConflict {
        /// The worker.
        worker_id: WorkerId,
    },
    /// A run is in progress.
    #[error("worker {worker_id} is busy with run {run_id}")]
    Busy {
        /// The worker.
        worker_id: WorkerId,
        /// The run.
        run_id: RunId,
    },
    /// It is empty, or only white space.
    #[error("input is empty")]
    Empty,
    /// It is longer than [`Limits::input_bytes`](crate::Limits).
    #[error("input has {actual} bytes, but at most {maximum} are allowed")]
    TooLarge {
        /// How many bytes are allowed.
        maximum: usize,
        /// How many it has.
        actual: usize,
    },
    /// The runtime is shutting down.
    #[error(transparent)]
    Stopping(#[from] Stopping),
    /// A limit leaves no capacity for another run.
    #[error(transparent)]
    Capacity(#[from] CapacityExhausted),
}

/// Why a run isn't cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CancelError {
    /// There is no such worker.
    #[error(transparent)]
    UnknownWorker(#[from] UnknownWorker),
    /// The caller named a run that isn't the active one.
    #[error("worker {worker_id} is busy with run {active}, not with run {expected}")]
    RunMismatch {
        /// The worker.
        worker_id: WorkerId,
        /// The run that the caller named.
        expected: RunId,
        /// The run in progress.
        active: RunId,
    },
    /// The cancel is accepted, but the run has not ended yet.
    #[error(transparent)]
    StillEnding(#[from] StillEnding),
}

/// Why a worker isn't stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StopError {
    /// There is no such worker.
    #[error(transparent)]
    UnknownWorker(#[from] UnknownWorker),
    /// The stop is accepted, but the worker's run has not ended yet.
    #[error(transparent)]
    StillEnding(#[from] StillEnding),
}

/// The engine has not let go of a run within [`Limits::cancel_wait`](crate::Limits). The
/// run will end as `cancelled`, and its worker takes no input before that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("run {run_id} of worker {worker_id} is still ending")]
pub struct StillEnding {
    /// The worker.
    pub worker_id: WorkerId,
    /// The run.
    pub run_id: RunId,
}

/// Why a worker isn't renamed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RenameError {
    /// There is no such worker.
    #[error(transparent)]
    UnknownWorker(#[from] UnknownWorker),
    /// The new name can't be one.
    #[error("display name is not usable")]
    DisplayName(#[from] DisplayNameError),
}

/// Why a worker isn't deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DeleteError {
    /// There is no such worker.
    #[error(transparent)]
    UnknownWorker(#[from] UnknownWorker),
    /// The worker is stopped for good, but its run has not ended yet.
    #[error(transparent)]
    StillEnding(#[from] StillEnding),
}

/// Why events can't be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EventsError {
    /// There is no such worker.
    #[error(transparent)]
    UnknownWorker(#[from] UnknownWorker),
    /// The cursor can't be resumed from.
    #[error(transparent)]
    Expired(#[from] CursorExpired),
    /// Too many readers are waiting already.
    #[error(transparent)]
    Capacity(#[from] CapacityExhausted),
}

/// A cursor of another epoch, from before the oldest event held, or from the future: the events
/// between it and now are not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("cursor is expired")]
pub struct CursorExpired {
    /// The oldest position to resume from.
    pub oldest: Cursor,
    /// The position after the latest event.
    pub latest: Cursor,
}
