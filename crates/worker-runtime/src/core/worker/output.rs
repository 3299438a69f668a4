//! What an engine adds to its run, and the bytes that takes.

use std::iter;

use jiff::Timestamp;
use smol_str::SmolStr;

use super::Worker;
use super::state::{EndReason, NextState};
use crate::core::transcript_log::entry_cost;
use crate::engine::OutputClosed;
use crate::event::EventKind;
use crate::id::RunId;
use crate::limits::EVENT_OVERHEAD_BYTES;
use crate::run::Report;
use crate::transcript::RunPhase;

/// Something that an engine adds to its run.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Addition<'a> {
    Output(&'a str),
    Reasoning(&'a str),
    Report(Report),
}

impl Worker {
    pub(crate) fn add(
        &mut self,
        run_id: RunId,
        addition: Addition<'_>,
        now: Timestamp,
    ) -> Result<(), OutputClosed> {
        match addition {
            Addition::Output(text) => self.append_output(run_id, text, now),
            Addition::Reasoning(text) => self.append_reasoning(run_id, text, now),
            Addition::Report(report) => {
                self.report(run_id, report, now);
                Ok(())
            }
        }
    }

    /// The most bytes that the worker holds after this addition, and right after the end of its run
    /// if nothing else is added. None when the run takes nothing more.
    pub(crate) fn bytes_with(&self, run_id: RunId, addition: Addition<'_>) -> Option<usize> {
        let run = self.state.running(run_id)?;
        let text = match addition {
            Addition::Output(text) => run.split_output(text, &self.limits).0,
            Addition::Reasoning(text) => run.split_reasoning(text, &self.limits).0,
            Addition::Report(_) => "",
        };
        let events = match addition {
            Addition::Output(_) | Addition::Reasoning(_) => {
                deltas(text, self.limits.delta_bytes).count()
            }
            Addition::Report(Report::Retrying { .. }) => 1,
            Addition::Report(Report::Diagnostic(_) | Report::Usage(_)) => 0,
        };
        // The text is held twice: as events, and with the rest of the reply.
        let added = 2 * text.len() + events * EVENT_OVERHEAD_BYTES;
        Some(self.held_bytes() + added + Self::END_BYTES)
    }

    /// What the end of a run adds: the entry of the reply, whose text is held already, and
    /// `run_finished`.
    pub(super) const END_BYTES: usize = entry_cost(0) + EVENT_OVERHEAD_BYTES;

    /// Begins to end a run for which there are no more bytes, unless it is being ended already.
    pub(crate) fn exhaust_capacity(&mut self, run_id: RunId) {
        if self.state.running(run_id).is_some() {
            let reason = EndReason::CapacityExhausted;
            self.state.end(reason, NextState::Idle);
        }
    }

    /// Appends text to the reply of a run. Past the output limit, what fits is kept and the run
    /// begins to end.
    pub(super) fn append_output(
        &mut self,
        run_id: RunId,
        text: &str,
        now: Timestamp,
    ) -> Result<(), OutputClosed> {
        let run = self.state.running_mut(run_id).ok_or(OutputClosed)?;
        let (kept, cut) = run.split_output(text, &self.limits);
        if !kept.is_empty() {
            run.phase = RunPhase::Answering;
            run.reply.push(kept);
            self.record_deltas(now, kept, |text| EventKind::OutputDelta { run_id, text });
        }
        if cut.is_empty() {
            return Ok(());
        }
        self.state.end(EndReason::OutputLimit, NextState::Idle);
        Err(OutputClosed)
    }

    /// Appends text to the reasoning of a run. What exceeds its limit is dropped.
    pub(super) fn append_reasoning(
        &mut self,
        run_id: RunId,
        text: &str,
        now: Timestamp,
    ) -> Result<(), OutputClosed> {
        let run = self.state.running_mut(run_id).ok_or(OutputClosed)?;
        run.phase = RunPhase::Reasoning;
        let (kept, cut) = run.split_reasoning(text, &self.limits);
        run.reasoning_full |= !cut.is_empty();
        run.reasoning.push(kept);
        self.record_deltas(now, kept, |text| EventKind::ReasoningDelta { run_id, text });
        Ok(())
    }

    /// Records what an engine reports about a run.
    pub(super) fn report(&mut self, run_id: RunId, report: Report, now: Timestamp) {
        let Some(run) = self.state.running_mut(run_id) else {
            return;
        };
        match report {
            // No events: nothing that readers follow changes before the run has ended.
            Report::Diagnostic(diagnostic) => self.diagnostics.record(diagnostic),
            Report::Usage(usage) => run.usage = Some(usage),
            Report::Retrying { kind, delay } => {
                run.phase = RunPhase::Retrying;
                let error = kind;
                self.record(
                    now,
                    EventKind::RunRetrying {
                        run_id,
                        error,
                        delay,
                    },
                );
            }
        }
    }

    /// Records text as events that hold at most a delta each.
    fn record_deltas(&mut self, at: Timestamp, text: &str, kind: impl Fn(SmolStr) -> EventKind) {
        for delta in deltas(text, self.limits.delta_bytes) {
            self.record(at, kind(delta.into()));
        }
    }
}

/// The parts of a text that become an event each.
fn deltas(mut text: &str, max_bytes: usize) -> impl Iterator<Item = &str> {
    iter::from_fn(move || {
        let (delta, rest) = text.split_at(text.floor_char_boundary(max_bytes));
        text = rest;
        (!delta.is_empty()).then_some(delta)
    })
}
