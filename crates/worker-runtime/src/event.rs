//! Events of a worker, and how they are read.

use std::time::Duration;

use jiff::Timestamp;
use smol_str::SmolStr;

use crate::cursor::Cursor;
use crate::id::RunId;
use crate::run::{EngineErrorKind, RunDiagnostics, RunError, RunOutcome, Usage};

/// A numbered fact about a worker. A clone is cheap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The position just after the event, to continue reading from.
    pub cursor: Cursor,
    /// When it happened, to the millisecond.
    pub at: Timestamp,
    /// What happened.
    pub kind: EventKind,
}

/// What happened to a worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventKind {
    /// The worker was created. The first event of every worker.
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
        /// The new text, at most [`Limits::delta_bytes`](crate::Limits) long.
        // Most deltas are a word, which this keeps in place.
        text: SmolStr,
    },
    /// The model's reasoning grew by `text`. It is no part of the reply.
    ReasoningDelta {
        /// The run.
        run_id: RunId,
        /// The new text, at most [`Limits::delta_bytes`](crate::Limits) long.
        text: SmolStr,
    },
    /// An attempt of the run failed, and its request is sent again after a delay.
    RunRetrying {
        /// The run.
        run_id: RunId,
        /// Why the attempt failed.
        error: EngineErrorKind,
        /// How long the engine waits.
        delay: Duration,
    },
    /// The run ended. Exactly one of these follows every `InputAccepted`.
    // Boxed, because it is more than twice as large as any other.
    RunFinished(Box<RunFinished>),
    /// The worker is stopped. Its last event.
    WorkerStopped,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunFinished {
    /// The run.
    pub run_id: RunId,
    /// How it ended.
    pub outcome: RunOutcome,
    /// The number of the reply's transcript entry; none if there was no text.
    pub sequence: Option<u64>,
    /// What the engine used, as far as it said.
    pub usage: Option<Usage>,
    /// Why it failed, if it did.
    pub error: Option<RunError>,
    /// What readers of the reply should know.
    pub diagnostics: RunDiagnostics,
}

impl EventKind {
    /// Whether a run ends with it, or the worker.
    pub(crate) const fn is_end(&self) -> bool {
        match self {
            Self::RunFinished(_) | Self::WorkerStopped => true,
            Self::WorkerCreated
            | Self::InputAccepted { .. }
            | Self::OutputDelta { .. }
            | Self::ReasoningDelta { .. }
            | Self::RunRetrying { .. } => false,
        }
    }

    /// Bytes of the text that it carries.
    pub(crate) fn text_bytes(&self) -> usize {
        match self {
            Self::OutputDelta { text, .. } | Self::ReasoningDelta { text, .. } => text.len(),
            Self::WorkerCreated
            | Self::InputAccepted { .. }
            | Self::RunRetrying { .. }
            | Self::RunFinished(_)
            | Self::WorkerStopped => 0,
        }
    }

    /// The kind's stable name, in `snake_case`.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::WorkerCreated => "worker_created",
            Self::InputAccepted { .. } => "input_accepted",
            Self::OutputDelta { .. } => "output_delta",
            Self::ReasoningDelta { .. } => "reasoning_delta",
            Self::RunRetrying { .. } => "run_retrying",
            Self::RunFinished(_) => "run_finished",
            Self::WorkerStopped => "worker_stopped",
        }
    }
}

/// Which events to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EventsQuery {
    /// Read the events after this position; without one, from the oldest event held.
    pub after: Option<Cursor>,
    /// How many events: [`Limits::page_default`](crate::Limits) without a number, and at most
    /// [`Limits::page_max`](crate::Limits).
    pub limit: Option<usize>,
    /// How long to wait when there is no event yet; at most [`Limits::wait`](crate::Limits).
    pub wait: Duration,
    /// How long to gather more once there is an event; zero answers with what is there. Never longer
    /// than what is left of `wait`.
    pub batch: Duration,
}

/// Consecutive events, oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventBatch {
    /// The events.
    pub events: Vec<Event>,
    /// The position to continue reading from.
    pub next_cursor: Cursor,
    /// Whether there were no more events when these were read.
    pub caught_up: bool,
}
