//! What is known about a run: how it ended, what it used, and what its engine reported.

use std::fmt;

use jiff::Timestamp;

use crate::id::RunId;

/// The tokens that a run used, or several runs together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Tokens read: instructions, conversation and input.
    pub input_tokens: u64,
    /// Tokens written.
    pub output_tokens: u64,
}

impl Usage {
    /// The sum of both, saturating at `u64::MAX`.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            input_tokens: self.input_tokens.saturating_add(other.input_tokens),
            output_tokens: self.output_tokens.saturating_add(other.output_tokens),
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
    /// The provider didn't accept the credential.
    Unauthorized,
    /// The provider refused the request because there were too many.
    RateLimited,
    /// The provider couldn't be reached.
    Unreachable,
    /// The provider took too long.
    TimedOut,
    /// The provider's response couldn't be understood.
    InvalidResponse,
    /// The provider, or the model, declined to answer.
    Refused,
    /// The engine's configuration is incomplete or wrong.
    Misconfigured,
    /// The engine itself failed.
    Internal,
}

impl EngineErrorKind {
    /// Every kind.
    pub const ALL: &'static [Self] = &[
        Self::Unauthorized,
        Self::RateLimited,
        Self::Unreachable,
        Self::TimedOut,
        Self::InvalidResponse,
        Self::Refused,
        Self::Misconfigured,
        Self::Internal,
    ];

    /// The kind's stable name, in `snake_case`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unauthorized => "unauthorized",
            Self::RateLimited => "rate_limited",
            Self::Unreachable => "unreachable",
            Self::TimedOut => "timed_out",
            Self::InvalidResponse => "invalid_response",
            Self::Refused => "refused",
            Self::Misconfigured => "misconfigured",
            Self::Internal => "internal",
        }
    }
}

/// Why a run failed. Nothing else about an engine's error leaves the runtime.
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
    pub error_code: Option<RunErrorCode>,
    /// When it ended.
    pub finished_at: Timestamp,
}

/// Something that an engine reports about a run besides its reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunDiagnostic {
    /// The model didn't get the whole conversation: the oldest entries were left out.
    ContextTruncated {
        /// How many entries were left out.
        entries: usize,
    },
    /// The reply reached the model's own limit and stops in the middle.
    ReplyCutShort,
}

/// Everything that was reported about a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RunDiagnostics {
    /// How many of the oldest transcript entries the model did not get.
    pub omitted_entries: usize,
    /// Whether the reply stops in the middle, at the model's own limit.
    pub reply_cut_short: bool,
}

impl RunDiagnostics {
    pub(crate) fn record(&mut self, diagnostic: RunDiagnostic) {
        match diagnostic {
            RunDiagnostic::ContextTruncated { entries } => self.omitted_entries = entries,
            RunDiagnostic::ReplyCutShort => self.reply_cut_short = true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_adds_up_and_saturates() {
        let one = Usage {
            input_tokens: 1,
            output_tokens: u64::MAX,
        };
        let both = one.plus(one);
        assert_eq!((both.input_tokens, both.output_tokens), (2, u64::MAX));
    }
}
