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

/// The longest delay of a rate limit. Limits are of a minute, some of an hour; who asks for more says
/// that a quota is used up.
const RATE_LIMIT_MAX: Duration = Duration::from_secs(60 * 60);

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
    #[error("the provider answered with status {status} ({})", failure.reason)]
    Status {
        status: u16,
        key_sent: KeySent,
        failure: ProviderFailure,
    },
    #[error("the provider reported an error in its stream ({})", .0.reason)]
    Reported(ProviderFailure),
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

/// What a provider says of its failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ProviderFailure {
    pub(crate) reason: Reason,
    /// How long it asks to wait.
    retry_after: Option<Duration>,
    words: ProviderWords,
}

/// Whether a request had a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeySent {
    Yes,
    No,
}

/// What came instead of a reply's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EmptyReply {
    Nothing,
    ReasoningOnly,
    ToolCallsOnly,
}

/// What an error is to the runtime.
type Rule = (EngineErrorKind, Option<ErrorDetail>, RetryHint);

impl ProviderError {
    /// The error that a provider reports in the stream of an answer.
    pub(crate) fn reported(error: &Value) -> Self {
        Self::Reported(ProviderFailure::new(
            None,
            ErrorBody::from_value(error),
            None,
        ))
    }

    /// The error of a response with this status.
    pub(crate) fn status(
        status: u16,
        body: ErrorBody,
        key_sent: KeySent,
        retry_after: Option<Duration>,
    ) -> Self {
        // Only a proxy answers so.
        if status == 407 {
            return Self::ConnectFailed(ConnectPhase::Proxy);
        }
        Self::Status {
            status,
            key_sent,
            failure: ProviderFailure::new(Some(status), body, retry_after),
        }
    }

    /// What the provider said, if it was the provider who failed.
    pub(crate) fn failure(&self) -> Option<&ProviderFailure> {
        match self {
            Self::Status { failure, .. } | Self::Reported(failure) => Some(failure),
            Self::InvalidRequest
            | Self::ConnectFailed(_)
            | Self::ConnectTimedOut
            | Self::FirstByteTimedOut
            | Self::IdleTimedOut
            | Self::ConnectionLost
            | Self::StreamTruncated
            | Self::NotHttp
            | Self::NotUtf8
            | Self::NotJson
            | Self::EventTooLong
            | Self::HtmlPage
            | Self::UnknownProtocol
            | Self::ContentFiltered
            | Self::EmptyReply(_)
            | Self::OutputClosed => None,
        }
    }

    /// What the provider said is wrong.
    pub(crate) fn reason(&self) -> Option<Reason> {
        self.failure().map(|failure| failure.reason)
    }

    /// What the provider wrote, for the log.
    pub(crate) fn words(&self) -> Option<&str> {
        let words = self.failure().map(|failure| failure.words.as_str());
        words.filter(|words| !words.is_empty())
    }

    /// The code that the runtime shows, which kind of that it is, and whether the same request may
    /// be sent again. A time-out is final: the person has waited long enough.
    fn rule(&self) -> Rule {
        use EngineErrorKind as Kind;
        use ErrorDetail as Detail;
        use RetryHint::{Backoff, Never, Once};
        match self {
            Self::ConnectFailed(phase) => connect_rule(*phase),
            Self::ConnectTimedOut => (Kind::TimedOut, Some(Detail::ConnectTimeout), Never),
            Self::FirstByteTimedOut => (Kind::TimedOut, Some(Detail::FirstByteTimeout), Never),
            Self::IdleTimedOut => (Kind::TimedOut, Some(Detail::IdleTimeout), Never),
            Self::ConnectionLost | Self::StreamTruncated => (Kind::ReplyCutOff, None, Backoff),
            Self::Status {
                failure, key_sent, ..
            } => failure.rule(Some(*key_sent)),
            Self::Reported(failure) => failure.rule(None),
            Self::NotHttp
            | Self::NotUtf8
            | Self::NotJson
            | Self::EventTooLong
            | Self::UnknownProtocol => (Kind::InvalidResponse, None, Never),
            Self::HtmlPage => (Kind::EndpointWrong, None, Never),
            Self::ContentFiltered => (Kind::Refused, None, Never),
            Self::EmptyReply(empty) => {
                let detail = match empty {
                    EmptyReply::Nothing => None,
                    EmptyReply::ReasoningOnly => Some(Detail::ReasoningOnly),
                    EmptyReply::ToolCallsOnly => Some(Detail::ToolCallsOnly),
                };
                (Kind::EmptyReply, detail, Once)
            }
            Self::InvalidRequest => (Kind::Misconfigured, None, Never),
            Self::OutputClosed => (Kind::Internal, None, Never),
        }
    }

