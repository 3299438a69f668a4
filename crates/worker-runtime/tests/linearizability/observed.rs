//! What clients write down: the steps of their calls, and what matters of the answers.

use worker_runtime::{
    Accepted, RunId, RunOutcome, TranscriptPage, WorkerId, WorkerSnapshot, WorkerState,
};

use super::engine::Content;
use super::plan::ListFilter;

/// A step of a call: what was asked and what was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Observed {
    Created {
        key: Option<u8>,
        named: bool,
        /// The worker and whether it was there, or a conflict.
        answer: Option<(WorkerId, bool)>,
    },
    Sent {
        worker: WorkerId,
        content: Content,
        key: Option<u8>,
        answer: Result<Receipt, Refusal>,
    },
    /// A cancel was accepted, found nothing to do, or was refused.
    CancelBegan {
        worker: WorkerId,
        expected: Option<RunId>,
        answer: Cancel,
    },
    /// The run is over.
    Ended {
        worker: WorkerId,
        run: RunId,
    },
    StopBegan {
        worker: WorkerId,
    },
    /// The worker was seen so.
    Saw {
        worker: WorkerId,
        seen: Snapshot,
    },
    /// Its transcript was.
    Read {
        worker: WorkerId,
        page: Page,
    },
    /// A list found out which workers there are, and whether there are more than it shows.
    ListBegan {
        list: u64,
        after: Option<WorkerId>,
        filter: ListFilter,
        more: bool,
    },
    ListSaw {
        list: u64,
        worker: WorkerId,
        seen: Snapshot,
    },
    ListEnded {
        list: u64,
    },
}

/// An accepted input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Receipt {
    pub(crate) run: RunId,
    pub(crate) entry: u64,
    pub(crate) event: u64,
    pub(crate) replayed: bool,
}

/// Why an input was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    Conflict,
    Stopped,
    Busy(RunId),
    TooManyRuns,
}

/// What a cancel found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cancel {
    Nothing,
    Run(RunId),
    OtherRun(RunId),
}

/// What matters of a worker's snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Snapshot {
    pub(crate) state: WorkerState,
    pub(crate) active: Option<RunId>,
    pub(crate) entries: u64,
    pub(crate) events: u64,
    pub(crate) last: Option<(RunId, RunOutcome)>,
}

/// What matters of a transcript's page: how much there is, and the reply in progress.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) entries: u64,
    pub(crate) events: u64,
    pub(crate) in_flight: Option<(RunId, String)>,
}

impl From<Accepted> for Receipt {
    fn from(accepted: Accepted) -> Self {
        Self {
            run: accepted.run_id,
            entry: accepted.sequence,
            event: accepted.cursor.sequence(),
            replayed: accepted.replayed,
        }
    }
}

impl From<WorkerSnapshot> for Snapshot {
    fn from(worker: WorkerSnapshot) -> Self {
        Self {
            state: worker.state,
            active: worker.active_run,
            entries: worker.transcript.last_sequence.unwrap_or(0),
            events: worker.cursor.sequence(),
            last: worker.last_run.map(|last| (last.run_id, last.outcome)),
        }
    }
}

impl From<TranscriptPage> for Page {
    fn from(page: TranscriptPage) -> Self {
        Self {
            entries: page.entries.last().map_or(0, |entry| entry.sequence),
            events: page.cursor.sequence(),
            in_flight: page
                .in_flight
                .map(|reply| (reply.run_id, reply.text.to_string())),
        }
    }
}
