//! The texts of each problem code, and whether trying again makes sense.

use crate::wire::ProblemCode;

/// The fixed part of a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ProblemText {
    /// What the code means.
    pub(crate) title: &'static str,
    /// What to do about it.
    pub(crate) detail: &'static str,
    /// Whether trying again makes sense.
    pub(crate) retry: Retry,
}

/// Whether the same request may succeed later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Retry {
    /// Not unless something else changes first.
    Never,
    /// At once.
    Anytime,
    /// After a while, which the `Retry-After` header gives.
    After {
        /// Whole seconds (RFC 9110 §10.2.3).
        seconds: u16,
    },
}

/// The texts of `code`.
pub(crate) fn text(code: ProblemCode) -> ProblemText {
    let (title, detail, retry) = match code {
        ProblemCode::InvalidIdentifier => (
            "Invalid identifier",
            "Send an id exactly as the API gave it.",
            Retry::Never,
        ),
        ProblemCode::InvalidQuery => (
            "Invalid query",
            "Send only documented query parameters, each once and within its bounds.",
            Retry::Never,
        ),
        ProblemCode::InvalidBody => (
            "Invalid body",
            "Send a JSON object with the documented fields alone.",
            Retry::Never,
        ),
        ProblemCode::InvalidCursor => (
            "Invalid cursor",
            "Send a cursor exactly as the API gave it, or none to read from the oldest event.",
            Retry::Never,
        ),
        ProblemCode::InvalidPageToken => (
            "Invalid page token",
            "Send the token of the page before, with the same filters, or none for the first page.",
            Retry::Never,
        ),
        ProblemCode::Unauthorized => (
            "Unauthorized",
            "Send the token that the server printed at its start as `Authorization: Bearer TOKEN`.",
            Retry::Never,
        ),
        ProblemCode::CrossOriginRejected => (
            "Cross-origin request rejected",
            "Pages of this origin are served alone; the server's operator can allow others.",
            Retry::Never,
        ),
        ProblemCode::UnknownRuntime => (
            "Unknown runtime",
            "List the runtimes to see which there are.",
            Retry::Never,
        ),
        ProblemCode::UnknownWorker => (
            "Unknown worker",
            "List the runtime's workers to see which there are.",
            Retry::Never,
        ),
        ProblemCode::UnknownRoute => (
            "Unknown route",
            "See /api/openapi.json for the paths that there are.",
            Retry::Never,
        ),
        ProblemCode::OperationUnsupported => (
            "Operation unsupported",
            "The runtime's capabilities say what can be asked of it.",
            Retry::Never,
        ),
        ProblemCode::MethodNotAllowed => (
            "Method not allowed",
            "The Allow header names the methods that the path takes.",
            Retry::Never,
        ),
        ProblemCode::RequestTimeout => (
            "Request timed out",
            "The body did not arrive in time; send it again.",
            Retry::Anytime,
        ),
        ProblemCode::WorkerBusy => (
            "Worker busy",
            "Wait for the active run to end, or cancel it.",
            Retry::After { seconds: 1 },
        ),
        ProblemCode::WorkerStopped => (
            "Worker stopped",
            "A stopped worker accepts nothing any more; create another one.",
            Retry::Never,
        ),
        ProblemCode::RunMismatch => (
            "Run mismatch",
            "Another run than the one named is active; nothing was cancelled.",
            Retry::Never,
        ),
        ProblemCode::CursorExpired => (
            "Cursor expired",
            "Read the transcript, then read events on from the cursor that it gives.",
            Retry::Never,
        ),
        ProblemCode::InputTooLarge => ("Input too large", "Send less content.", Retry::Never),
        ProblemCode::BodyTooLarge => ("Body too large", "Send a smaller body.", Retry::Never),
        ProblemCode::UnsupportedMediaType => (
            "Unsupported media type",
            "Send `Content-Type: application/json`.",
            Retry::Never,
        ),
        ProblemCode::MisdirectedHost => (
            "Misdirected host",
            "The Host header names none of this server's names.",
            Retry::Never,
        ),
        ProblemCode::InputEmpty => (
            "Input empty",
            "Send content with at least one character that is not white space.",
            Retry::Never,
        ),
        ProblemCode::UnknownProfile => (
            "Unknown profile",
            "The runtime lists the profiles that it has.",
            Retry::Never,
        ),
        ProblemCode::IdempotencyConflict => (
            "Idempotency conflict",
            "The key was used with other content; send a new key.",
            Retry::Never,
        ),
        ProblemCode::CapacityExhausted => (
            "Capacity exhausted",
            "The named limit is reached; try again later.",
            Retry::After { seconds: 5 },
        ),
        ProblemCode::TooManyPollers => (
            "Too many pollers",
            "As many polls wait as may wait; try again later.",
            Retry::After { seconds: 5 },
        ),
        ProblemCode::Internal => (
            "Internal error",
            "The server failed; its log has the reason under the request's id.",
            Retry::Anytime,
        ),
        ProblemCode::RuntimeUnavailable => (
            "Runtime unavailable",
            "The runtime did not answer; whether a change happened is not known.",
            Retry::After { seconds: 2 },
        ),
        ProblemCode::ShuttingDown => (
            "Shutting down",
            "New work is not taken any more; try again after the restart.",
            Retry::After { seconds: 5 },
        ),
    };
    ProblemText {
        title,
        detail,
        retry,
    }
}
