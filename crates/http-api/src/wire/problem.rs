//! Problems (RFC 9457): the body of every response that is not 2xx.

use registry_core::{
    Capability, Cursor, DisplayName, FixedText, ProfileId, RunId, RuntimeId, WorkerId,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Whether the same request may succeed later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Not unless something else changes first.
    Never,
    /// At once.
    Anytime,
    /// After whole seconds, which the `Retry-After` header names (RFC 9110 §10.2.3).
    After(u16),
}

/// Defines [`ProblemCode`]: all that is fixed about a code is in one row.
macro_rules! problem_codes {
    ($(
        $(#[$doc:meta])*
        $variant:ident = $name:literal, $status:literal, $retry:expr,
            $title:literal, $detail:literal;
    )+) => {
        /// The kind of a problem, for programs.
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash,
            Serialize, Deserialize, ToSchema,
        )]
        #[serde(rename_all = "snake_case")]
        pub enum ProblemCode {
            $($(#[$doc])* $variant,)+
        }

        impl ProblemCode {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The name that clients see.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// The `type` of a problem with this code: a stable URN.
            pub const fn urn(self) -> &'static str {
                match self { $(Self::$variant => concat!("urn:yoi:problem:", $name),)+ }
            }

            /// The HTTP status of a problem with this code.
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status,)+ }
            }

            /// What the code means, for people.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)+ }
            }

            /// What to do about it.
            pub const fn detail(self) -> &'static str {
                match self { $(Self::$variant => $detail,)+ }
            }

            /// Whether the same request may succeed later.
            pub const fn retry(self) -> Retry {
                match self { $(Self::$variant => $retry,)+ }
            }
        }
    };
}

problem_codes! {
    /// An id in the path or a header is not one.
    InvalidIdentifier = "invalid_identifier", 400, Retry::Never,
        "Invalid identifier", "Send an id exactly as the API gave it.";
    /// A query parameter is unknown, repeated or out of bounds.
    InvalidQuery = "invalid_query", 400, Retry::Never,
        "Invalid query", "Send only documented query parameters, each once and within its bounds.";
    /// The body is not the JSON object that the operation takes.
    InvalidBody = "invalid_body", 400, Retry::Never,
        "Invalid body", "Send a JSON object with the documented fields alone.";
    /// The cursor is not one of this server.
    InvalidCursor = "invalid_cursor", 400, Retry::Never,
        "Invalid cursor", "Send a cursor exactly as the API gave it, or none to read from the oldest event.";
    /// The page token is not one of this list.
    InvalidPageToken = "invalid_page_token", 400, Retry::Never,
        "Invalid page token", "Send the token of the page before, with the same filters, or none for the first page.";
    /// The request carries no valid credentials.
    Unauthorized = "unauthorized", 401, Retry::Never,
        "Unauthorized", "Send the token that the server printed at its start as `Authorization: Bearer TOKEN`.";
    /// The request comes from a page of another origin.
    CrossOriginRejected = "cross_origin_rejected", 403, Retry::Never,
        "Cross-origin request rejected", "Pages of this origin are served alone; the server's operator can allow others.";
    /// The client may only read.
    InsufficientScope = "insufficient_scope", 403, Retry::Never,
        "Insufficient scope", "This token is for reading alone; another one can change workers.";
    /// No runtime of that id.
    UnknownRuntime = "unknown_runtime", 404, Retry::Never,
        "Unknown runtime", "List the runtimes to see which there are.";
    /// No such worker in that runtime.
    UnknownWorker = "unknown_worker", 404, Retry::Never,
        "Unknown worker", "List the runtime's workers to see which there are.";
    /// No such path.
    UnknownRoute = "unknown_route", 404, Retry::Never,
        "Unknown route", "See /api/openapi.json for the paths that there are.";
    /// The runtime can't do this.
    OperationUnsupported = "operation_unsupported", 405, Retry::Never,
        "Operation unsupported", "The runtime's capabilities say what can be asked of it.";
    /// The path does not take this method.
    MethodNotAllowed = "method_not_allowed", 405, Retry::Never,
        "Method not allowed", "The Allow header names the methods that the path takes.";
    /// The body did not arrive in time.
    RequestTimeout = "request_timeout", 408, Retry::Anytime,
        "Request timed out", "The body did not arrive in time; send it again.";
    /// The worker has an active run.
    WorkerBusy = "worker_busy", 409, Retry::After(1),
        "Worker busy", "Wait for the active run to end, or cancel it.";
    /// The worker was stopped.
    WorkerStopped = "worker_stopped", 409, Retry::Never,
        "Worker stopped", "A stopped worker accepts nothing any more; create another one.";
    /// The run that was named is not the active one.
    RunMismatch = "run_mismatch", 409, Retry::Never,
        "Run mismatch", "Another run than the one named is active; nothing was cancelled.";
    /// The cursor's position is no longer retained, or of another life of the runtime.
    CursorExpired = "cursor_expired", 410, Retry::Never,
        "Cursor expired", "Read the transcript, then read events on from the cursor that it gives.";
    /// The input is larger than an input may be.
    InputTooLarge = "input_too_large", 413, Retry::Never,
        "Input too large", "Send less content.";
    /// The body is larger than a body may be.
    BodyTooLarge = "body_too_large", 413, Retry::Never,
        "Body too large", "Send a smaller body.";
    /// The body is not declared as `application/json`.
    UnsupportedMediaType = "unsupported_media_type", 415, Retry::Never,
        "Unsupported media type", "Send `Content-Type: application/json`.";
    /// The `Host` is not one of this server's names.
    MisdirectedHost = "misdirected_host", 421, Retry::Never,
        "Misdirected host", "The Host header names none of this server's names.";
    /// The request is for another start of a server than this one.
    MisdirectedInstance = "misdirected_instance", 421, Retry::Never,
        "Misdirected instance", "Another server answers at this address now; nothing was done.";
    /// The input has no content but white space.
    InputEmpty = "input_empty", 422, Retry::Never,
        "Input empty", "Send content with at least one character that is not white space.";
    /// The runtime has no such profile.
    UnknownProfile = "unknown_profile", 422, Retry::Never,
        "Unknown profile", "The runtime lists the profiles that it has.";
    /// The runtime has no such model.
    UnknownModel = "unknown_model", 422, Retry::Never,
        "Unknown model", "The runtime lists the models that it has.";
    /// The idempotency key was used with other content.
    IdempotencyConflict = "idempotency_conflict", 422, Retry::Never,
        "Idempotency conflict", "The key was used with other content; send a new key.";
    /// A bound of the runtime, or of the server, is reached.
    CapacityExhausted = "capacity_exhausted", 429, Retry::After(5),
        "Capacity exhausted", "The named limit is reached; try again when there is room.";
    /// As many polls wait as may wait.
    TooManyPollers = "too_many_pollers", 429, Retry::After(5),
        "Too many pollers", "As many polls wait as may wait; try again later.";
    /// The client of a named token uses as much of the server as it may.
    QuotaExhausted = "quota_exhausted", 429, Retry::After(2),
        "Quota exhausted", "The named quota of this token is reached; this request did nothing. Try again when less is in use.";
    /// The server failed.
    Internal = "internal", 500, Retry::Anytime,
        "Internal error", "The server failed; its log has the reason under the request's id.";
    /// The runtime failed or did not answer in time.
    RuntimeUnavailable = "runtime_unavailable", 503, Retry::After(2),
        "Runtime unavailable", "The runtime did not answer; of a change it is not known whether it was made.";
    /// The server has as much to do for all clients as it may.
    Overloaded = "overloaded", 503, Retry::After(1),
        "Overloaded", "The named limit of what is kept for all clients is reached; nothing was done. Try again.";
    /// The server or the runtime is ending.
    ShuttingDown = "shutting_down", 503, Retry::After(5),
        "Shutting down", "New work is not taken any more; try again after the restart.";
}

