//! What the reference speaks of: facts, lines, answers, and what an engine does.

use crate::engine::{Remark, Usage};
use crate::event::{Role, RunErrorCode, RunOutcome};
use crate::limits::{ENTRY_OVERHEAD_BYTES, EVENT_OVERHEAD_BYTES, LimitName};

/// A time, in milliseconds since 1970.
pub(crate) type Millis = i64;

/// A run, numbered by whoever starts it.
pub(crate) type RunNumber = usize;

/// What happened, and when. The event's number is its place in the list of all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) at: Millis,
    pub(crate) fact: Fact,
}

/// What can happen to a worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fact {
    Created,
    Accepted {
        run: RunNumber,
        line: u64,
    },
    Said {
        run: RunNumber,
        text: String,
    },
    Ended {
        run: RunNumber,
        outcome: RunOutcome,
        error: Option<RunErrorCode>,
        line: Option<u64>,
        usage: Option<Usage>,
    },
    Stopped,
}

/// A line of the conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) number: u64,
    pub(crate) at: Millis,
    pub(crate) role: Role,
    pub(crate) run: RunNumber,
    pub(crate) content: String,
    pub(crate) partial: bool,
}

/// The reply that is being written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InFlight {
    pub(crate) run: RunNumber,
    pub(crate) text: String,
}

/// How a worker's latest run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LastEnd {
    pub(crate) run: RunNumber,
    pub(crate) outcome: RunOutcome,
    pub(crate) error: Option<RunErrorCode>,
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

/// Why something isn't done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    UnknownWorker,
    BadName,
    UnknownProfile,
    Conflict,
    Stopped,
    Busy { run: RunNumber },
    Empty,
    TooLarge,
    ShuttingDown,
    NoRoom(LimitName),
    OtherRun { active: RunNumber },
}

/// What a cancel or a stop has begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Begun {
    /// Nothing: there is no run to end.
    Nothing,
    /// This run is going to end.
    Ending(RunNumber),
}

/// What an engine does next.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Say(Vec<String>),
    Remark(Remark),
    Complete(Usage),
    Fail(RunErrorCode),
    /// It doesn't end in time.
    Dawdle,
}

impl Event {
    /// What it counts.
    pub(super) fn cost(&self) -> usize {
        let text = match &self.fact {
            Fact::Said { text, .. } => text.len(),
            Fact::Created | Fact::Accepted { .. } | Fact::Ended { .. } | Fact::Stopped => 0,
        };
        text + EVENT_OVERHEAD_BYTES
    }
}

impl Line {
    pub(super) fn cost(&self) -> usize {
        self.content.len() + ENTRY_OVERHEAD_BYTES
    }
}
