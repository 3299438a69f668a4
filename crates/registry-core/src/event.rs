//! The events of a worker.

#[cfg(feature = "schema")]
mod schema;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::cursor::Cursor;
use crate::diagnostic::Diagnostic;
use crate::id::RunId;
use crate::run::{RunErrorCode, RunErrorDetail, RunOutcome, Usage};

/// An event of a worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerEvent {
    /// The position after this event.
    pub cursor: Cursor,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum EventKind {
    /// The worker was created.
    WorkerCreated,
    /// An input was committed, and its run started or was queued.
    InputAccepted {
        /// The run.
        run_id: RunId,
        /// The input's entry in the transcript.
        sequence: u64,
    },
    /// The run produced text.
    OutputDelta {
        /// The run.
        run_id: RunId,
        /// What to append to its text so far.
        #[cfg_attr(feature = "schema", schema(value_type = String))]
        text: SmolStr,
    },
    /// The run's model reasoned. It is no part of the reply.
    ReasoningDelta {
        /// The run.
        run_id: RunId,
        /// What to append to its reasoning so far.
        #[cfg_attr(feature = "schema", schema(value_type = String))]
        text: SmolStr,
    },
    /// An attempt of the run failed, and its request is sent again.
    RunRetrying {
        /// The run.
        run_id: RunId,
        /// Why the attempt failed.
        error_code: RunErrorCode,
        /// Milliseconds until the request is sent again.
        delay_ms: u64,
    },
    /// The run ended; each accepted input has exactly one such event.
    RunFinished {
        /// The run.
        run_id: RunId,
        /// How it ended.
        outcome: RunOutcome,
        /// The reply's entry in the transcript; absent when no text was produced.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", schema(nullable = false))]
        sequence: Option<u64>,
        /// What it used; absent when the engine did not say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", schema(nullable = false))]
        usage: Option<Usage>,
        /// Why it failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", schema(nullable = false))]
        error_code: Option<RunErrorCode>,
        /// Which kind of that, where it says what to do.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", schema(nullable = false))]
        error_detail: Option<RunErrorDetail>,
        /// Seconds after which the provider accepts the next request.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", schema(nullable = false))]
        retry_after_s: Option<u64>,
        /// What readers of the reply should know: that it was cut short, or what the model did not
        /// get.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        #[cfg_attr(feature = "schema", schema(max_items = 8))]
        diagnostics: Vec<Diagnostic>,
    },
    /// The worker accepts nothing any more; its last event.
    WorkerStopped,
}

/// Events after a cursor, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct EventBatch {
    /// The events; empty when nothing happened within the wait.
    pub events: Vec<WorkerEvent>,
    /// Where the next read begins.
    pub next_cursor: Cursor,
    /// Whether the batch reaches the newest event.
    pub caught_up: bool,
}
