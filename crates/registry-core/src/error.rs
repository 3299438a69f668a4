//! Every refusal of the registry, each with the ids it is about as fields.

mod source;

pub use source::{Cause, SourceError, UnavailableReason};

use crate::capability::Capability;
use crate::cursor::Cursor;
use crate::id::{ProfileId, RunId, RuntimeId, WorkerRef};
use crate::page::InvalidPageToken;
use crate::text::{DisplayName, FixedText};

/// Why the registry did not do what was asked. Nothing was changed unless a variant says so.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// No runtime of that id is registered.
    #[error("runtime {runtime_id} is unknown")]
    UnknownRuntime {
        /// The id that was asked for.
        runtime_id: RuntimeId,
    },
    /// The runtime holds no such worker; it may never have existed, or be another runtime's.
    #[error("worker {worker} is unknown")]
    UnknownWorker {
        /// The pair that was asked for.
        worker: WorkerRef,
    },
    /// The runtime has no such profile.
    #[error("profile {profile} is unknown to runtime {runtime_id}")]
    UnknownProfile {
        /// The runtime.
        runtime_id: RuntimeId,
        /// The profile that was asked for.
        profile: ProfileId,
    },
    /// The runtime has no such model.
    #[error("model {model} is unknown to runtime {runtime_id}")]
    UnknownModel {
        /// The runtime.
        runtime_id: RuntimeId,
        /// The model that was asked for.
        model: DisplayName,
    },
    /// The worker has an active run already.
    #[error("worker {worker} is busy with run {active_run}")]
    WorkerBusy {
        /// The worker.
        worker: WorkerRef,
        /// The run it works on.
        active_run: RunId,
    },
    /// The worker was stopped and accepts nothing any more.
    #[error("worker {worker} is stopped")]
    WorkerStopped {
        /// The worker.
        worker: WorkerRef,
    },
    /// A cancel named a run that isn't the active one.
    #[error("run {expected} is not the active run {active_run} of worker {worker}")]
    RunMismatch {
        /// The worker.
        worker: WorkerRef,
        /// The run that was named.
        expected: RunId,
        /// The run that is active.
        active_run: RunId,
    },
    /// The runtime has no port for the operation.
    #[error("runtime {runtime_id} does not support {}", capability.as_str())]
    OperationUnsupported {
        /// The runtime.
        runtime_id: RuntimeId,
        /// What it would need.
        capability: Capability,
    },
    /// The runtime failed or did not answer in time. Whether a mutation happened is not known,
    /// unless the reason says that nothing was changed.
    #[error("runtime {runtime_id} is unavailable: {}", reason.as_str())]
    RuntimeUnavailable {
        /// The runtime.
        runtime_id: RuntimeId,
        /// Why it is unavailable.
        reason: UnavailableReason,
        /// What went wrong inside; for the log, never shown.
        #[source]
        cause: Option<Cause>,
    },
    /// The runtime is ending and takes no new work.
    #[error("runtime {runtime_id} is shutting down")]
    ShuttingDown {
        /// The runtime.
        runtime_id: RuntimeId,
    },
    /// A bound of the runtime is reached.
    #[error("runtime {runtime_id} is at its limit of {limit}")]
    CapacityExhausted {
        /// The runtime.
        runtime_id: RuntimeId,
        /// The name of the bound, as the runtime's limits list it.
        limit: FixedText,
    },
    /// As many polls wait as may wait.
    #[error("worker {worker} has as many waiting polls as {limit} allows")]
    TooManyPollers {
        /// The worker.
        worker: WorkerRef,
        /// The name of the bound, as the runtime's limits list it.
        limit: FixedText,
    },
    /// The input has no content but white space.
    #[error("input for worker {worker} is empty")]
    InputEmpty {
        /// The worker.
        worker: WorkerRef,
    },
    /// The input is larger than an input may be.
    #[error("input for worker {worker} is over {limit_bytes} bytes")]
    InputTooLarge {
        /// The worker.
        worker: WorkerRef,
        /// The most bytes an input may have.
        limit_bytes: u64,
    },
    /// The cursor is of another epoch, older than what is retained, or from the future.
    #[error("cursor for worker {worker} is expired")]
    CursorExpired {
        /// The worker.
        worker: WorkerRef,
        /// The oldest position that can still be read from.
        oldest: Cursor,
        /// The position after the newest event.
        latest: Cursor,
    },
    /// The page token is not one of this list.
    #[error("page token: {0}")]
    InvalidPageToken(#[from] InvalidPageToken),
    /// The idempotency key was used with other content.
    #[error("idempotency key was used on runtime {runtime_id} with other content")]
    IdempotencyConflict {
        /// The runtime.
        runtime_id: RuntimeId,
    },
}
