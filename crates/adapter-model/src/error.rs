//! Errors between the server and a provider, with the runtime's code and the retry rule of
//! each.
//!
//! An error consists of our own text only. It holds nothing that the provider or a library
//! wrote, so it can be logged and kept as a cause.

use std::time::Duration;

use worker_runtime::{EngineError, EngineErrorKind};

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
    #[error("the provider answered with status {status} ({})", .reason.as_str())]
    Status {
        status: u16,
        reason: Reason,
        retry_after: Option<Duration>,
    },
    #[error("the provider reported an error in its stream ({})", .0.as_str())]
    Reported(Reason),
    #[error("the provider's answer is not understood: {}", .0.as_str())]
    Malformed(Malformed),
    #[error("the provider withheld the reply")]
    ContentFiltered,
    #[error("the reply is empty")]
    EmptyReply,
    #[error("the run takes no more output")]
    OutputClosed,
}

/// What is wrong with a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Malformed {
    NotHttp,
    NotUtf8,
    NotJson,
    EventTooLong,
    UnknownProtocol,
}

impl Malformed {
    const fn as_str(self) -> &'static str {
        match self {
            Self::NotHttp => "not HTTP",
            Self::NotUtf8 => "not UTF-8",
            Self::NotJson => "not the JSON that this protocol sends",
            Self::EventTooLong => "an event beyond the limit",
            Self::UnknownProtocol => "nothing in it is of this protocol",
        }
    }
}

impl ProviderError {
    /// The code that the runtime shows.
    pub(crate) const fn kind(&self) -> EngineErrorKind {
        match self {
            Self::ConnectFailed | Self::ConnectionLost | Self::StreamTruncated => {
                EngineErrorKind::Unreachable
            }
            Self::ConnectTimedOut | Self::FirstByteTimedOut | Self::IdleTimedOut => {
                EngineErrorKind::TimedOut
            }
            Self::Status { status, reason, .. } => status_kind(*status, *reason),
            Self::Reported(reason) => reason_kind(*reason),
            Self::Malformed(_) | Self::EmptyReply => EngineErrorKind::InvalidResponse,
            Self::ContentFiltered => EngineErrorKind::Refused,
            Self::InvalidRequest => EngineErrorKind::Misconfigured,
            Self::OutputClosed => EngineErrorKind::Internal,
        }
    }

    /// Whether the same request may be sent again. A time-out is final: the person has
    /// waited long enough.
    pub(crate) fn retry_hint(&self) -> RetryHint {
        match self {
            Self::ConnectFailed | Self::ConnectionLost | Self::StreamTruncated => {
                RetryHint::Backoff
            }
            Self::Status {
                reason: Reason::Quota,
                ..
            } => RetryHint::Never,
            Self::Status {
                status: 408 | 429 | 500..=599,
                retry_after,
                ..
            } => retry_after.map_or(RetryHint::Backoff, RetryHint::After),
            Self::Reported(Reason::Overloaded | Reason::RateLimit) => RetryHint::Backoff,
            Self::InvalidRequest
            | Self::ConnectTimedOut
            | Self::FirstByteTimedOut
            | Self::IdleTimedOut
            | Self::Status { .. }
            | Self::Reported(_)
            | Self::Malformed(_)
            | Self::ContentFiltered
            | Self::EmptyReply
            | Self::OutputClosed => RetryHint::Never,
        }
    }
}

impl From<ProviderError> for EngineError {
    fn from(error: ProviderError) -> Self {
        Self::with_cause(error.kind(), error)
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

    fn status(status: u16, reason: Reason) -> ProviderError {
        ProviderError::Status {
            status,
            reason,
            retry_after: None,
        }
    }

    #[test]
    fn each_status_has_its_code_and_its_retry_rule() {
        use EngineErrorKind::{Misconfigured, RateLimited, Refused, Unauthorized, Unreachable};
        for (code, kind, retry_hint) in [
            (301, Misconfigured, RetryHint::Never),
            (400, Refused, RetryHint::Never),
            (401, Unauthorized, RetryHint::Never),
            (403, Unauthorized, RetryHint::Never),
            (404, Misconfigured, RetryHint::Never),
            (405, Misconfigured, RetryHint::Never),
            (422, Refused, RetryHint::Never),
            (408, Unreachable, RetryHint::Backoff),
            (429, RateLimited, RetryHint::Backoff),
            (500, Unreachable, RetryHint::Backoff),
            (503, Unreachable, RetryHint::Backoff),
            (529, Unreachable, RetryHint::Backoff),
        ] {
            let error = status(code, Reason::Unknown);
            assert_eq!(
                (error.kind(), error.retry_hint()),
                (kind, retry_hint),
                "{code}"
            );
        }
        assert_eq!(status(400, Reason::Credential).kind(), Unauthorized);
    }

    #[test]
    fn quota_and_time_outs_are_final_and_retry_after_is_kept() {
        assert_eq!(status(429, Reason::Quota).retry_hint(), RetryHint::Never);
        assert_eq!(ProviderError::IdleTimedOut.retry_hint(), RetryHint::Never);
        assert_eq!(
            ProviderError::ConnectFailed.retry_hint(),
            RetryHint::Backoff
        );
        let delayed = ProviderError::Status {
            status: 503,
            reason: Reason::Unknown,
            retry_after: Some(Duration::from_secs(2)),
        };
        let delay = Duration::from_secs(2);
        assert_eq!(delayed.retry_hint(), RetryHint::After(delay));
    }
}
