//! The types of the reference: events, transcript lines, results, and engine steps.

use std::time::Duration;

use crate::limits::{ENTRY_OVERHEAD_BYTES, EVENT_OVERHEAD_BYTES, LimitName};
use crate::run::{EngineErrorKind, Report, RunDiagnostics, RunError, RunOutcome, Usage};
use crate::store::StoreErrorKind;
use crate::transcript::Role;

/// A time, in milliseconds since 1970.
pub(crate) type Millis = i64;

/// A run, numbered by whoever starts it.
pub(crate) type RunNumber = usize;

/// An event. Its number is its position in the list of all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) at: Millis,
    pub(crate) kind: EventKind,
}

/// What can happen to a worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum EventKind {
    WorkerCreated,
    InputAccepted {
        run: RunNumber,
        line: u64,
    },
    OutputDelta {
        run: RunNumber,
        text: String,
    },
    ReasoningDelta {
        run: RunNumber,
        text: String,
    },
    RunRetrying {
        run: RunNumber,
        error: EngineErrorKind,
        delay: Duration,
    },
    RunFinished {
        run: RunNumber,
        outcome: RunOutcome,
        error: Option<RunError>,
        line: Option<u64>,
        usage: Option<Usage>,
        diagnostics: RunDiagnostics,
    },
    WorkerStopped,
}

/// A line of the transcript.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) number: u64,
    pub(crate) at: Millis,
    pub(crate) role: Role,
    pub(crate) run: RunNumber,
    pub(crate) content: String,
    pub(crate) partial: bool,
    pub(crate) unanswered: bool,
    /// Empty where there is none.
    pub(crate) reasoning: String,
    pub(crate) diagnostics: RunDiagnostics,
}

/// The texts that are being written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InFlight {
    pub(crate) run: RunNumber,
    pub(crate) text: String,
    pub(crate) reasoning: String,
}

/// How a worker's latest run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LastRun {
    pub(crate) run: RunNumber,
    pub(crate) outcome: RunOutcome,
    pub(crate) error: Option<RunError>,
    pub(crate) at: Millis,
}

/// An accepted input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Accepted {
    pub(crate) run: RunNumber,
    pub(crate) line: u64,
    pub(crate) event: u64,
    pub(crate) replayed: bool,
}

/// Why a command is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    UnknownWorker,
    DisplayName,
    UnknownProfile,
    UnknownModel,
    Conflict,
    Stopped,
    Busy {
        run: RunNumber,
    },
    Empty,
    TooLarge,
    Stopping,
    Capacity(LimitName),
    RunMismatch {
        active: RunNumber,
    },
    Store(StoreErrorKind),
    /// The run's end isn't stored in time.
    StillEnding,
}

/// Where workers are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keeping {
    InMemory,
    /// In a store, which takes every change.
    Stored,
    /// In a store that takes no change now, because it is full.
    Refused,
}

impl Keeping {
    /// Whether a change can be made.
    pub(crate) fn accepts(self) -> Result<(), Refusal> {
        match self {
            Self::InMemory | Self::Stored => Ok(()),
            Self::Refused => Err(Refusal::Store(StoreErrorKind::Full)),
        }
    }
}

/// What a cancel or a stop has started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Initiated {
    /// There is no run to end.
    Nothing,
    /// This run begins to end.
    Ending(RunNumber),
}

/// What an engine does next.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Push(String),
    Reason(String),
    Report(Report),
    Complete,
    Fail(RunError),
    /// It doesn't return in time.
    TimeOut,
}

impl Event {
    /// Bytes that it counts.
    pub(super) fn cost(&self) -> usize {
        let text = match &self.kind {
            EventKind::OutputDelta { text, .. } | EventKind::ReasoningDelta { text, .. } => {
                text.len()
            }
            EventKind::WorkerCreated
            | EventKind::InputAccepted { .. }
            | EventKind::RunRetrying { .. }
            | EventKind::RunFinished { .. }
            | EventKind::WorkerStopped => 0,
        };
        text + EVENT_OVERHEAD_BYTES
    }
}

impl InFlight {
    /// A run that has written nothing yet.
    pub(crate) fn new(run: RunNumber) -> Self {
        Self {
            run,
            text: String::new(),
            reasoning: String::new(),
        }
    }

    /// Bytes of its texts.
    pub(super) fn bytes(&self) -> usize {
        self.text.len() + self.reasoning.len()
    }
}

impl Line {
    pub(super) fn cost(&self) -> usize {
        self.content.len() + self.reasoning.len() + ENTRY_OVERHEAD_BYTES
    }
}
