//! What is known about a run: how it ended, what it used, and what its engine reported.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;

use crate::id::RunId;

/// The tokens that a run used, as far as its engine said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Tokens read: instructions, conversation and input. None when it is not known.
    pub input_tokens: Option<u64>,
    /// Tokens written, those of reasoning included. None when it is not known.
    pub output_tokens: Option<u64>,
}

/// The tokens that several runs used together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UsageTotals {
    /// Tokens read.
    pub input_tokens: u64,
    /// Tokens written.
    pub output_tokens: u64,
    /// Runs whose tokens, or a part of them, are not in the sums because they are not known.
    pub incomplete_runs: u64,
}

impl UsageTotals {
    /// Adds what one run used. The sums saturate at `u64::MAX`.
    pub(crate) fn add(&mut self, usage: Option<Usage>) {
        let Usage {
            input_tokens,
            output_tokens,
        } = usage.unwrap_or_default();
        self.input_tokens = self.input_tokens.saturating_add(input_tokens.unwrap_or(0));
        self.output_tokens = self
            .output_tokens
            .saturating_add(output_tokens.unwrap_or(0));
        if input_tokens.is_none() || output_tokens.is_none() {
            self.incomplete_runs = self.incomplete_runs.saturating_add(1);
        }
    }
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RunOutcome {
    /// The engine finished its reply.
    Completed,
    /// A cancel, a stop or a shutdown was accepted before it had ended.
    Cancelled,
    /// It ended early; the error code says why.
    Failed,
    /// It reached [`Limits::run_time`](crate::Limits).
    TimedOut,
}

impl RunOutcome {
    /// The outcome's stable name, in `snake_case`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
            Self::TimedOut => "timed_out",
        }
    }
}

impl fmt::Display for RunOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

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
    /// The host dropped the run's task, e.g. by shutting its executor down.
    Interrupted,
}

impl RunErrorCode {
    /// The code's stable name, in `snake_case`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Engine(kind) => kind.as_str(),
            Self::EnginePanicked => "engine_panicked",
            Self::OutputLimit => "output_limit",
            Self::Interrupted => "interrupted",
        }
    }
}

impl fmt::Display for RunErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How a worker's latest run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastRun {
    /// The run.
    pub run_id: RunId,
    /// How it ended.
    pub outcome: RunOutcome,
    /// Why it failed, if it did.
    pub error: Option<RunError>,
    /// When it ended.
    pub finished_at: Timestamp,
}

/// Something that an engine reports about a run besides its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Report {
    /// What readers of the reply should know.
    Diagnostic(RunDiagnostic),
    /// What the run has used so far. The latest report counts, however the run ends.
    Usage(Usage),
    /// An attempt failed, and the request is sent again after a delay.
    Retrying {
        /// Why it failed.
        kind: EngineErrorKind,
        /// How long the engine waits before it sends the request again.
        delay: Duration,
    },
}

impl From<RunDiagnostic> for Report {
    fn from(diagnostic: RunDiagnostic) -> Self {
        Self::Diagnostic(diagnostic)
    }
}

impl From<Usage> for Report {
    fn from(usage: Usage) -> Self {
        Self::Usage(usage)
    }
}

/// What readers of a reply should know of how it came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunDiagnostic {
    /// The model didn't get the whole conversation: the oldest entries were left out.
    ContextTruncated {
        /// How many entries were left out.
        entries: usize,
    },
    /// The model didn't get the whole input: its middle was left out.
    InputTruncated,
    /// The reply reached the limit of output tokens and stops in the middle.
    ReplyCutShort,
    /// The conversation filled the model's context, and the reply stops in the middle.
    ContextWindowFull,
    /// The provider's content filter withheld the rest of the reply.
    ContentFiltered,
    /// The reply is nothing but white space.
    BlankReply,
}

/// Everything that was reported about a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RunDiagnostics {
    /// How many of the oldest transcript entries the model did not get.
    pub omitted_entries: usize,
    /// See [`RunDiagnostic::InputTruncated`].
    pub input_truncated: bool,
    /// See [`RunDiagnostic::ReplyCutShort`].
    pub reply_cut_short: bool,
    /// See [`RunDiagnostic::ContextWindowFull`].
    pub context_window_full: bool,
    /// See [`RunDiagnostic::ContentFiltered`].
    pub content_filtered: bool,
    /// See [`RunDiagnostic::BlankReply`].
    pub blank_reply: bool,
}

impl RunDiagnostics {
    pub(crate) fn record(&mut self, diagnostic: RunDiagnostic) {
        match diagnostic {
            RunDiagnostic::ContextTruncated { entries } => self.omitted_entries = entries,
            RunDiagnostic::InputTruncated => self.input_truncated = true,
            RunDiagnostic::ReplyCutShort => self.reply_cut_short = true,
            RunDiagnostic::ContextWindowFull => self.context_window_full = true,
            RunDiagnostic::ContentFiltered => self.content_filtered = true,
            RunDiagnostic::BlankReply => self.blank_reply = true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_diagnostic_is_recorded_as_itself() {
        let cases = [
            (
                RunDiagnostic::ContextTruncated { entries: 3 },
                "omitted_entries: 3",
            ),
            (RunDiagnostic::InputTruncated, "input_truncated: true"),
            (RunDiagnostic::ReplyCutShort, "reply_cut_short: true"),
            (
                RunDiagnostic::ContextWindowFull,
                "context_window_full: true",
            ),
            (RunDiagnostic::ContentFiltered, "content_filtered: true"),
            (RunDiagnostic::BlankReply, "blank_reply: true"),
        ];
        for (diagnostic, expected) in cases {
            let mut diagnostics = RunDiagnostics::default();
            diagnostics.record(diagnostic);
            let debug = format!("{diagnostics:?}");
            assert!(debug.contains(expected), "{debug}");
            assert_eq!(
                debug.matches("true").count() + debug.matches('3').count(),
                1
            );
        }
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

    #[test]
    fn usage_adds_up_saturates_and_says_what_it_lacks() {
        let mut totals = UsageTotals::default();
        let one = Usage {
            input_tokens: Some(1),
            output_tokens: Some(u64::MAX),
        };
        totals.add(Some(one));
        totals.add(Some(one));
        let complete = UsageTotals {
            input_tokens: 2,
            output_tokens: u64::MAX,
            incomplete_runs: 0,
        };
        assert_eq!(totals, complete);
        totals.add(Some(Usage {
            output_tokens: None,
            ..one
        }));
        totals.add(None);
        assert_eq!((totals.input_tokens, totals.incomplete_runs), (3, 2));
    }
}
