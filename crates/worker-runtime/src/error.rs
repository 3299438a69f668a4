//! Errors: one enum per operation or family of operations.

use crate::cursor::Cursor;
use crate::display_name::DisplayNameError;
use crate::id::{RunId, WorkerId};
use crate::limits::{LimitName, LimitsError};
use crate::store::{StoreError, StoreErrorKind};

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

/// The store doesn't do what the operation needs. A later attempt may succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("store is unavailable: {kind}")]
pub struct StoreUnavailable {
    /// What is wrong with it.
    pub kind: StoreErrorKind,
}

impl StoreUnavailable {
    /// Without a more precise reason, as of a commit that the executor dropped.
    pub(crate) const FAILED: Self = Self {
        kind: StoreErrorKind::Failed,
    };
}

/// Why a worker can't be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// There is no such worker.
    #[error(transparent)]
    UnknownWorker(#[from] UnknownWorker),
    /// The worker, or that part of it, is in the store, which can't be read.
    #[error(transparent)]
    Store(#[from] StoreUnavailable),
}

/// Why an operation doesn't get at a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AccessError {
    /// There is no such worker.
    #[error(transparent)]
    UnknownWorker(#[from] UnknownWorker),
    /// The worker is in the store, which can't be read.
    #[error(transparent)]
    Store(#[from] StoreUnavailable),
    /// The worker is in the store, and a limit leaves no capacity for it in memory.
    #[error(transparent)]
    Capacity(#[from] CapacityExhausted),
}

/// Makes an [`AccessError`] one of these errors, which have the same variants.
macro_rules! from_access_error {
    ($($error:ident),*) => {$(
        impl From<AccessError> for $error {
            fn from(error: AccessError) -> Self {
                match error {
                    AccessError::UnknownWorker(error) => error.into(),
                    AccessError::Store(error) => error.into(),
                    AccessError::Capacity(error) => error.into(),
                }
            }
        }
    )*};
}

from_access_error!(
    InputError,
    CancelError,
    StopError,
    RenameError,
    DeleteError,
    EventsError
);

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

/// Why a runtime can't be opened on a store.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The runtime can't be built.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The store can't be read.
    #[error("store is not usable")]
    Store(#[from] StoreError),
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
    /// A limit is reached, and there is no worker to forget or to put out of memory.
    #[error(transparent)]
    Capacity(#[from] CapacityExhausted),
    /// The store doesn't accept the change, which has not been made.
    #[error(transparent)]
    Store(#[from] StoreUnavailable),
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
    /// The store doesn't accept the change, which has not been made.
    #[error(transparent)]
    Store(#[from] StoreUnavailable),
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
    /// The store didn't accept the end of the run, which has failed for that.
    #[error(transparent)]
    Store(#[from] StoreUnavailable),
    /// The worker is in the store, and a limit leaves no capacity for it in memory.
    #[error(transparent)]
    Capacity(#[from] CapacityExhausted),
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
    /// The store doesn't accept the change, which has not been made.
    #[error(transparent)]
    Store(#[from] StoreUnavailable),
    /// The worker is in the store, and a limit leaves no capacity for it in memory.
    #[error(transparent)]
    Capacity(#[from] CapacityExhausted),
}

/// The engine has not let go of a run within [`Limits::cancel_wait`](crate::Limits), or the run's
/// end isn't stored yet. It will end as `cancelled`, unless its end was decided before, and its
/// worker takes no input until then.
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
    /// The store doesn't accept the change, which has not been made.
    #[error(transparent)]
    Store(#[from] StoreUnavailable),
    /// The worker is in the store, and a limit leaves no capacity for it in memory.
    #[error(transparent)]
    Capacity(#[from] CapacityExhausted),
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
    /// The store doesn't accept the change, which has not been made.
    #[error(transparent)]
    Store(#[from] StoreUnavailable),
    /// The worker is in the store, and a limit leaves no capacity for it in memory.
    #[error(transparent)]
    Capacity(#[from] CapacityExhausted),
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
    /// Too many readers are waiting already, or a limit leaves no capacity for the worker in memory.
    #[error(transparent)]
    Capacity(#[from] CapacityExhausted),
    /// The worker is in the store, which can't be read.
    #[error(transparent)]
    Store(#[from] StoreUnavailable),
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
