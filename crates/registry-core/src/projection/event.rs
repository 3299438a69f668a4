//! What clients see of a worker's events.

#[cfg(feature = "schema")]
mod schema;

use arcstr::Substr;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{RunErrorCode, RunOutcome, Usage};
use crate::cursor::Cursor;
use crate::id::RunId;
use crate::json::{JsonText, WriteJson};

/// A numbered fact about a worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, utoipa::ToSchema))]
pub enum EventKind {
    /// The worker came to be.
    WorkerCreated,
    /// An input was committed and its run started.
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
        #[cfg_attr(feature = "schema", schemars(with = "String"), schema(value_type = String))]
        text: Substr,
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
        /// What it used; absent when the engine did not say, as when the run was cut short.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", schema(nullable = false))]
        usage: Option<Usage>,
        /// Why it failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", schema(nullable = false))]
        error_code: Option<RunErrorCode>,
    },
    /// The worker accepts nothing any more; its last event.
    WorkerStopped,
}

/// Events after a cursor, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, utoipa::ToSchema))]
pub struct EventBatch {
    /// The events; empty when nothing happened within the wait.
    pub events: Vec<WorkerEvent>,
    /// Where the next read begins.
    pub next_cursor: Cursor,
    /// Whether the batch reaches the newest event.
    pub caught_up: bool,
}

impl WriteJson for WorkerEvent {
    fn write_json(&self, json: &mut JsonText) {
        json.piece(r#"{"cursor":""#);
        json.cursor(self.cursor);
        json.piece(r#"","at":""#);
        json.instant(self.at);
        match &self.kind {
            EventKind::WorkerCreated => json.piece(r#"","kind":"worker_created"}"#),
            EventKind::InputAccepted { run_id, sequence } => {
                json.piece(r#"","kind":"input_accepted","run_id":""#);
                json.clean(run_id.as_str());
                json.piece(r#"","sequence":"#);
                json.number(*sequence);
                json.piece("}");
            }
            EventKind::OutputDelta { run_id, text } => {
                json.piece(r#"","kind":"output_delta","run_id":""#);
                json.clean(run_id.as_str());
                json.piece(r#"","text":""#);
                json.escaped(text);
                json.piece(r#""}"#);
            }
            EventKind::RunFinished {
                run_id,
                outcome,
                sequence,
                usage,
                error_code,
            } => {
                json.piece(r#"","kind":"run_finished","run_id":""#);
                json.clean(run_id.as_str());
                json.piece(r#"","outcome":"#);
                outcome.write_json(json);
                json.number_if_any(r#","sequence":"#, *sequence);
                if let Some(usage) = usage {
                    json.piece(r#","usage":"#);
                    usage.write_json(json);
                }
                if let Some(error_code) = error_code {
                    json.piece(r#","error_code":"#);
                    error_code.write_json(json);
                }
                json.piece("}");
            }
            EventKind::WorkerStopped => json.piece(r#"","kind":"worker_stopped"}"#),
        }
    }
}

impl WriteJson for EventBatch {
    fn write_json(&self, json: &mut JsonText) {
        json.piece(r#"{"events":"#);
        json.list(&self.events);
        json.piece(r#","next_cursor":""#);
        json.cursor(self.next_cursor);
        json.piece(r#"","caught_up":"#);
        json.truth(self.caught_up);
        json.piece("}");
    }
}
