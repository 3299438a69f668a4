//! How much of a run's reply and reasoning was printed, and how the run ended.

use jiff::Timestamp;
use registry_core::RunId;
use registry_core::projection::{
    Diagnostic, EntryRole, EventKind, RunErrorCode, RunOutcome, RunPhase, TranscriptPage,
    WorkerDetail, WorkerEvent,
};

use super::reasoning::ReasoningProgress;
use crate::error::RunEnd;

#[derive(Debug)]
pub(crate) struct ReplyProgress {
    run_id: RunId,
    printed_bytes: usize,
    reasoning: ReasoningProgress,
}

/// What an event adds to the reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ReplyUpdate {
    Text(String),
    Reasoning(String),
    Retrying {
        error_code: RunErrorCode,
        delay_ms: u64,
    },
    Ended(Box<RunEnd>),
    None,
}

/// What the transcript says about a reply after events were missed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct CaughtUp {
    pub(crate) missed_reasoning: String,
    pub(crate) missed_text: String,
    pub(crate) state: RunState,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum RunState {
    Active(RunPhase),
    /// `outcome` is what the reply alone tells; the worker may know more.
    Ended {
        outcome: Option<RunOutcome>,
        diagnostics: Vec<Diagnostic>,
    },
}

impl ReplyProgress {
    /// Nothing of the reply was printed yet.
    pub(crate) fn new(run_id: RunId) -> Self {
        Self {
            run_id,
            printed_bytes: 0,
            reasoning: ReasoningProgress::default(),
        }
    }

    pub(crate) fn reasoning(&self) -> &ReasoningProgress {
        &self.reasoning
    }

    pub(crate) fn apply(&mut self, event: &WorkerEvent) -> ReplyUpdate {
        match &event.kind {
            EventKind::OutputDelta { run_id, text } if *run_id == self.run_id => {
                self.begin_text(Some(event.at));
                self.printed_bytes += text.len();
                ReplyUpdate::Text(text.to_string())
            }
            EventKind::ReasoningDelta { run_id, text } if *run_id == self.run_id => {
                self.reasoning.push(text, event.at);
                ReplyUpdate::Reasoning(text.to_string())
            }
            EventKind::RunRetrying {
                run_id,
                error_code,
                delay_ms,
            } if *run_id == self.run_id => ReplyUpdate::Retrying {
                error_code: *error_code,
                delay_ms: *delay_ms,
            },
            EventKind::RunFinished {
                run_id,
                outcome,
                error_code,
                error_detail,
                retry_after_s,
                usage,
                diagnostics,
                sequence: _,
            } if *run_id == self.run_id => {
                self.begin_text(Some(event.at));
                ReplyUpdate::Ended(Box::new(RunEnd {
                    run_id: run_id.clone(),
                    outcome: Some(*outcome),
                    error_code: *error_code,
                    error_detail: *error_detail,
                    retry_after_s: *retry_after_s,
                    usage: *usage,
                    diagnostics: diagnostics.clone(),
                }))
            }
            EventKind::WorkerCreated
            | EventKind::InputAccepted { .. }
            | EventKind::OutputDelta { .. }
            | EventKind::ReasoningDelta { .. }
            | EventKind::RunRetrying { .. }
            | EventKind::RunFinished { .. }
            | EventKind::WorkerStopped => ReplyUpdate::None,
        }
    }

    /// Whether the run's reply is still produced, as `page` says.
    pub(crate) fn is_in_flight(&self, page: &TranscriptPage) -> bool {
        let in_flight = page.in_flight.as_ref();
        in_flight.is_some_and(|reply| reply.run_id == self.run_id)
    }

    /// Compares with `page`, which begins after the run's input.
    pub(crate) fn catch_up(&mut self, page: &TranscriptPage) -> CaughtUp {
        let in_flight = page.in_flight.as_ref();
        if let Some(reply) = in_flight.filter(|reply| reply.run_id == self.run_id) {
            return CaughtUp {
                missed_reasoning: self.unprinted_reasoning(reply.reasoning.as_deref()),
                missed_text: self.unprinted(&reply.text),
                state: RunState::Active(reply.phase),
            };
        }
        let reply = page
            .entries
            .iter()
            .find(|entry| entry.role == EntryRole::Assistant && entry.run_id == self.run_id);
        let reasoning = reply.and_then(|reply| reply.reasoning.as_deref());
        CaughtUp {
            missed_reasoning: self.unprinted_reasoning(reasoning),
            missed_text: reply.map_or_else(String::new, |reply| self.unprinted(&reply.content)),
            state: RunState::Ended {
                outcome: reply
                    .filter(|reply| !reply.partial)
                    .map(|_| RunOutcome::Completed),
                diagnostics: reply.map_or_else(Vec::new, |reply| reply.diagnostics.clone()),
            },
        }
    }

    /// The run's end as `worker` remembers it, else with `outcome`.
    pub(crate) fn end(
        &self,
        worker: &WorkerDetail,
        outcome: Option<RunOutcome>,
        diagnostics: Vec<Diagnostic>,
    ) -> RunEnd {
        let conversation = worker.conversation.as_ref();
        let last_run = conversation.and_then(|conversation| conversation.last_run.as_ref());
        let last_run = last_run.filter(|run| run.run_id == self.run_id);
        RunEnd {
            run_id: self.run_id.clone(),
            outcome: last_run.map(|run| run.outcome).or(outcome),
            error_code: last_run.and_then(|run| run.error_code),
            error_detail: last_run.and_then(|run| run.error_detail),
            retry_after_s: last_run.and_then(|run| run.retry_after_s),
            usage: None,
            diagnostics,
        }
    }

    /// The reasoning before the text is over, at `at` where that is known.
    fn begin_text(&mut self, at: Option<Timestamp>) {
        if self.printed_bytes == 0 {
            self.reasoning.end(at);
        }
    }

    fn unprinted(&mut self, whole: &str) -> String {
        if !whole.is_empty() {
            self.begin_text(None);
        }
        // Text is only ever appended, so what was printed is a prefix.
        let rest = whole.get(self.printed_bytes..).unwrap_or_default();
        self.printed_bytes = self.printed_bytes.max(whole.len());
        rest.to_owned()
    }

    fn unprinted_reasoning(&mut self, whole: Option<&str>) -> String {
        self.reasoning.catch_up(whole.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests;
