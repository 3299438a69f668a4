//! What clients see of a worker, and of what was asked of it.

#[cfg(feature = "schema")]
mod schema;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Diagnostic, ImplementationKind};
#[cfg(feature = "schema")]
use crate::capability::Capability;
use crate::capability::CapabilitySet;
use crate::cursor::Cursor;
use crate::id::{DisplayRef, ProfileId, RunId, RuntimeId, WorkerId};
use crate::page::PageToken;
use crate::port::{WorkerDetailRecord, WorkerRecord};
use crate::text::DisplayName;

/// What a worker is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, utoipa::ToSchema))]
pub enum WorkerState {
    /// It waits for an input.
    Idle,
    /// It works on a run.
    Running,
    /// Its run is being ended.
    Cancelling,
    /// It accepts nothing any more. Final.
    Stopped,
    /// It is known only from a record, which proves nothing about a live process.
    Recorded,
}

impl WorkerState {
    /// The name that clients see.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Running => "running",
            Self::Cancelling => "cancelling",
            Self::Stopped => "stopped",
            Self::Recorded => "recorded",
        }
    }
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, utoipa::ToSchema))]
pub enum RunOutcome {
    /// The turn engine finished.
    Completed,
    /// A cancel, a stop or a shutdown ended it.
    Cancelled,
    /// It failed; the error code says how.
    Failed,
    /// It ran longer than a run may.
    TimedOut,
}

/// Why a run failed. The cause itself never leaves the runtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, utoipa::ToSchema))]
pub enum RunErrorCode {
    /// The provider refused the server's credentials.
    Unauthorized,
    /// The provider asked for fewer requests.
    RateLimited,
    /// The provider could not be reached.
    Unreachable,
    /// The provider did not answer in time.
    TimedOut,
    /// The provider's answer could not be understood.
    InvalidResponse,
    /// The provider refused this content.
    Refused,
    /// The server's settings for the engine can't work.
    Misconfigured,
    /// The engine failed otherwise.
    Internal,
    /// The engine panicked.
    EnginePanicked,
    /// The reply was larger than a reply may be; what fits was kept.
    OutputLimit,
    /// The server ended before the run did.
    Interrupted,
}

/// Tokens that were read and written, as the turn engine counts them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, utoipa::ToSchema))]
pub struct Usage {
    /// Tokens of what was sent to the engine.
    pub input_tokens: u64,
    /// Tokens of what the engine produced.
    pub output_tokens: u64,
}

/// How a worker's newest ended run went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, utoipa::ToSchema))]
pub struct LastRun {
    /// The run.
    pub run_id: RunId,
    /// How it ended.
    pub outcome: RunOutcome,
    /// Why, when it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(nullable = false))]
    pub error_code: Option<RunErrorCode>,
    /// When it ended.
    pub finished_at: Timestamp,
}

/// The retained part of a transcript.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, utoipa::ToSchema))]
pub struct TranscriptBounds {
    /// Entries retained.
    pub entries: u64,
    /// The oldest retained entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(nullable = false))]
    pub first_sequence: Option<u64>,
    /// The newest entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(nullable = false))]
    pub last_sequence: Option<u64>,
}

/// Where a worker's conversation stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, utoipa::ToSchema))]
pub struct ConversationSummary {
    /// What of the transcript is retained.
    pub transcript: TranscriptBounds,
    /// The position after the newest event.
    pub latest_cursor: Cursor,
    /// Tokens over all runs whose engine said what they used; one that was cut short has none.
    pub usage: Usage,
    /// How the newest ended run went.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(nullable = false))]
    pub last_run: Option<LastRun>,
}

/// One worker in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, utoipa::ToSchema))]
pub struct WorkerSummary {
    /// The runtime that holds it.
    pub runtime_id: RuntimeId,
    /// Its id within that runtime.
    pub worker_id: WorkerId,
    /// `worker@runtime`, for people; never accepted as authority.
    #[cfg_attr(feature = "schema", schemars(with = "String"), schema(value_type = String))]
    pub display_ref: DisplayRef,
    /// Its name for people.
    pub display_name: DisplayName,
    /// How its runtime is implemented.
    pub implementation_kind: ImplementationKind,
    /// The profile it was created with, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(nullable = false))]
    pub profile: Option<ProfileId>,
    /// What it is doing.
    pub state: WorkerState,
    /// The run it works on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(nullable = false))]
    pub active_run: Option<RunId>,
    /// When it was created, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(nullable = false))]
    pub created_at: Option<Timestamp>,
    /// When something last happened to it, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(nullable = false))]
    pub last_activity_at: Option<Timestamp>,
    /// What can be asked of it.
    #[cfg_attr(feature = "schema", schema(value_type = BTreeSet<Capability>, max_items = 8))]
    pub capabilities: CapabilitySet,
    /// Remarks about it.
    pub diagnostics: Vec<Diagnostic>,
}

impl WorkerSummary {
    /// What clients see of `record`: everything that names or describes its runtime comes
    /// from the registry's own knowledge, so a source can't speak for another one.
    pub(crate) fn project(
        runtime_id: &RuntimeId,
        implementation_kind: ImplementationKind,
        of_runtime: CapabilitySet,
        record: WorkerRecord,
    ) -> Self {
        Self {
            display_ref: DisplayRef::of(&record.worker_id, runtime_id),
            runtime_id: runtime_id.clone(),
            worker_id: record.worker_id,
            display_name: record.display_name,
            implementation_kind,
            profile: record.profile,
            state: record.state,
            active_run: record.active_run,
            created_at: record.created_at,
            last_activity_at: record.last_activity_at,
            capabilities: of_runtime.for_worker(record.state),
            diagnostics: record.diagnostics,
        }
    }
}

/// One worker, whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct WorkerDetail {
    /// What a list shows of it.
    #[serde(flatten)]
    pub summary: WorkerSummary,
    /// Where its conversation stands; absent where the runtime keeps none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<ConversationSummary>,
}

impl WorkerDetail {
    /// See [`WorkerSummary::project`].
    pub(crate) fn project(
        runtime_id: &RuntimeId,
        implementation_kind: ImplementationKind,
        of_runtime: CapabilitySet,
        record: WorkerDetailRecord,
    ) -> Self {
        Self {
            summary: WorkerSummary::project(
                runtime_id,
                implementation_kind,
                of_runtime,
                record.worker,
            ),
            conversation: record.conversation,
        }
    }
}

/// A page of workers, newest first within each runtime, runtimes in registration order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, utoipa::ToSchema))]
pub struct WorkerPage {
    /// The workers.
    pub items: Vec<WorkerSummary>,
    /// Where the next page begins; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(nullable = false))]
    pub next_page_token: Option<PageToken>,
    /// What the page lacks, and why.
    pub diagnostics: Vec<Diagnostic>,
}

/// An input that is committed to the transcript, and whose run has started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, utoipa::ToSchema))]
pub struct AcceptedInput {
    /// The run that works on it.
    pub run_id: RunId,
    /// The input's entry in the transcript.
    pub sequence: u64,
    /// The position after the `input_accepted` event: reading on gives the reply.
    pub cursor: Cursor,
}

/// What a cancel did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum CancelAnswer {
    /// The run has ended as cancelled.
    Cancelled {
        /// The run.
        run_id: RunId,
    },
    /// There was no active run.
    NotRunning,
}
