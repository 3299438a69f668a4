//! What is known of a run: how it began, how it ended, what it used.

#[cfg(feature = "schema")]
mod schema;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::cursor::Cursor;
use crate::id::RunId;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
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
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
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
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Usage {
    /// Tokens of what was sent to the engine.
    pub input_tokens: u64,
    /// Tokens of what the engine produced.
    pub output_tokens: u64,
}

/// How a worker's newest ended run went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
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

/// An input that is committed to the transcript, and whose run has started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
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
pub enum CancelResult {
    /// The run has ended as cancelled.
    Cancelled {
        /// The run.
        run_id: RunId,
    },
    /// There was no active run.
    NotRunning,
}
