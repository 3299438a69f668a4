//! How a run ends: what is decided about it, and what that changes.

use std::sync::Arc;

use jiff::Timestamp;

use super::Worker;
use super::state::{NextState, Run, RunEnd, State};
use crate::core::transcript_log::entry_cost;
use crate::event::{EventKind, RunFinished};
use crate::id::RunId;
use crate::run::{LastRun, RunOutcome};
use crate::store::{FinishedRun, StoredState};
use crate::transcript::{Entry, Role};

impl Worker {
    /// Decides how a run ends, for good. Returns nothing unless it is the active one and this was
    /// not decided yet, so that a run ends exactly once. [`finish`](Self::finish) comes next.
    pub(crate) fn decide_end(
        &mut self,
        run_id: RunId,
        end: RunEnd,
        now: Timestamp,
    ) -> Option<FinishedRun> {
        let (run, end, next) = self.state.end_of(run_id, end)?;
        let (outcome, error) = end.into_parts();
        let diagnostics = self.diagnostics;
        let reply = run.reply.text().map(|content| Entry {
            sequence: self.transcript.next(),
            at: now,
            role: Role::Assistant,
            run_id,
            partial: outcome != RunOutcome::Completed,
            unanswered: false,
            reasoning: self.reasoning_beside(run, &content),
            content,
            diagnostics,
        });
        let mut usage_totals = self.usage;
        usage_totals.add(run.usage);
        let finished = FinishedRun {
            worker_id: self.metadata.id,
            run: LastRun {
                run_id,
                outcome,
                error,
                finished_at: now,
            },
            usage: run.usage,
            usage_totals,
            diagnostics,
            reply,
            state: match next {
                NextState::Idle => StoredState::Idle,
                NextState::Stopped => StoredState::Stopped,
            },
        };
        self.state.finishing(outcome, next);
        Some(finished)
    }

    /// Whether the worker is to be stopped once the end is stored that was decided for its run.
    pub(crate) fn stops_after_end(&self) -> bool {
        matches!(
            self.state,
            State::Finishing {
                next: NextState::Stopped,
                ..
            }
        )
    }

    /// The reasoning of the active run, as far as the transcript holds it beside the run's input and
    /// this reply.
    fn reasoning_beside(&self, run: &Run, reply: &str) -> Option<Arc<str>> {
        let taken = self.transcript.newest_bytes() + entry_cost(reply.len());
        let text = run.reasoning.text()?;
        let end = text.floor_char_boundary(self.limits.transcript_bytes.saturating_sub(taken));
        match end {
            0 => None,
            _ if end == text.len() => Some(text),
            _ => Some(text[..end].into()),
        }
    }

    /// Ends the active run as was decided.
    pub(crate) fn finish(&mut self, finished: FinishedRun) {
        let LastRun {
            run_id,
            outcome,
            error,
            finished_at: now,
        } = finished.run;
        let sequence = finished.reply.as_ref().map(|reply| reply.sequence);
        match finished.reply {
            Some(reply) => self.transcript.append(reply),
            None => self.transcript.mark_newest_unanswered(),
        }
        self.state = State::Idle;
        self.usage = finished.usage_totals;
        self.last_run = Some(finished.run);
        self.record(
            now,
            EventKind::RunFinished(Box::new(RunFinished {
                run_id,
                outcome,
                sequence,
                usage: finished.usage,
                error,
                diagnostics: finished.diagnostics,
            })),
        );
        if finished.state == StoredState::Stopped {
            self.stopped(now);
        }
    }

    /// The reply of the active run from this offset on; none when it has not grown since.
    pub(crate) fn reply_after(&self, run_id: RunId, offset: usize) -> Option<String> {
        let run = self.state.run().filter(|run| run.id == run_id)?;
        run.reply.text_after(offset)
    }
}
