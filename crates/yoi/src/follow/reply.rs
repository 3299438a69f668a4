//! One run's reply: which part of it was shown, and how the run ended.

use registry_core::RunId;
use registry_core::projection::{EntryRole, EventKind, RunOutcome, TranscriptPage, WorkerDetail};

use crate::failure::RunEnd;

/// The reply of one run, as far as it was shown.
#[derive(Debug)]
pub(crate) struct Reply {
    run_id: RunId,
    shown_bytes: usize,
}

/// What to show next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Shown {
    /// More text of the reply.
    Text(String),
    /// The run has ended.
    Ended(RunEnd),
    /// Nothing.
    Nothing,
}

/// What a transcript says about a reply after events were missed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum CaughtUp {
    /// The run goes on; this text was missed.
    InProgress { missed: String },
    /// The run has ended; this text was missed. How it ended, the worker may still know.
    Over {
        missed: String,
        guess: Option<RunOutcome>,
    },
}

impl Reply {
    /// The reply of `run_id`, of which nothing was shown.
    pub(crate) fn new(run_id: RunId) -> Self {
        Self {
            run_id,
            shown_bytes: 0,
        }
    }

    /// What `event` adds.
    pub(crate) fn take(&mut self, event: &EventKind) -> Shown {
        match event {
            EventKind::OutputDelta { run_id, text } if *run_id == self.run_id => {
                self.shown_bytes += text.len();
                Shown::Text(text.to_string())
            }
            EventKind::RunFinished {
                run_id,
                outcome,
                error_code,
                ..
            } if *run_id == self.run_id => Shown::Ended(RunEnd {
                run_id: run_id.clone(),
                outcome: Some(*outcome),
                error_code: *error_code,
            }),
            EventKind::WorkerCreated
            | EventKind::InputAccepted { .. }
            | EventKind::OutputDelta { .. }
            | EventKind::RunFinished { .. }
            | EventKind::WorkerStopped => Shown::Nothing,
        }
    }

    /// What `page`, which begins after the run's input, adds to what was shown.
    pub(crate) fn catch_up(&mut self, page: &TranscriptPage) -> CaughtUp {
        if let Some(reply) = page
            .in_flight
            .as_ref()
            .filter(|reply| reply.run_id == self.run_id)
        {
            return CaughtUp::InProgress {
                missed: self.rest_of(&reply.text),
            };
        }
        let mut replies = page
            .entries
            .iter()
            .filter(|entry| entry.role == EntryRole::Assistant);
        match replies.find(|entry| entry.run_id == self.run_id) {
            Some(reply) => CaughtUp::Over {
                missed: self.rest_of(&reply.content),
                guess: (!reply.partial).then_some(RunOutcome::Completed),
            },
            None => CaughtUp::Over {
                missed: String::new(),
                guess: None,
            },
        }
    }

    /// How the run ended: what `worker` remembers of it, else `guess`.
    pub(crate) fn end(&self, worker: &WorkerDetail, guess: Option<RunOutcome>) -> RunEnd {
        let last = worker
            .conversation
            .as_ref()
            .and_then(|of| of.last_run.as_ref());
        let last = last.filter(|last| last.run_id == self.run_id);
        RunEnd {
            run_id: self.run_id.clone(),
            outcome: last.map(|last| last.outcome).or(guess),
            error_code: last.and_then(|last| last.error_code),
        }
    }

    /// The part of `whole` that was not shown.
    fn rest_of(&mut self, whole: &str) -> String {
        // Text is only ever appended, so what was shown is a prefix.
        let rest = whole.get(self.shown_bytes..).unwrap_or_default().to_owned();
        self.shown_bytes = self.shown_bytes.max(whole.len());
        rest
    }
}

#[cfg(test)]
mod tests;
