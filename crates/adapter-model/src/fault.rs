//! What can go wrong between the server and a provider, as the runtime's codes tell it
//! and as a retry sees it.
//!
//! A fault is made of our own words only. It holds nothing that the provider or a library
//! wrote, so it can be logged and kept as an error's cause.

use std::time::Duration;

use worker_runtime::{EngineError, EngineErrorKind};

mod reason;
mod transport;

pub(crate) use reason::{Reason, stated_reason};
pub(crate) use transport::{in_answer, in_request, story};

/// Why an attempt gave no whole reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    #[error("the request could not be built")]
    Unsendable,
    #[error("no connection to the provider")]
    NoConnection,
    #[error("no connection to the provider within the connect time-out")]
    ConnectTimedOut,
    #[error("no answer from the provider within the first-byte time-out")]
    FirstByteTimedOut,
    #[error("nothing more from the provider within the idle time-out")]
    IdleTimedOut,
    #[error("the connection to the provider broke")]
    Broken,
    #[error("the provider's stream ended before the reply did")]
    Cut,
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
    Withheld,
    #[error("the reply is empty")]
    Empty,
    #[error("the run takes no more output")]
    OutputClosed,
}

/// What is wrong with an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Malformed {
    NotHttp,
    NotUtf8,
    NotJson,
    FrameTooLong,
    NothingKnown,
}

impl Malformed {
    const fn as_str(self) -> &'static str {
        match self {
            Self::NotHttp => "not HTTP",
            Self::NotUtf8 => "not UTF-8",
            Self::NotJson => "not the JSON that this protocol sends",
            Self::FrameTooLong => "a frame beyond the limit",
            Self::NothingKnown => "nothing in it is of this protocol",
        }
    }
}

/// Whether and when the same request may be tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Retry {
    /// It would end the same.
    No,
    /// After a pause that grows.
    Backoff,
    /// After the pause that the provider asked for.
    After(Duration),
}

impl Fault {
    /// The code that the runtime tells.
    pub(crate) const fn kind(&self) -> EngineErrorKind {
        match self {
            Self::NoConnection | Self::Broken | Self::Cut => EngineErrorKind::Unreachable,
            Self::ConnectTimedOut | Self::FirstByteTimedOut | Self::IdleTimedOut => {
                EngineErrorKind::TimedOut
            }
            Self::Status { status, reason, .. } => status_kind(*status, *reason),
            Self::Reported(reason) => reported_kind(*reason),
            Self::Malformed(_) | Self::Empty => EngineErrorKind::InvalidResponse,
            Self::Withheld => EngineErrorKind::Refused,
            Self::Unsendable => EngineErrorKind::Misconfigured,
            Self::OutputClosed => EngineErrorKind::Internal,
        }
    }

    /// Whether to try again, as long as nothing of the reply was passed on. A time-out
    /// is not repeated: the person has waited long enough.
    pub(crate) fn retry(&self) -> Retry {
        match self {
            Self::NoConnection | Self::Broken | Self::Cut => Retry::Backoff,
            Self::Status {
                reason: Reason::Quota,
                ..
            } => Retry::No,
            Self::Status {
                status: 408 | 429 | 500..=599,
                retry_after,
                ..
            } => retry_after.map_or(Retry::Backoff, Retry::After),
            Self::Reported(Reason::Overloaded | Reason::RateLimit) => Retry::Backoff,
            Self::Unsendable
            | Self::ConnectTimedOut
            | Self::FirstByteTimedOut
            | Self::IdleTimedOut
            | Self::Status { .. }
            | Self::Reported(_)
            | Self::Malformed(_)
            | Self::Withheld
            | Self::Empty
            | Self::OutputClosed => Retry::No,
        }
    }
}

impl From<Fault> for EngineError {
    fn from(fault: Fault) -> Self {
        Self::with_cause(fault.kind(), fault)
    }
}

const fn status_kind(status: u16, reason: Reason) -> EngineErrorKind {
    match status {
        401 | 403 => EngineErrorKind::Unauthorized,
        429 => EngineErrorKind::RateLimited,
        408 | 500..=599 => EngineErrorKind::Unreachable,
        // Some providers answer 400 to a wrong key, or to a question they won't take.
        400 | 402 | 409 | 413 | 422 => reported_kind(reason),
        // No such model or path, no such method, or somewhere else: it is the address
        // or the model's name that is wrong. Redirects are not followed.
        _ => EngineErrorKind::Misconfigured,
    }
}

const fn reported_kind(reason: Reason) -> EngineErrorKind {
    match reason {
        Reason::Credential => EngineErrorKind::Unauthorized,
        Reason::RateLimit | Reason::Quota => EngineErrorKind::RateLimited,
        Reason::Overloaded => EngineErrorKind::Unreachable,
        Reason::UnknownModel => EngineErrorKind::Misconfigured,
        Reason::Content | Reason::Unstated => EngineErrorKind::Refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(status: u16, reason: Reason) -> Fault {
        Fault::Status {
            status,
            reason,
            retry_after: None,
        }
    }

    #[test]
    fn each_status_has_its_code() {
        let kind = |code| status(code, Reason::Unstated).kind();
        for (code, expected) in [
            (301, EngineErrorKind::Misconfigured),
            (400, EngineErrorKind::Refused),
            (401, EngineErrorKind::Unauthorized),
            (403, EngineErrorKind::Unauthorized),
            (404, EngineErrorKind::Misconfigured),
            (405, EngineErrorKind::Misconfigured),
            (408, EngineErrorKind::Unreachable),
            (429, EngineErrorKind::RateLimited),
            (500, EngineErrorKind::Unreachable),
            (529, EngineErrorKind::Unreachable),
        ] {
            assert_eq!(kind(code), expected, "{code}");
        }
        let wrong_key = status(400, Reason::Credential);
        assert_eq!(wrong_key.kind(), EngineErrorKind::Unauthorized);
    }

    #[test]
    fn what_would_end_the_same_is_not_tried_again() {
        for code in [301, 400, 401, 403, 404, 422] {
            assert_eq!(status(code, Reason::Unstated).retry(), Retry::No, "{code}");
        }
        for code in [408, 429, 500, 503, 529] {
            assert_eq!(
                status(code, Reason::Unstated).retry(),
                Retry::Backoff,
                "{code}"
            );
        }
        assert_eq!(status(429, Reason::Quota).retry(), Retry::No);
        assert_eq!(Fault::IdleTimedOut.retry(), Retry::No);
        assert_eq!(Fault::NoConnection.retry(), Retry::Backoff);
        let told = Fault::Status {
            status: 503,
            reason: Reason::Unstated,
            retry_after: Some(Duration::from_secs(2)),
        };
        assert_eq!(told.retry(), Retry::After(Duration::from_secs(2)));
    }
}
