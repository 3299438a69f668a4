//! Translates what the product returns into the types of the reference.

use super::{EventKind, InFlight, LastRun, Line, Refusal, RunNumber, WorkerNumber};
use crate::cursor::Epoch;
use crate::error::{CancelError, InputError};
use crate::event::{self, Event};
use crate::id::{RunId, WorkerId};
use crate::transcript::{self, Entry};
use crate::{command, reference, run};

/// The numbers of workers and runs: their positions in the order of creation.
#[derive(Debug, Default)]
pub(crate) struct Numbering {
    pub(crate) workers: Vec<WorkerId>,
    pub(crate) runs: Vec<RunId>,
}

impl Numbering {
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
            kind: self.kind(&event.kind),
        }
    }

    fn kind(&self, kind: &event::EventKind) -> EventKind {
        match kind {
            event::EventKind::WorkerCreated => EventKind::WorkerCreated,
            event::EventKind::InputAccepted { run_id, sequence } => EventKind::InputAccepted {
                run: self.run(*run_id),
                line: *sequence,
            },
            event::EventKind::OutputDelta { run_id, text } => EventKind::OutputDelta {
                run: self.run(*run_id),
                text: text.to_string(),
            },
            event::EventKind::ReasoningDelta { run_id, text } => EventKind::ReasoningDelta {
                run: self.run(*run_id),
                text: text.to_string(),
            },
            event::EventKind::RunRetrying {
                run_id,
                error,
                delay,
            } => EventKind::RunRetrying {
                run: self.run(*run_id),
                error: *error,
                delay: *delay,
            },
            event::EventKind::RunFinished(finished) => EventKind::RunFinished {
                run: self.run(finished.run_id),
                outcome: finished.outcome,
                error: finished.error,
                line: finished.sequence,
                usage: finished.usage,
                diagnostics: finished.diagnostics,
            },
            event::EventKind::WorkerStopped => EventKind::WorkerStopped,
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
            unanswered: entry.unanswered,
            reasoning: entry.reasoning.as_deref().unwrap_or_default().to_owned(),
            diagnostics: entry.diagnostics,
        }
    }

    pub(crate) fn in_flight(&self, reply: &transcript::InFlight) -> InFlight {
        InFlight {
            run: self.run(reply.run_id),
            text: reply.text.to_string(),
            reasoning: reply.reasoning.to_string(),
        }
    }

    pub(crate) fn accepted(&self, accepted: &command::Accepted) -> reference::Accepted {
        reference::Accepted {
            run: self.run(accepted.run_id),
            line: accepted.sequence,
            event: accepted.cursor.sequence(),
            replayed: accepted.replayed,
        }
    }

    pub(crate) fn last_run(&self, last: &run::LastRun) -> LastRun {
        LastRun {
            run: self.run(last.run_id),
            outcome: last.outcome,
            error: last.error,
            at: last.finished_at.as_millisecond(),
        }
    }

    pub(crate) fn input_refusal(&self, error: &InputError) -> Refusal {
        match error {
            InputError::UnknownWorker(_) => Refusal::UnknownWorker,
            InputError::IdempotencyConflict { .. } => Refusal::Conflict,
            InputError::WorkerStopped { .. } => Refusal::Stopped,
            InputError::Busy { run_id, .. } => Refusal::Busy {
                run: self.run(*run_id),
            },
            InputError::Empty => Refusal::Empty,
            InputError::TooLarge { .. } => Refusal::TooLarge,
            InputError::Stopping(_) => Refusal::Stopping,
            InputError::Capacity(error) => Refusal::Capacity(error.limit),
            InputError::Store(error) => Refusal::Store(error.kind),
        }
    }

    pub(crate) fn cancel_refusal(&self, error: &CancelError) -> Refusal {
        match error {
            CancelError::UnknownWorker(_) => Refusal::UnknownWorker,
            CancelError::RunMismatch { active, .. } => Refusal::RunMismatch {
                active: self.run(*active),
            },
            CancelError::StillEnding(_) => Refusal::StillEnding,
            CancelError::Capacity(error) => Refusal::Capacity(error.limit),
            CancelError::Store(error) => Refusal::Store(error.kind),
        }
    }
}