/// Why a request was not carried out. Every text in it is ours; the ids are ids that parsed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// The code as a stable URN.
    #[serde(rename = "type")]
    #[schema(value_type = String)]
    pub problem_type: FixedText,
    /// What the code means, for people.
    #[schema(value_type = String)]
    pub title: FixedText,
    /// The HTTP status, once more.
    #[schema(minimum = 400, maximum = 599)]
    pub status: u16,
    /// What programs look at.
    pub code: ProblemCode,
    /// What to do about it.
    #[schema(value_type = String)]
    pub detail: FixedText,
    /// Whether the same request may succeed later.
    pub retryable: bool,
    /// The server's id of the request; its log has the rest.
    #[schema(format = "uuid", min_length = 36, max_length = 36)]
    pub request_id: String,
    /// The header, parameter or body field that is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, nullable = false)]
    pub field: Option<FixedText>,
    /// What is wrong with the field; or why the runtime is unavailable, as a code, `standby` if the
    /// server stands by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, nullable = false)]
    pub reason: Option<FixedText>,
    /// The runtime that the code is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub runtime_id: Option<RuntimeId>,
    /// The worker that the code is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub worker_id: Option<WorkerId>,
    /// The run that the request named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub run_id: Option<RunId>,
    /// The run that is active.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub active_run_id: Option<RunId>,
    /// The profile that the request named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub profile: Option<ProfileId>,
    /// The model that the request named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub model: Option<DisplayName>,
    /// The capability that the runtime lacks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub capability: Option<Capability>,
    /// The name of the limit that is reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, nullable = false)]
    pub limit: Option<FixedText>,
    /// The most bytes there may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub limit_bytes: Option<u64>,
    /// The oldest position that can still be read from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub oldest_cursor: Option<Cursor>,
    /// The position after the newest event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub latest_cursor: Option<Cursor>,
    /// Where to read the worker's transcript, which says what the events no longer can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub transcript: Option<String>,
}
