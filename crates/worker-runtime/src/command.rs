//! Requests that change something, and their results.

use crate::cursor::Cursor;
use crate::id::{IdempotencyKey, RunId, WorkerId};

/// A worker to create. [`CreateWorker::default`] leaves every choice to the runtime.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CreateWorker {
    /// Its name for people; none gives one like `Worker 1a2b3c`.
    pub display_name: Option<String>,
    /// The id of its profile; none takes the default one of the
    /// [`ProfileSet`](crate::ProfileSet).
    pub profile: Option<String>,
    /// The name of its model, one of [`Runtime::models`](crate::Runtime::models); none takes the one of
    /// its profile, or the default one.
    pub model: Option<String>,
    /// Names this attempt, so that repeating it doesn't create a second worker.
    ///
    /// The key is remembered for as long as the worker is: once a stopped worker was
    /// forgotten, its key is free again.
    pub idempotency_key: Option<IdempotencyKey>,
}

/// An input to a worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// The text: at most [`Limits::input_bytes`](crate::Limits), and not only white space.
    pub content: String,
    /// Names this attempt, so that repeating it doesn't start a second run. The latest
    /// [`Limits::input_keys`](crate::Limits) of a worker are remembered.
    pub idempotency_key: Option<IdempotencyKey>,
}

impl Input {
    /// An input without an idempotency key.
    pub fn new(content: impl Into<String>) -> Self {
        Self {
            content: content.into(),
            idempotency_key: None,
        }
    }
}

/// An input that is committed to the transcript, and whose run was started or queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    /// The run.
    pub run_id: RunId,
    /// The number of the input's transcript entry.
    pub sequence: u64,
    /// The position after the `input_accepted` event: read from here to follow the run.
    pub cursor: Cursor,
    /// Whether an earlier request with the same key did this.
    pub replayed: bool,
}

/// The result of a cancel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancellation {
    /// The run has ended, and its outcome is `cancelled`.
    Cancelled {
        /// The run.
        run_id: RunId,
    },
    /// There was no run to cancel.
    NotRunning,
}

/// What a shutdown did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ShutdownReport {
    /// Runs that were active and have ended as `cancelled`.
    pub cancelled: Vec<ActiveRun>,
    /// Runs whose engine had not let go of them by the deadline.
    pub abandoned: Vec<ActiveRun>,
}

/// A run and the worker it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ActiveRun {
    /// The worker.
    pub worker_id: WorkerId,
    /// The run.
    pub run_id: RunId,
}
