//! Errors between the server and a provider, with the runtime's code and the retry rule of
//! each.
//!
//! The text of an error is our own. What a provider wrote is kept for the log alone, in
//! [`ProviderWords`], which nothing else shows.

use std::time::Duration;

use serde_json::Value;
use worker_runtime::{EngineError, EngineErrorKind, ErrorDetail};

use crate::retry::RetryHint;

mod body;
mod failure_table;
mod too_long;
mod transport;

pub(crate) use body::{ErrorBody, ProviderWords};
pub(crate) use failure_table::Reason;
pub(crate) use transport::{ConnectPhase, error_chain, from_body_error, from_request_error};

/// Why an attempt gave no complete reply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ProviderError {
    #[error("the request could not be built")]
    InvalidRequest,
    #[error("no connection to the provider: {0}")]
    ConnectFailed(ConnectPhase),
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
        /// Whether a key was sent.
        key_sent: bool,
        retry_after: Option<Duration>,
        words: ProviderWords,
    },
    #[error("the provider reported an error in its stream ({reason})")]
    Reported {
        reason: Reason,
        retry_after: Option<Duration>,
        words: ProviderWords,
    },
    #[error("the provider's answer is not understood: not HTTP")]
    NotHttp,
    #[error("the provider's answer is not understood: not UTF-8")]
    NotUtf8,
    #[error("the provider's answer is not understood: not the JSON that this protocol sends")]
    NotJson,
    #[error("the provider's answer is not understood: an event beyond the limit")]
    EventTooLong,
    #[error("the provider's answer is a page for a browser")]
    HtmlPage,
    #[error("the provider's answer is not understood: nothing in it is of this protocol")]
    UnknownProtocol,
    #[error("the provider withheld the reply")]
    ContentFiltered,
    #[error("the reply is empty")]
    EmptyReply(EmptyReply),
    #[error("the run takes no more output")]
    OutputClosed,
}

/// What came instead of a reply's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EmptyReply {
    Nothing,
    ReasoningOnly,
    ToolCallsOnly,
}

impl ProviderError {
    /// The error that a provider reports in the stream of an answer.
    pub(crate) fn reported(error: &Value) -> Self {
        let body = ErrorBody::from_value(error);
        Self::Reported {
            reason: failure_table::reason(None, &body),
            retry_after: body.retry_delay,
            words: body.original,
        }
    }

    /// The error of a response with this status.
    pub(crate) fn status(
        status: u16,
        body: ErrorBody,
        key_sent: bool,
        retry_after: Option<Duration>,
    ) -> Self {
        // Only a proxy answers so.
        if status == 407 {
            return Self::ConnectFailed(ConnectPhase::Proxy);
        }
        Self::Status {
            status,
            reason: failure_table::reason(Some(status), &body),
            key_sent,
            retry_after: retry_after.or(body.retry_delay),
            words: body.original,
        }
    }

    /// What the provider said is wrong, if it was the provider who failed.
    pub(crate) fn reason(&self) -> Option<Reason> {
        match self {
            Self::Status { reason, .. } | Self::Reported { reason, .. } => Some(*reason),
            _ => None,
        }
    }

    /// What the provider wrote, for the log.
    pub(crate) fn words(&self) -> Option<&str> {
        match self {
            Self::Status { words, .. } | Self::Reported { words, .. } => Some(words.as_str()),
            _ => None,
        }
        .filter(|words| !words.is_empty())
    }

    /// How long the provider asks to wait.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } | Self::Reported { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// The code that the runtime shows. A delay beyond `max_retry_after` means that a quota is
    /// used up.
    pub(crate) fn kind(&self, max_retry_after: Duration) -> EngineErrorKind {
        use EngineErrorKind as Kind;
        match self {
            Self::ConnectFailed(_) => Kind::Unreachable,
            Self::ConnectTimedOut | Self::FirstByteTimedOut | Self::IdleTimedOut => Kind::TimedOut,
            Self::ConnectionLost | Self::StreamTruncated => Kind::ReplyCutOff,
            Self::Status { reason, .. } | Self::Reported { reason, .. } => match reason {
                Reason::RateLimit if self.retry_after() > Some(max_retry_after) => {
                    Kind::QuotaExhausted
                }
                reason => reason_kind(*reason),
            },
            Self::NotHttp
            | Self::NotUtf8
            | Self::NotJson
            | Self::EventTooLong
            | Self::UnknownProtocol => Kind::InvalidResponse,
            Self::HtmlPage => Kind::EndpointWrong,
            Self::EmptyReply(_) => Kind::EmptyReply,
            Self::ContentFiltered => Kind::Refused,
            Self::InvalidRequest => Kind::Misconfigured,
            Self::OutputClosed => Kind::Internal,
        }
    }

