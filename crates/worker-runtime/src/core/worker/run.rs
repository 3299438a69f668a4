//! The states of a worker and the steps between them.

use std::mem;

use crate::core::reply::Reply;
use crate::engine::Usage;
use crate::event::RunErrorCode;
use crate::id::RunId;

/// What a worker is doing. A run is in exactly one place, and leaves it once.
#[derive(Debug)]
pub(super) enum State {
    Idle,
    Running(Run),
    /// How the run ends is settled, but its engine has not let go of it yet.
    Ending {
        run: Run,
        verdict: Verdict,
        then: Then,
    },
    Stopped,
}

/// A run in progress.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) id: RunId,
    pub(super) reply: Reply,
}

/// Why a run is being ended, whatever its engine does meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Cancelled,
    OutputLimit,
}

/// What the worker is when its run has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    Idle,
    Stopped,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RunEnd {
    Completed(Usage),
    Cancelled,
    Failed(RunErrorCode),
    TimedOut,
}

impl Run {
    pub(super) fn new(id: RunId) -> Self {
        Self {
            id,
            reply: Reply::default(),
        }
    }
}

impl State {
    /// The active run.
    pub(super) fn run(&self) -> Option<&Run> {
        match self {
            Self::Running(run) | Self::Ending { run, .. } => Some(run),
            Self::Idle | Self::Stopped => None,
        }
    }

    /// Begins to end the active run. The latest verdict counts, so that an accepted
    /// cancel is never answered by another outcome; a stop that was accepted stays so.
    pub(super) fn end(&mut self, verdict: Verdict, then: Then) {
        *self = match mem::replace(self, Self::Idle) {
            Self::Running(run) => Self::Ending { run, verdict, then },
            Self::Ending { run, then: was, .. } => Self::Ending {
                run,
                verdict,
                then: if was == Then::Stopped { was } else { then },
            },
            resting @ (Self::Idle | Self::Stopped) => resting,
        };
    }

    /// Takes the run out, if it is this one, and leaves the worker idle. The verdict
    /// settles how the run ended; without one, `end` does.
    pub(super) fn take_run(&mut self, run_id: RunId, end: RunEnd) -> Option<(Run, RunEnd, Then)> {
        if self.run()?.id != run_id {
            return None;
        }
        match mem::replace(self, Self::Idle) {
            Self::Running(run) => Some((run, end, Then::Idle)),
            Self::Ending { run, verdict, then } => Some((run, verdict.settles(), then)),
            Self::Idle | Self::Stopped => None,
        }
    }
}

impl Verdict {
    fn settles(self) -> RunEnd {
        match self {
            Self::Cancelled => RunEnd::Cancelled,
            Self::OutputLimit => RunEnd::Failed(RunErrorCode::OutputLimit),
        }
    }
}
