//! The port to whatever produces a worker's text.
//!
//! Implement [`TurnEngine`] to put a model behind the workers; [`OfflineEngine`] is
//! the one that needs none.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use crate::id::{RunId, WorkerId};

mod history;
mod offline;
mod output;
mod words;

pub(crate) use history::Entries;
pub use history::History;
pub use offline::OfflineEngine;
pub(crate) use output::Hearer;
pub use output::Output;

/// Produces the assistant's text for a run.
#[async_trait]
pub trait TurnEngine: Send + Sync {
    /// Answers `turn.input`, pushing the reply to `output` as it comes.
    ///
    /// # Errors
    /// What went wrong, as an [`EngineErrorKind`]. The text pushed before is kept. A
    /// panic is caught and ends the run as `failed`; but a drop that panics while another
    /// panic unwinds aborts the process, as it does everywhere in Rust.
    ///
    /// # Cancellation
    /// The run is cancelled by dropping the future, and the worker takes no other input
    /// until the drop has returned: neither polling nor dropping may block, or compute for
    /// long, because the thread has others to serve. Work handed to other tasks should be
    /// tied to the future's life.
    ///
    /// # Ordering
    /// One call per run, and never two at once for the same worker.
    async fn run(&self, turn: Turn, output: Output) -> Result<Usage, EngineError>;

    /// What answers, for people. `None` where there is nothing to say.
    fn model(&self) -> Option<ModelInfo> {
        None
    }
}

/// What answers behind an engine: what may be shown of it, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelInfo {
    /// Its public name: no address, account or credential.
    pub name: String,
    /// Whether it needs no provider and no network.
    pub offline: bool,
}

/// What a run has to work with. A clone is cheap.
#[derive(Debug, Clone)]
pub struct Turn {
    /// The worker.
    pub worker_id: WorkerId,
    /// The run.
    pub run_id: RunId,
    /// The instructions of the worker's profile.
    pub instructions: Arc<str>,
    /// The conversation before the input, oldest first, as far as it is held.
    pub transcript: History,
    /// What to answer.
    pub input: Arc<str>,
}

/// What an engine has to say about a run besides its reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remark {
    /// The model didn't get the whole conversation: the oldest entries were left out.
    ContextTruncated {
        /// How many.
        entries: usize,
    },
    /// The reply reached the most that the model may say at once, and stops in the middle.
    ReplyCutShort,
}

/// What was said of a run besides its reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RunRemarks {
    /// Entries of the transcript, the oldest, that the model did not get.
    pub left_out_entries: usize,
    /// Whether the reply stops in the middle, at the model's own limit.
    pub reply_cut_short: bool,
}

impl RunRemarks {
    pub(crate) fn note(&mut self, remark: Remark) {
        match remark {
            Remark::ContextTruncated { entries } => self.left_out_entries = entries,
            Remark::ReplyCutShort => self.reply_cut_short = true,
        }
    }
}

/// The run takes no more text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the run takes no more output")]
pub struct OutputClosed;

/// The run's outcome is decided by whatever closed its output, so an engine may pass
/// this on with `?`.
impl From<OutputClosed> for EngineError {
    fn from(closed: OutputClosed) -> Self {
        Self::with_cause(EngineErrorKind::Internal, closed)
    }
}

/// The tokens that a run used, or several runs together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Tokens read: instructions, conversation and input.
    pub input_tokens: u64,
    /// Tokens written.
    pub output_tokens: u64,
}

impl Usage {
    /// Both together; a sum that doesn't fit stays at the greatest number.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            input_tokens: self.input_tokens.saturating_add(other.input_tokens),
            output_tokens: self.output_tokens.saturating_add(other.output_tokens),
        }
    }
}

/// Why an engine gave up.
///
/// Its kind is all that leaves the runtime. The cause may quote a provider's answer or
/// address, so it shows in neither `Debug` nor `Display`, and isn't the
/// [`source`](Error::source) that error reporters print; only [`cause`](Self::cause)
/// gives it.
pub struct EngineError {
    kind: EngineErrorKind,
    cause: Option<Box<dyn Error + Send + Sync>>,
}

impl EngineError {
    /// An error without a cause.
    #[must_use]
    pub const fn new(kind: EngineErrorKind) -> Self {
        Self { kind, cause: None }
    }

    /// An error that keeps what caused it.
    pub fn with_cause(
        kind: EngineErrorKind,
        cause: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self {
            kind,
            cause: Some(cause.into()),
        }
    }

    /// What went wrong.
    #[must_use]
    pub const fn kind(&self) -> EngineErrorKind {
        self.kind
    }

    /// What caused it. Not for clients, and not for logs that clients could see.
    #[must_use]
    pub fn cause(&self) -> Option<&(dyn Error + Send + Sync)> {
        self.cause.as_deref()
    }
}

impl fmt::Debug for EngineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EngineError")
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for EngineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "turn engine failed: {}", self.kind.as_str())
    }
}

impl Error for EngineError {}

/// What can go wrong in an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EngineErrorKind {
    /// The provider didn't accept the credential.
    Unauthorized,
    /// The provider asked to come back later.
    RateLimited,
    /// The provider couldn't be reached.
    Unreachable,
    /// The provider took too long.
    TimedOut,
    /// The provider's answer couldn't be understood.
    InvalidResponse,
    /// The provider, or the model, declined to answer.
    Refused,
    /// The engine isn't set up well enough to try.
    Misconfigured,
    /// Something went wrong inside the engine.
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

#[cfg(test)]
mod tests;