    /// Which kind of that, where it says what to do.
    pub(crate) fn detail(&self) -> Option<ErrorDetail> {
        use ErrorDetail as Detail;
        match self {
            Self::ConnectFailed(phase) => Some(match phase {
                ConnectPhase::NameLookup => Detail::NameLookup,
                ConnectPhase::Connect => Detail::Connect,
                ConnectPhase::TlsCertificate => Detail::TlsCertificate,
                ConnectPhase::TlsHandshake => Detail::TlsHandshake,
                ConnectPhase::Proxy => Detail::Proxy,
            }),
            Self::ConnectTimedOut => Some(Detail::ConnectTimeout),
            Self::FirstByteTimedOut => Some(Detail::FirstByteTimeout),
            Self::IdleTimedOut => Some(Detail::IdleTimeout),
            Self::Status {
                reason: Reason::Credential,
                key_sent,
                ..
            } => Some(if *key_sent {
                Detail::KeyRefused
            } else {
                Detail::NoKeySent
            }),
            Self::Status {
                reason: Reason::OutputTokens,
                ..
            }
            | Self::Reported {
                reason: Reason::OutputTokens,
                ..
            } => Some(Detail::OutputTokens),
            Self::EmptyReply(EmptyReply::ReasoningOnly) => Some(Detail::ReasoningOnly),
            Self::EmptyReply(EmptyReply::ToolCallsOnly) => Some(Detail::ToolCallsOnly),
            _ => None,
        }
    }

    /// Whether the same request may be sent again. A time-out is final: the person has waited long
    /// enough.
    pub(crate) fn retry_hint(&self) -> RetryHint {
        match self {
            Self::ConnectFailed(ConnectPhase::TlsCertificate) => RetryHint::Never,
            Self::ConnectFailed(_) | Self::ConnectionLost | Self::StreamTruncated => {
                RetryHint::Backoff
            }
            Self::EmptyReply(_) => RetryHint::Once,
            Self::Status { reason, .. } | Self::Reported { reason, .. } => match reason {
                Reason::RateLimit | Reason::Overloaded => {
                    let delay = self.retry_after();
                    delay.map_or(RetryHint::Backoff, RetryHint::After)
                }
                _ => RetryHint::Never,
            },
            _ => RetryHint::Never,
        }
    }

    /// The error as the runtime takes it.
    pub(crate) fn into_engine_error(self, max_retry_after: Duration) -> EngineError {
        let (kind, detail) = (self.kind(max_retry_after), self.detail());
        let retry_after = self.retry_after();
        EngineError::with_cause(kind, self)
            .with_detail(detail)
            .with_retry_after(retry_after)
    }
}

const fn reason_kind(reason: Reason) -> EngineErrorKind {
    match reason {
        Reason::Credential => EngineErrorKind::Unauthorized,
        Reason::Quota => EngineErrorKind::QuotaExhausted,
        Reason::RateLimit => EngineErrorKind::RateLimited,
        Reason::Overloaded => EngineErrorKind::Overloaded,
        Reason::ModelUnknown => EngineErrorKind::ModelUnknown,
        Reason::EndpointWrong => EngineErrorKind::EndpointWrong,
        Reason::ContextTooLong(_) => EngineErrorKind::ContextTooLong,
        Reason::Content => EngineErrorKind::Refused,
        Reason::OutputTokens | Reason::StreamOptions | Reason::SystemMessage | Reason::Rejected => {
            EngineErrorKind::RequestRejected
        }
    }
}