    /// How long the provider asks to wait.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        self.failure().and_then(|failure| failure.retry_after)
    }

    /// The code that the runtime shows.
    pub(crate) fn kind(&self) -> EngineErrorKind {
        let (kind, _, _) = self.rule();
        let is_long = self.retry_after() > Some(RATE_LIMIT_MAX);
        if kind == EngineErrorKind::RateLimited && is_long {
            EngineErrorKind::QuotaExhausted
        } else {
            kind
        }
    }

    /// Which kind of that, where it says what to do.
    pub(crate) fn detail(&self) -> Option<ErrorDetail> {
        self.rule().1
    }

    /// Whether the same request may be sent again.
    pub(crate) fn retry_hint(&self) -> RetryHint {
        self.rule().2
    }

    /// The error as the runtime takes it.
    pub(crate) fn into_engine_error(self) -> EngineError {
        let (kind, detail) = (self.kind(), self.detail());
        let retry_after = self.retry_after();
        EngineError::with_cause(kind, self)
            .with_detail(detail)
            .with_retry_after(retry_after)
    }
}

const fn connect_rule(phase: ConnectPhase) -> Rule {
    let (detail, retry) = match phase {
        ConnectPhase::NameLookup | ConnectPhase::TooManyLookups => {
            (ErrorDetail::NameLookup, RetryHint::Backoff)
        }
        ConnectPhase::Connect => (ErrorDetail::Connect, RetryHint::Backoff),
        ConnectPhase::TlsCertificate => (ErrorDetail::TlsCertificate, RetryHint::Never),
        ConnectPhase::TlsHandshake => (ErrorDetail::TlsHandshake, RetryHint::Backoff),
        ConnectPhase::Proxy => (ErrorDetail::Proxy, RetryHint::Backoff),
    };
    (EngineErrorKind::Unreachable, Some(detail), retry)
}

impl ProviderFailure {
    fn new(status: Option<u16>, body: ErrorBody, retry_after: Option<Duration>) -> Self {
        Self {
            reason: failure_table::reason(status, &body),
            retry_after: retry_after.or(body.retry_delay),
            words: body.original,
        }
    }

    /// See [`ProviderError::rule`]. It is not known of a stream whether a key was looked at.
    fn rule(&self, key_sent: Option<KeySent>) -> Rule {
        use EngineErrorKind as Kind;
        use RetryHint::Never;
        let again = self
            .retry_after
            .map_or(RetryHint::Backoff, RetryHint::After);
        match self.reason {
            Reason::Credential => {
                let detail = key_sent.map(|key_sent| match key_sent {
                    KeySent::Yes => ErrorDetail::KeyRefused,
                    KeySent::No => ErrorDetail::NoKeySent,
                });
                (Kind::Unauthorized, detail, Never)
            }
            Reason::Quota => (Kind::QuotaExhausted, None, Never),
            Reason::RateLimit => (Kind::RateLimited, None, again),
            Reason::Overloaded => (Kind::Overloaded, None, again),
            Reason::ModelUnknown => (Kind::ModelUnknown, None, Never),
            Reason::EndpointWrong => (Kind::EndpointWrong, None, Never),
            Reason::ContextTooLong(_) => (Kind::ContextTooLong, None, Never),
            Reason::Content => (Kind::Refused, None, Never),
            Reason::OutputTokens => {
                let detail = Some(ErrorDetail::OutputTokens);
                (Kind::RequestRejected, detail, Never)
            }
            Reason::StreamOptions
            | Reason::SystemMessage
            | Reason::Temperature
            | Reason::MaxTokensField
            | Reason::Rejected => (Kind::RequestRejected, None, Never),
        }
    }
}
