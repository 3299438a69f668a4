//! The wire format besides the projections of `registry-core`: request bodies, responses about
//! the server itself, problems, header names, and the paths of the API. Clients use these types
//! too.

pub mod path;
mod problem;

pub use problem::{Problem, ProblemCode, Retry};

use jiff::Timestamp;
use registry_core::projection::{Limit, RuntimeSummary};
use registry_core::{DisplayName, FixedText, ProfileId, RunId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use crate::client::Scope;

/// The version of the API: grows when an answer or a request changes incompatibly.
pub const API_VERSION: u32 = 1;

/// Names of the headers that the API gives a meaning of its own.
pub mod header {
    /// A client's key for one attempt at a mutation; on create and input.
    pub const IDEMPOTENCY_KEY: &str = "idempotency-key";
    /// `true` on the answer to a repeated mutation: it was carried out before.
    pub const IDEMPOTENCY_REPLAYED: &str = "idempotency-replayed";
    /// Which start of a server a request is for; on any request. Another server refuses it.
    pub const INSTANCE: &str = "yoi-instance";
    /// The server's own id of the request, on every answer and in every problem.
    pub const X_REQUEST_ID: &str = "x-request-id";
}

/// Names of limits that clients look for in problems.
pub mod limit {
    /// Bytes of responses that their clients have not read yet. A read that is refused because
    /// of it changed nothing and may be repeated.
    pub const UNREAD_RESPONSE_BYTES: &str = "unread_response_bytes";
    /// Bytes of the request bodies that are kept. A request that is refused because of it was
    /// not read.
    pub const BODIES_BYTES: &str = "bodies_bytes";
    /// Runs that the client of a named token has started, in progress or queued.
    pub const TOKEN_RUNS: &str = "token_runs";
    /// Requests of the client of a named token that wait for events.
    pub const TOKEN_POLLS: &str = "token_polls";
    /// Bytes of request bodies, and of large responses that it has not read yet, of the client of a
    /// named token.
    pub const TOKEN_BYTES: &str = "token_bytes";
}

/// Reasons of `runtime_unavailable` that no runtime has. The others are
/// [`UnavailableReason`](registry_core::UnavailableReason).
pub mod reason {
    /// The server stands by: another one has the workspace.
    pub const STANDBY: &str = "standby";
}

/// The media type of every response but problems and `/metrics`.
pub const MEDIA_TYPE_JSON: &str = "application/json";
/// The media type of problems (RFC 9457 §3).
pub const MEDIA_TYPE_PROBLEM: &str = "application/problem+json";

/// Creates a worker. Every field may be left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateWorkerBody {
    /// The worker's name for people; without one the runtime makes one up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<DisplayName>,
    /// The worker's profile; without one the runtime's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<ProfileId>,
    /// The name of the worker's model, as the runtime lists it; without one its profile's, or the
    /// runtime's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<DisplayName>,
}

/// Sends a worker an input.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SendInputBody {
    /// What the person says: at least one character that is not white space.
    #[schema(min_length = 1, pattern = r"\S")]
    pub content: String,
}

/// Shows the size alone: content belongs in no log.
impl std::fmt::Debug for SendInputBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SendInputBody")
            .field("content_bytes", &self.content.len())
            .finish_non_exhaustive()
    }
}

/// Cancels a worker's active run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelRunBody {
    /// Only this run, and no other that may have become active meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<RunId>,
}

/// Stops a worker for good: an empty object.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StopWorkerBody {}

/// Gives a worker another name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RenameWorkerBody {
    /// The worker's new name for people.
    pub display_name: DisplayName,
}

/// Exchanges a token, or a one-time code, for a session cookie.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateSessionBody {
    /// The code; without one the request needs the token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1)]
    pub code: Option<String>,
}

/// Shows no code.
impl std::fmt::Debug for CreateSessionBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CreateSessionBody(redacted)")
    }
}

/// Issues a one-time code: an empty object.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateSessionCodeBody {}

/// A one-time code, which a page exchanges for a session.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SessionCode {
    /// The code.
    pub code: String,
    /// Until when it can be used.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

/// Shows no code.
impl std::fmt::Debug for SessionCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SessionCode")
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// The workspace that this server serves, and the server itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WorkspaceInfo {
    /// The workspace's name for people.
    pub display_name: DisplayName,
    /// The version of the server.
    #[schema(value_type = String)]
    pub server_version: FixedText,
    /// The version of the API.
    pub api_version: u32,
    /// When the server started.
    #[schema(value_type = String, format = DateTime)]
    pub started_at: Timestamp,
    /// The server's named bounds; each runtime lists its own.
    pub limits: Vec<Limit>,
}

/// Who a request's credentials are of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SessionInfo {
    /// The client: `owner`, or the name of a named token; absent where no credentials are asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub client: Option<String>,
    /// What the client may do.
    pub scope: Scope,
    /// What the client may use at once; none for the owner.
    pub quotas: Vec<Limit>,
}

/// All runtimes, in registration order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RuntimeList {
    /// The runtimes.
    pub items: Vec<RuntimeSummary>,
}

/// The server runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// Always `ok`.
    pub status: HealthStatus,
}

/// What a [`Health`] says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum HealthStatus {
    /// The server runs.
    Ok,
}

/// The server takes requests; while it shuts down, a `shutting_down` problem stands here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Readiness {
    /// Always `ready`.
    pub status: ReadinessStatus,
}

/// What a [`Readiness`] says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReadinessStatus {
    /// The server takes requests.
    Ready,
}
