//! What the product shows, in the words of the reference.

use crate::command;
use crate::cursor::Epoch;
use crate::error::{CancelError, InputError};
use crate::event::{Entry, Event, EventKind};
use crate::id::{RunId, WorkerId};
use crate::query;
use crate::reference::{self, Fact, InFlight, LastEnd, Line, Refusal, RunNumber, WorkerNumber};
use crate::snapshot::LastRun;

/// Which id stands for which number, in the order in which they came up.
#[derive(Debug, Default)]
pub(crate) struct Names {
    pub(crate) workers: Vec<WorkerId>,
    pub(crate) runs: Vec<RunId>,
}

impl Names {
    pub(crate) fn run(&self, id: RunId) -> RunNumber {
        let number = self.runs.iter().position(|known| *known == id);
        number.expect("a run that was started")
    }

    pub(crate) fn worker(&self, id: WorkerId) -> WorkerNumber {
        let number = self.workers.iter().position(|known| *known == id);
        number.expect("a worker that was created")
    }

    /// The event, if its cursor is of this epoch and has this number.
    pub(crate) fn event(&self, event: &Event, epoch: Epoch, number: u64) -> reference::Event {
        let at = (event.cursor.epoch(), event.cursor.sequence());
        assert_eq!(at, (epoch, number), "the cursor of {event:?}");
        reference::Event {
            at: event.at.as_millisecond(),
            fact: self.fact(&event.kind),
        }
    }

    fn fact(&self, kind: &EventKind) -> Fact {
        match kind {
            EventKind::WorkerCreated => Fact::Created,
            EventKind::InputAccepted { run_id, sequence } => Fact::Accepted {
                run: self.run(*run_id),
                line: *sequence,
            },
            EventKind::OutputDelta { run_id, text } => Fact::Said {
                run: self.run(*run_id),
                text: text.to_string(),
            },
            EventKind::RunFinished {
                run_id,
                outcome,
                sequence,
                usage,
                error_code,
            } => Fact::Ended {
                run: self.run(*run_id),
                outcome: *outcome,
                error: *error_code,
                line: *sequence,
                usage: *usage,
            },
            EventKind::WorkerStopped => Fact::Stopped,
        }
    }

    pub(crate) fn line(&self, entry: &Entry) -> Line {
        Line {
            number: entry.sequence,
            at: entry.at.as_millisecond(),
            role: entry.role,
            run: self.run(entry.run_id),
            content: entry.content.to_string(),
            partial: entry.partial,
        }
    }

    pub(crate) fn in_flight(&self, reply: &query::InFlight) -> InFlight {
        InFlight {
            run: self.run(reply.run_id),
            text: reply.text.to_string(),
        }
    }

    pub(crate) fn accepted(&self, answer: &command::Accepted) -> reference::Accepted {
        reference::Accepted {
            run: self.run(answer.run_id),
            line: answer.sequence,
            event: answer.cursor.sequence(),
            replayed: answer.replayed,
        }
    }

    pub(crate) fn last_run(&self, last: &LastRun) -> LastEnd {
        LastEnd {
            run: self.run(last.run_id),
            outcome: last.outcome,
            error: last.error_code,
            at: last.finished_at.as_millisecond(),
        }
    }

    pub(crate) fn refused_input(&self, error: &InputError) -> Refusal {
        match error {
            InputError::UnknownWorker(_) => Refusal::UnknownWorker,
            InputError::IdempotencyConflict { .. } => Refusal::Conflict,
            InputError::WorkerStopped { .. } => Refusal::Stopped,
            InputError::Busy { run_id, .. } => Refusal::Busy {
                run: self.run(*run_id),
            },
            InputError::Empty => Refusal::Empty,
            InputError::TooLarge { .. } => Refusal::TooLarge,
            InputError::Stopping(_) => Refusal::ShuttingDown,
            InputError::Capacity(short) => Refusal::NoRoom(short.limit),
        }
    }

    pub(crate) fn refused_cancel(&self, error: &CancelError) -> Refusal {
        match error {
            CancelError::UnknownWorker(_) => Refusal::UnknownWorker,
            CancelError::RunMismatch { active, .. } => Refusal::OtherRun {
                active: self.run(*active),
            },
            CancelError::StillEnding(still) => panic!("{still}"),
        }
    }
}
