//! What a runtime source may answer instead of doing what was asked.

use crate::cursor::Cursor;
use crate::id::RunId;
use crate::page;
use crate::text::FixedText;

/// What went wrong inside a source; for the log, never shown to a client.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why a runtime can't answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UnavailableReason {
    /// It did not answer within its deadline.
    DeadlineExceeded,
    /// It failed.
    SourceFailed,
    /// It accepted the cancel or stop, but the run has not ended within the bounded wait.
    RunStillEnding,
    /// Its store has no space left. Nothing was changed.
    StoreFull,
    /// Its store did not serve a read, or did not take a write. Nothing was changed.
    StoreFailed,
    /// Its store is gone, or another server's. Nothing was changed.
    StoreLost,
}

impl UnavailableReason {
    /// The code that clients see.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DeadlineExceeded => "deadline_exceeded",
            Self::SourceFailed => "source_failed",
            Self::RunStillEnding => "run_still_ending",
            Self::StoreFull => "store_full",
            Self::StoreFailed => "store_failed",
            Self::StoreLost => "store_lost",
        }
    }
}

/// A refusal of one source about one worker. It carries no runtime and no worker id: the
/// registry knows both and adds them.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The source holds no such worker.
    #[error("unknown worker")]
    UnknownWorker,
    /// The source has no such profile.
    #[error("unknown profile")]
    UnknownProfile,
    /// The source has no such model.
    #[error("unknown model")]
    UnknownModel,
    /// The worker has an active run already.
    #[error("worker busy with run {active_run}")]
    WorkerBusy {
        /// The run it works on.
        active_run: RunId,
    },
    /// The worker was stopped.
    #[error("worker stopped")]
    WorkerStopped,
    /// A cancel named a run that isn't the active one.
    #[error("not the active run {active_run}")]
    RunMismatch {
        /// The run that is active.
        active_run: RunId,
    },
    /// The source failed, or something it waited for did not end in time.
    #[error("unavailable: {}", reason.as_str())]
    Unavailable {
        /// Why it is unavailable.
        reason: UnavailableReason,
        /// What went wrong inside.
        #[source]
        cause: Option<Cause>,
    },
    /// The source is ending and takes no new work.
    #[error("shutting down")]
    ShuttingDown,
    /// A bound is reached.
    #[error("at the limit of {limit}")]
    CapacityExhausted {
        /// The name of the bound.
        limit: FixedText,
    },
    /// As many polls wait as may wait.
    #[error("as many waiting polls as {limit} allows")]
    TooManyPollers {
        /// The name of the bound.
        limit: FixedText,
    },
    /// The input has no content but white space.
    #[error("input empty")]
    InputEmpty,
    /// The input is larger than an input may be.
    #[error("input over {limit_bytes} bytes")]
    InputTooLarge {
        /// The most bytes an input may have.
        limit_bytes: u64,
    },
    /// The cursor is of another epoch, older than what is retained, or from the future.
    #[error("cursor expired")]
    CursorExpired {
        /// The oldest position that can still be read from.
        oldest: Cursor,
        /// The position after the newest event.
        latest: Cursor,
    },
    /// The list position is not one that this source hands out.
    #[error("not a position of this source")]
    InvalidPosition,
    /// The idempotency key was used with other content.
    #[error("idempotency key used with other content")]
    IdempotencyConflict,
}

impl SourceError {
    /// The source failed, with what went wrong inside.
    pub fn failed(cause: impl Into<Cause>) -> Self {
        Self::Unavailable {
            reason: UnavailableReason::SourceFailed,
            cause: Some(cause.into()),
        }
    }
}

impl From<page::InvalidPosition> for SourceError {
    fn from(_: page::InvalidPosition) -> Self {
        Self::InvalidPosition
    }
}
