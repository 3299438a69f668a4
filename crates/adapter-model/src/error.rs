//! Errors between the server and a provider, with the runtime's code and the retry rule of
//! each.
//!
//! An error consists of our own text only. It holds nothing that the provider or a library
//! wrote, so it can be logged and kept as a cause.

use std::time::Duration;

use worker_runtime::{EngineError, EngineErrorKind};

use crate::context_budget::TooLong;
use crate::retry::RetryHint;

mod reason;
mod transport;

pub(crate) use reason::Reason;
pub(crate) use transport::{error_chain, from_body_error, from_request_error};

/// Why an attempt gave no complete reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ProviderError {
    #[error("the request could not be built")]
    InvalidRequest,
    #[error("no connection to the provider")]
    ConnectFailed,
    #[error("no connection to the provider within the connect time-out")]
    ConnectTimedOut,
    #[error("no answer from the provider within the first-byte time-out")]
    FirstByteTimedOut,
    #[error("nothing more from the provider within the idle time-out")]
    IdleTimedOut,
    #[error("the connection to the provider broke")]
    ConnectionLost,
    #[error("the provider's stream ended before the reply did")]
    StreamTruncated,
    #[error("the provider answered with status {status} ({reason})")]
    Status {
        status: u16,
        reason: Reason,
        retry_after: Option<Duration>,
    },
    #[error("the provider reported an error in its stream ({0})")]
    Reported(Reason),
    #[error("the provider's answer is not understood: not HTTP")]
    NotHttp,
    #[error("the provider's answer is not understood: not UTF-8")]
    NotUtf8,
    #[error("the provider's answer is not understood: not the JSON that this protocol sends")]
    NotJson,
    #[error("the provider's answer is not understood: an event beyond the limit")]
    EventTooLong,
    #[error("the provider's answer is not understood: nothing in it is of this protocol")]
    UnknownProtocol,
    #[error("the prompt is longer than the model's context")]
    ContextTooLong(TooLong),
    #[error("the provider withheld the reply")]
    ContentFiltered,
    #[error("the reply is empty")]
    EmptyReply,
    #[error("the run takes no more output")]
    OutputClosed,
}

impl ProviderError {
    /// The code that the runtime shows, and whether the same request may be sent again. A
    /// time-out is final: the person has waited long enough.
    pub(crate) fn classify(&self) -> (EngineErrorKind, RetryHint) {
        use EngineErrorKind as Kind;
        match self {
            Self::ConnectFailed | Self::ConnectionLost | Self::StreamTruncated => {
                (Kind::Unreachable, RetryHint::Backoff)
            }
            Self::ConnectTimedOut | Self::FirstByteTimedOut | Self::IdleTimedOut => {
                (Kind::TimedOut, RetryHint::Never)
            }
            Self::Status {
                status,
                reason,
                retry_after,
            } => {
                let retry_hint = match (status, reason) {
                    (_, Reason::Quota) => RetryHint::Never,
                    (408 | 429 | 500..=599, _) => {
                        retry_after.map_or(RetryHint::Backoff, RetryHint::After)
                    }
                    (_, _) => RetryHint::Never,
                };
                (status_kind(*status, *reason), retry_hint)
            }
            Self::Reported(reason @ (Reason::Overloaded | Reason::RateLimit)) => {
                (reason_kind(*reason), RetryHint::Backoff)
            }
            Self::Reported(reason) => (reason_kind(*reason), RetryHint::Never),
            Self::NotHttp
            | Self::NotUtf8
            | Self::NotJson
            | Self::EventTooLong
            | Self::UnknownProtocol
            | Self::EmptyReply => (Kind::InvalidResponse, RetryHint::Never),
            Self::ContextTooLong(_) => (Kind::ContextTooLong, RetryHint::Never),
            Self::ContentFiltered => (Kind::Refused, RetryHint::Never),
            Self::InvalidRequest => (Kind::Misconfigured, RetryHint::Never),
            Self::OutputClosed => (Kind::Internal, RetryHint::Never),
        }
    }
}

impl From<ProviderError> for EngineError {
    fn from(error: ProviderError) -> Self {
        let (kind, _) = error.classify();
        Self::with_cause(kind, error)
    }
}

const fn status_kind(status: u16, reason: Reason) -> EngineErrorKind {
    match status {
        401 | 403 => EngineErrorKind::Unauthorized,
        429 => EngineErrorKind::RateLimited,
        408 | 500..=599 => EngineErrorKind::Unreachable,
        // Some providers answer a wrong key or a refused prompt with 400.
        400 | 402 | 409 | 413 | 422 => reason_kind(reason),
        // The address or the model's name is wrong. Redirects are not followed.
        _ => EngineErrorKind::Misconfigured,
    }
}

const fn reason_kind(reason: Reason) -> EngineErrorKind {
    match reason {
        Reason::Credential => EngineErrorKind::Unauthorized,
        Reason::RateLimit | Reason::Quota => EngineErrorKind::RateLimited,
        Reason::Overloaded => EngineErrorKind::Unreachable,
        Reason::UnknownModel => EngineErrorKind::Misconfigured,
        Reason::Content | Reason::Unknown => EngineErrorKind::Refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(status: u16, reason: Reason, retry_after: Option<Duration>) -> ProviderError {
        ProviderError::Status {
            status,
            reason,
            retry_after,
        }
    }

    #[test]
    fn each_status_has_its_code_and_its_retry_rule() {
        use EngineErrorKind::{Misconfigured, RateLimited, Refused, Unauthorized, Unreachable};
        for (code, reason, expected) in [
            (301, Reason::Unknown, (Misconfigured, RetryHint::Never)),
            (400, Reason::Unknown, (Refused, RetryHint::Never)),
            (400, Reason::Credential, (Unauthorized, RetryHint::Never)),
            (401, Reason::Unknown, (Unauthorized, RetryHint::Never)),
            (403, Reason::Unknown, (Unauthorized, RetryHint::Never)),
            (404, Reason::Unknown, (Misconfigured, RetryHint::Never)),
            (405, Reason::Unknown, (Misconfigured, RetryHint::Never)),
            (422, Reason::Unknown, (Refused, RetryHint::Never)),
            (408, Reason::Unknown, (Unreachable, RetryHint::Backoff)),
            (429, Reason::Unknown, (RateLimited, RetryHint::Backoff)),
            (429, Reason::Quota, (RateLimited, RetryHint::Never)),
            (500, Reason::Unknown, (Unreachable, RetryHint::Backoff)),
            (503, Reason::Unknown, (Unreachable, RetryHint::Backoff)),
            (529, Reason::Unknown, (Unreachable, RetryHint::Backoff)),
        ] {
            assert_eq!(status(code, reason, None).classify(), expected, "{code}");
        }
        let delay = Duration::from_secs(2);
        let (_, hint) = status(503, Reason::Unknown, Some(delay)).classify();
        assert_eq!(hint, RetryHint::After(delay));
        let failed = ProviderError::ConnectFailed.classify();
        assert_eq!(failed, (Unreachable, RetryHint::Backoff));
    }
}
