//! What happens to a worker, as its readers see it: events, and the entries of its
//! transcript.

use std::fmt;
use std::sync::Arc;

use arcstr::Substr;
use jiff::Timestamp;

use crate::cursor::Cursor;
use crate::engine::{EngineErrorKind, Usage};
use crate::id::RunId;

/// A numbered fact about a worker. A clone is cheap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The position just after it: read on from here.
    pub cursor: Cursor,
    /// When it happened, to the millisecond.
    pub at: Timestamp,
    /// What happened.
    pub kind: EventKind,
}

/// What happened to a worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventKind {
    /// It exists. The first event of every worker.
    WorkerCreated,
    /// An input was committed to the transcript, and a run started.
    InputAccepted {
        /// The run.
        run_id: RunId,
        /// The number of the input's transcript entry.
        sequence: u64,
    },
    /// The run's reply grew by `text`.
    OutputDelta {
        /// The run.
        run_id: RunId,
        /// What came in addition; at most [`Limits::delta_bytes`](crate::Limits) long. Neighbours
        /// that came together share what they are parts of.
        text: Substr,
    },
    /// The run ended. Exactly one of these follows every `InputAccepted`.
    RunFinished {
        /// The run.
        run_id: RunId,
        /// How it ended.
        outcome: RunOutcome,
        /// The number of the reply's transcript entry; none if there was no text.
        sequence: Option<u64>,
        /// What the engine used; known for completed runs only.
        usage: Option<Usage>,
        /// Why it failed, if it did.
        error_code: Option<RunErrorCode>,
    },
    /// It is stopped. The last event of a worker.
    WorkerStopped,
}

impl EventKind {
    /// The kind's stable name, in `snake_case`.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::WorkerCreated => "worker_created",
            Self::InputAccepted { .. } => "input_accepted",
            Self::OutputDelta { .. } => "output_delta",
            Self::RunFinished { .. } => "run_finished",
            Self::WorkerStopped => "worker_stopped",
        }
    }
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RunOutcome {
    /// The engine finished its reply.
    Completed,
    /// A cancel, a stop or a shutdown was accepted before it had ended.
    Cancelled,
    /// It ended early; the error code says why.
    Failed,
    /// It reached [`Limits::run_time`](crate::Limits).
    TimedOut,
}

impl RunOutcome {
    /// The outcome's stable name, in `snake_case`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
            Self::TimedOut => "timed_out",
        }
    }
}

impl fmt::Display for RunOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a run failed. All that leaves the runtime about the engine's error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RunErrorCode {
    /// The engine said so.
    Engine(EngineErrorKind),
    /// The engine panicked.
    EnginePanicked,
    /// The reply reached [`Limits::output_bytes`](crate::Limits); what fitted is kept.
    OutputLimit,
    /// The host dropped the run's task, e.g. by shutting its executor down.
    Interrupted,
}

impl RunErrorCode {
    /// The code's stable name, in `snake_case`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Engine(kind) => kind.as_str(),
            Self::EnginePanicked => "engine_panicked",
            Self::OutputLimit => "output_limit",
            Self::Interrupted => "interrupted",
        }
    }
}

impl fmt::Display for RunErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One committed entry of a transcript. A clone is cheap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its number: 1 for the worker's first entry, then without gaps.
    pub sequence: u64,
    /// When it was committed, to the millisecond.
    pub at: Timestamp,
    /// Who said it.
    pub role: Role,
    /// The run that it started or that produced it.
    pub run_id: RunId,
    /// What was said. Never empty.
    pub content: Arc<str>,
    /// Whether the run ended before the reply was whole.
    pub partial: bool,
}

/// Who said an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// The person, or program, that sent the input.
    User,
    /// The engine.
    Assistant,
}

impl Role {
    /// The role's stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Assistant => "assistant",
        }
    }
}
