//! How much of a run's reply was printed, and how the run ended.

use registry_core::RunId;
use registry_core::projection::{EntryRole, EventKind, RunOutcome, TranscriptPage, WorkerDetail};

use crate::error::RunEnd;

#[derive(Debug)]
pub(crate) struct ReplyProgress {
    run_id: RunId,
    printed_bytes: usize,
}

/// What an event adds to the reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ReplyUpdate {
    Text(String),
    Ended(RunEnd),
    None,
}

/// What the transcript says about a reply after events were missed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum CaughtUp {
    InProgress {
        missed: String,
    },
    /// The run has ended. `outcome` is what the reply alone tells; the worker may know more.
    Ended {
        missed: String,
        outcome: Option<RunOutcome>,
    },
}

impl ReplyProgress {
    /// Nothing of the reply was printed yet.
    pub(crate) fn new(run_id: RunId) -> Self {
        Self {
            run_id,
            printed_bytes: 0,
        }
    }

    pub(crate) fn apply(&mut self, event: &EventKind) -> ReplyUpdate {
        match event {
            EventKind::OutputDelta { run_id, text } if *run_id == self.run_id => {
                self.printed_bytes += text.len();
                ReplyUpdate::Text(text.to_string())
            }
            EventKind::RunFinished {
                run_id,
                outcome,
                error_code,
                usage,
                ..
            } if *run_id == self.run_id => ReplyUpdate::Ended(RunEnd {
                run_id: run_id.clone(),
                outcome: Some(*outcome),
                error_code: *error_code,
                usage: *usage,
            }),
            EventKind::WorkerCreated
            | EventKind::InputAccepted { .. }
            | EventKind::OutputDelta { .. }
            | EventKind::RunFinished { .. }
            | EventKind::WorkerStopped => ReplyUpdate::None,
        }
    }

    /// Compares with `page`, which begins after the run's input.
    pub(crate) fn catch_up(&mut self, page: &TranscriptPage) -> CaughtUp {
        let in_flight = page.in_flight.as_ref();
        if let Some(reply) = in_flight.filter(|reply| reply.run_id == self.run_id) {
            return CaughtUp::InProgress {
                missed: self.unprinted(&reply.text),
            };
        }
        let reply = page
            .entries
            .iter()
            .find(|entry| entry.role == EntryRole::Assistant && entry.run_id == self.run_id);
        CaughtUp::Ended {
            missed: reply.map_or_else(String::new, |reply| self.unprinted(&reply.content)),
            outcome: reply
                .filter(|reply| !reply.partial)
                .map(|_| RunOutcome::Completed),
        }
    }

    /// The run's end as `worker` remembers it, else with `outcome`.
    pub(crate) fn end(&self, worker: &WorkerDetail, outcome: Option<RunOutcome>) -> RunEnd {
        let conversation = worker.conversation.as_ref();
        let last_run = conversation.and_then(|conversation| conversation.last_run.as_ref());
        let last_run = last_run.filter(|run| run.run_id == self.run_id);
        RunEnd {
            run_id: self.run_id.clone(),
            outcome: last_run.map(|run| run.outcome).or(outcome),
            error_code: last_run.and_then(|run| run.error_code),
            usage: None,
        }
    }

    fn unprinted(&mut self, whole: &str) -> String {
        // Text is only ever appended, so what was printed is a prefix.
        let rest = whole.get(self.printed_bytes..).unwrap_or_default();
        self.printed_bytes = self.printed_bytes.max(whole.len());
        rest.to_owned()
    }
}

#[cfg(test)]
mod tests;
