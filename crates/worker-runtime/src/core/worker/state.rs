//! The states of a worker and the steps between them.

use std::mem;

use crate::core::reply_buffer::ReplyBuffer;
use crate::id::RunId;
use crate::limits::Limits;
use crate::run::{RunError, RunErrorCode, RunOutcome, Usage};
use crate::transcript::RunPhase;

/// What a worker is doing. A run is in exactly one state, and leaves it once.
#[derive(Debug)]
pub(super) enum State {
    Idle,
    Running(Run),
    /// The run's end is decided, but its engine has not let go of it yet.
    Ending {
        run: Run,
        reason: EndReason,
        next: NextState,
    },
    /// The run's end is decided for good, and is being stored.
    Finishing {
        run: Run,
        /// Whether it ends as cancelled.
        cancelled: bool,
        /// A stop may still come.
        next: NextState,
    },
    Stopped,
}

/// A run in progress.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) id: RunId,
    pub(super) phase: RunPhase,
    pub(super) reply: ReplyBuffer,
    pub(super) reasoning: ReplyBuffer,
    /// Some of the reasoning was dropped, so nothing may follow.
    pub(super) reasoning_full: bool,
    /// What the engine reported last.
    pub(super) usage: Option<Usage>,
}

/// Why a run is being ended, whatever its engine does meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EndReason {
    Cancelled,
    OutputLimit,
    /// No more bytes can be counted for it.
    CapacityExhausted,
    /// The runtime shuts down, and its store keeps the conversation.
    Interrupted,
}

/// The state of the worker once its run has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NextState {
    Idle,
    Stopped,
}

impl NextState {
    /// The state once `next` was asked for as well: a stop that was accepted is never taken back.
    fn then(self, next: Self) -> Self {
        if self == Self::Stopped { self } else { next }
    }
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RunEnd {
    Completed,
    Cancelled,
    Failed(RunError),
    TimedOut,
}

impl Run {
    pub(super) fn new(id: RunId, phase: RunPhase) -> Self {
        Self {
            id,
            phase,
            reply: ReplyBuffer::default(),
            reasoning: ReplyBuffer::default(),
            reasoning_full: false,
            usage: None,
        }
    }
}

impl Run {
    /// A run that has produced this text.
    pub(super) fn with_reply(id: RunId, text: &str) -> Self {
        let mut run = Self::new(id, RunPhase::Waiting);
        run.reply.push(text);
        run
    }

    /// The part of a text that fits into the reply, and the rest.
    pub(super) fn split_output<'a>(&self, text: &'a str, limits: &Limits) -> (&'a str, &'a str) {
        let remaining_bytes = limits.output_bytes - self.reply.len();
        text.split_at(text.floor_char_boundary(remaining_bytes))
    }

    /// The part of a text that fits into the reasoning, and the rest.
    pub(super) fn split_reasoning<'a>(&self, text: &'a str, limits: &Limits) -> (&'a str, &'a str) {
        let remaining_bytes = if self.reasoning_full {
            0
        } else {
            limits.reasoning_bytes - self.reasoning.len()
        };
        text.split_at(text.floor_char_boundary(remaining_bytes))
    }
}

impl State {
    /// The active run.
    pub(super) fn run(&self) -> Option<&Run> {
        match self {
            Self::Running(run) | Self::Ending { run, .. } | Self::Finishing { run, .. } => {
                Some(run)
            }
            Self::Idle | Self::Stopped => None,
        }
    }

    /// The run, if it is this one and takes output.
    pub(super) fn running(&self, run_id: RunId) -> Option<&Run> {
        match self {
            Self::Running(run) if run.id == run_id => Some(run),
            Self::Running(_)
            | Self::Ending { .. }
            | Self::Finishing { .. }
            | Self::Idle
            | Self::Stopped => None,
        }
    }

    /// The same, to change it.
    pub(super) fn running_mut(&mut self, run_id: RunId) -> Option<&mut Run> {
        match self {
            Self::Running(run) if run.id == run_id => Some(run),
            Self::Running(_)
            | Self::Ending { .. }
            | Self::Finishing { .. }
            | Self::Idle
            | Self::Stopped => None,
        }
    }

    /// Begins to end the active run. The latest reason counts, so that an accepted cancel always
    /// ends as `cancelled`. To an end that is being stored only a stop is added.
    pub(super) fn end(&mut self, reason: EndReason, next: NextState) {
        *self = match mem::replace(self, Self::Idle) {
            Self::Running(run) => Self::Ending { run, reason, next },
            Self::Ending {
                run,
                reason: was_for,
                next: was,
            } => Self::Ending {
                run,
                // Nobody takes back a cancel that was accepted.
                reason: match (was_for, reason) {
                    (EndReason::Cancelled, EndReason::Interrupted) => was_for,
                    _ => reason,
                },
                next: was.then(next),
            },
            Self::Finishing {
                run,
                cancelled,
                next: was,
            } => Self::Finishing {
                run,
                cancelled,
                next: was.then(next),
            },
            unchanged @ (Self::Idle | Self::Stopped) => unchanged,
        };
    }

    /// How the run ends, if it is this one and has not ended yet. A reason that was decided before
    /// overrides `end`.
    pub(super) fn end_of(&self, run_id: RunId, end: RunEnd) -> Option<(&Run, RunEnd, NextState)> {
        match self {
            Self::Running(run) if run.id == run_id => Some((run, end, NextState::Idle)),
            Self::Ending { run, reason, next } if run.id == run_id => {
                Some((run, (*reason).into(), *next))
            }
            Self::Running(_)
            | Self::Ending { .. }
            | Self::Finishing { .. }
            | Self::Idle
            | Self::Stopped => None,
        }
    }

    /// The end of the active run can't change any more. Only a stop can still be added to it.
    pub(super) fn finishing(&mut self, outcome: RunOutcome, next: NextState) {
        *self = match mem::replace(self, Self::Idle) {
            Self::Running(run) | Self::Ending { run, .. } => Self::Finishing {
                run,
                cancelled: outcome == RunOutcome::Cancelled,
                next,
            },
            unchanged @ (Self::Finishing { .. } | Self::Idle | Self::Stopped) => unchanged,
        };
    }
}

impl From<EndReason> for RunEnd {
    fn from(reason: EndReason) -> Self {
        match reason {
            EndReason::Cancelled => Self::Cancelled,
            EndReason::OutputLimit => Self::Failed(RunErrorCode::OutputLimit.into()),
            EndReason::CapacityExhausted => Self::Failed(RunErrorCode::CapacityExhausted.into()),
            EndReason::Interrupted => Self::Failed(RunErrorCode::Interrupted.into()),
        }
    }
}

impl RunEnd {
    /// The end as its event states it.
    pub(super) fn into_parts(self) -> (RunOutcome, Option<RunError>) {
        match self {
            Self::Completed => (RunOutcome::Completed, None),
            Self::Cancelled => (RunOutcome::Cancelled, None),
            Self::Failed(error) => (RunOutcome::Failed, Some(error)),
            Self::TimedOut => (RunOutcome::TimedOut, None),
        }
    }
}
