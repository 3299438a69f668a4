//! Why a run failed.

use std::fmt;
use std::time::Duration;

/// What can go wrong in an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EngineErrorKind {
    /// The provider refused the key, or none was sent.
    Unauthorized,
    /// The account has no money or quota left, or not before a time that is too long to wait.
    QuotaExhausted,
    /// The provider asks for fewer requests.
    RateLimited,
    /// The provider is there, but can't answer now: overloaded, out of memory, or crashed.
    Overloaded,
    /// There was no connection to the provider.
    Unreachable,
    /// The provider doesn't have the model, or it can't chat.
    ModelUnknown,
    /// What is at the endpoint's address is not the provider's API.
    EndpointWrong,
    /// The provider rejected the request for a reason that no other kind names.
    RequestRejected,
    /// A content filter, or the model, declined to answer.
    Refused,
    /// The reply ended without any text.
    EmptyReply,
    /// The connection broke before the reply was whole.
    ReplyCutOff,
    /// The provider's response couldn't be understood.
    InvalidResponse,
    /// The provider took too long.
    TimedOut,
    /// The input alone is longer than the model's context.
    ContextTooLong,
    /// The engine's configuration is incomplete or wrong.
    Misconfigured,
    /// The engine itself failed.
    Internal,
}

impl EngineErrorKind {
    /// Every kind.
    pub const ALL: &'static [Self] = &[
        Self::Unauthorized,
        Self::QuotaExhausted,
        Self::RateLimited,
        Self::Overloaded,
        Self::Unreachable,
        Self::ModelUnknown,
        Self::EndpointWrong,
        Self::RequestRejected,
        Self::Refused,
        Self::EmptyReply,
        Self::ReplyCutOff,
        Self::InvalidResponse,
        Self::TimedOut,
        Self::ContextTooLong,
        Self::Misconfigured,
        Self::Internal,
    ];

    /// The kind's stable name, in `snake_case`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unauthorized => "unauthorized",
            Self::QuotaExhausted => "quota_exhausted",
            Self::RateLimited => "rate_limited",
            Self::Overloaded => "overloaded",
            Self::Unreachable => "unreachable",
            Self::ModelUnknown => "model_unknown",
            Self::EndpointWrong => "endpoint_wrong",
            Self::RequestRejected => "request_rejected",
            Self::Refused => "refused",
            Self::EmptyReply => "empty_reply",
            Self::ReplyCutOff => "reply_cut_off",
            Self::InvalidResponse => "invalid_response",
            Self::TimedOut => "timed_out",
            Self::ContextTooLong => "context_too_long",
            Self::Misconfigured => "misconfigured",
            Self::Internal => "internal",
        }
    }
}

/// Which of the things that an [`EngineErrorKind`] stands for, where that says what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorDetail {
    /// `unauthorized`: no key is configured for this endpoint.
    NoKeySent,
    /// `unauthorized`: the configured key was refused.
    KeyRefused,
    /// `unreachable`: the endpoint's name was not found.
    NameLookup,
    /// `unreachable`: the connection was refused, or there is no route.
    Connect,
    /// `unreachable`: the server's certificate is not trusted, expired, or of another name.
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

impl ErrorDetail {
    /// Every detail.
    pub const ALL: &'static [Self] = &[
        Self::NoKeySent,
        Self::KeyRefused,
        Self::NameLookup,
        Self::Connect,
        Self::TlsCertificate,
        Self::TlsHandshake,
        Self::Proxy,
        Self::ConnectTimeout,
        Self::FirstByteTimeout,
        Self::IdleTimeout,
        Self::ReasoningOnly,
        Self::ToolCallsOnly,
        Self::OutputTokens,
    ];

    /// The detail's stable name, in `snake_case`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoKeySent => "no_key_sent",
            Self::KeyRefused => "key_refused",
            Self::NameLookup => "name_lookup",
            Self::Connect => "connect",
            Self::TlsCertificate => "tls_certificate",
            Self::TlsHandshake => "tls_handshake",
            Self::Proxy => "proxy",
            Self::ConnectTimeout => "connect_timeout",
            Self::FirstByteTimeout => "first_byte_timeout",
            Self::IdleTimeout => "idle_timeout",
            Self::ReasoningOnly => "reasoning_only",
            Self::ToolCallsOnly => "tool_calls_only",
            Self::OutputTokens => "output_tokens",
        }
    }
}

/// Why a run failed. Nothing else about an engine's error leaves the runtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RunError {
    /// What went wrong.
    pub code: RunErrorCode,
    /// Which kind of that, where it says what to do.
    pub detail: Option<ErrorDetail>,
    /// How long the provider asks to wait before the next request.
    pub retry_after: Option<Duration>,
}

impl From<RunErrorCode> for RunError {
    fn from(code: RunErrorCode) -> Self {
        Self {
            code,
            detail: None,
            retry_after: None,
        }
    }
}

/// The code of a [`RunError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RunErrorCode {
    /// The engine returned an error of this kind.
    Engine(EngineErrorKind),
    /// The engine panicked.
    EnginePanicked,
    /// The reply reached [`Limits::output_bytes`](crate::Limits); what fitted is kept.
    OutputLimit,
    /// The reply grew until [`Limits::total_bytes`](crate::Limits) left no room for more; what was
    /// written before is kept.
    CapacityExhausted,
    /// The runtime ended before the run did, or the host dropped the run's task.
    Interrupted,
    /// The run's end couldn't be stored.
    StoreFailed,
}

impl RunErrorCode {
    /// The code's stable name, in `snake_case`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Engine(kind) => kind.as_str(),
            Self::EnginePanicked => "engine_panicked",
            Self::OutputLimit => "output_limit",
            Self::CapacityExhausted => "capacity_exhausted",
            Self::Interrupted => "interrupted",
            Self::StoreFailed => "store_failed",
        }
    }

    /// The code with this stable name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let engine = EngineErrorKind::ALL.iter().map(|kind| Self::Engine(*kind));
        let own = [
            Self::EnginePanicked,
            Self::OutputLimit,
            Self::CapacityExhausted,
            Self::Interrupted,
            Self::StoreFailed,
        ];
        let mut codes = engine.chain(own);
        codes.find(|code| code.as_str() == name)
    }
}

impl fmt::Display for RunErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_found_by_its_name() {
        for code in [
            RunErrorCode::Engine(EngineErrorKind::ModelUnknown),
            RunErrorCode::EnginePanicked,
            RunErrorCode::OutputLimit,
            RunErrorCode::CapacityExhausted,
            RunErrorCode::Interrupted,
            RunErrorCode::StoreFailed,
        ] {
            assert_eq!(RunErrorCode::from_name(code.as_str()), Some(code));
        }
        assert_eq!(RunErrorCode::from_name("no such code"), None);
    }

    #[test]
    fn names_are_distinct_and_in_snake_case() {
        let kinds = EngineErrorKind::ALL.iter().map(|kind| kind.as_str());
        let details = ErrorDetail::ALL.iter().map(|detail| detail.as_str());
        let names: Vec<_> = kinds.chain(details).collect();
        let distinct: std::collections::HashSet<_> = names.iter().collect();
        assert_eq!(distinct.len(), names.len());
        let snake_case = |name: &str| name.bytes().all(|it| it == b'_' || it.is_ascii_lowercase());
        assert!(names.iter().all(|name| snake_case(name)), "{names:?}");
    }
}
