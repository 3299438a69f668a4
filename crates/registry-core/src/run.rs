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
    /// The provider refused the server's key, or got none.
    Unauthorized,
    /// The server's account has no money or quota left, or not before a long time.
    QuotaExhausted,
    /// The provider asked for fewer requests.
    RateLimited,
    /// The provider is there, but can't answer now: overloaded, out of memory, or crashed.
    Overloaded,
    /// There was no connection to the provider.
    Unreachable,
    /// The provider does not have the model, or it can't chat.
    ModelUnknown,
    /// What is at the endpoint is not the provider's API.
    EndpointWrong,
    /// The provider rejected the request for a reason that no other code names.
    RequestRejected,
    /// A content filter, or the model, declined to answer.
    Refused,
    /// The reply ended without any text.
    EmptyReply,
    /// The connection broke before the reply was whole.
    ReplyCutOff,
    /// The provider's answer could not be understood.
    InvalidResponse,
    /// The provider did not answer in time.
    TimedOut,
    /// The input alone is longer than the model's context.
    ContextTooLong,
    /// The server's settings for the engine can't work.
    Misconfigured,
    /// The engine failed otherwise.
    Internal,
    /// The engine panicked.
    EnginePanicked,
    /// The reply was larger than a reply may be; what fits was kept.
    OutputLimit,
    /// The server's memory for conversations was used up; what was written is kept.
    CapacityExhausted,
    /// The server ended before the run did.
    Interrupted,
    /// The server could not store the end of the run; what was not stored is lost when it ends.
    StoreFailed,
}

/// Which of the things that an error code stands for, where that says what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum RunErrorDetail {
    /// `unauthorized`: the server has no key for this endpoint.
    NoKeySent,
    /// `unauthorized`: the server's key was refused.
    KeyRefused,
    /// `unreachable`: the endpoint's name was not found.
    NameLookup,
    /// `unreachable`: the connection was refused, or there is no route.
    Connect,
    /// `unreachable`: the certificate is not trusted, expired, or of another name.
    TlsCertificate,
    /// `unreachable`: the TLS handshake failed for another reason.
    TlsHandshake,
    /// `unreachable`: the proxy refused the connection.
    Proxy,
    /// `timed_out`: no connection in time.
    ConnectTimeout,
    /// `timed_out`: no text or reasoning in time.
    FirstByteTimeout,
    /// `timed_out`: nothing more in time in the middle of a reply.
    IdleTimeout,
    /// `empty_reply`: all tokens went into reasoning.
    ReasoningOnly,
    /// `empty_reply`: the model called tools, which workers don't have.
    ToolCallsOnly,
    /// `request_rejected`: the limit of output tokens is more than the model allows.
    OutputTokens,
}

/// Tokens that a run read and wrote, as far as its turn engine said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Usage {
    /// Tokens of what was sent to the engine; absent when they are not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(nullable = false))]
    pub input_tokens: Option<u64>,
    /// Tokens of what the engine produced, reasoning included; absent when they are not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(nullable = false))]
    pub output_tokens: Option<u64>,
}

/// Tokens that all runs of a worker read and wrote together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct UsageTotals {
    /// Tokens of what was sent to the engine; absent when they are known of no run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(nullable = false))]
    pub input_tokens: Option<u64>,
    /// Tokens of what the engine produced; absent when they are known of no run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(nullable = false))]
    pub output_tokens: Option<u64>,
    /// Runs whose tokens, or a part of them, the sums lack.
    pub incomplete_runs: u64,
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
    /// Which kind of that, where it says what to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(nullable = false))]
    pub error_detail: Option<RunErrorDetail>,
    /// Seconds after which the provider accepts the next request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(nullable = false))]
    pub retry_after_s: Option<u64>,
    /// When it ended.
    pub finished_at: Timestamp,
}

/// An input that is committed to the transcript, and whose run has started or is queued.
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
