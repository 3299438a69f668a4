//! What is known about a run: how it ended, what it used, and what its engine reported.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;

use crate::id::RunId;

mod error;

pub use error::{EngineErrorKind, ErrorDetail, RunError, RunErrorCode};

/// The tokens that a run used, as far as its engine said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Tokens read: instructions, conversation and input. None when it is not known.
    pub input_tokens: Option<u64>,
    /// Tokens written, those of reasoning included. None when it is not known.
    pub output_tokens: Option<u64>,
}

impl Usage {
    /// What two requests used together, as far as it is known. The sums saturate at `u64::MAX`.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let sum = |one: Option<u64>, other: Option<u64>| {
            let known = [one, other].into_iter().flatten();
            known.reduce(u64::saturating_add)
        };
        Self {
            input_tokens: sum(self.input_tokens, other.input_tokens),
            output_tokens: sum(self.output_tokens, other.output_tokens),
        }
    }
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
    /// Every outcome.
    pub const ALL: &'static [Self] = &[
        Self::Completed,
        Self::Cancelled,
        Self::Failed,
        Self::TimedOut,
    ];

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
    /// The model didn't get the whole exchange before the input: the middle of its texts was left
    /// out.
    ExchangeTruncated,
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
    /// See [`RunDiagnostic::ExchangeTruncated`].
    pub exchange_truncated: bool,
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
            RunDiagnostic::ExchangeTruncated => self.exchange_truncated = true,
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
            (RunDiagnostic::ExchangeTruncated, "exchange_truncated: true"),
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
