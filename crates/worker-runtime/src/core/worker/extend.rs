//! A reply that grows.

use jiff::Timestamp;

use super::Worker;
use super::run::{State, Then, Verdict};
use crate::core::deltas::Deltas;
use crate::engine::OutputClosed;
use crate::event::EventKind;
use crate::id::RunId;

impl Worker {
    /// Appends texts to the reply of a run, each as a delta of its own. Past the output limit,
    /// what fits is kept and the run begins to end.
    pub(crate) fn extend(
        &mut self,
        run_id: RunId,
        texts: &[&str],
        now: Timestamp,
    ) -> Result<(), OutputClosed> {
        let State::Running(run) = &mut self.state else {
            return Err(OutputClosed);
        };
        if run.id != run_id {
            return Err(OutputClosed);
        }
        let room = self.limits.output_bytes - run.reply.len();
        if let Some(deltas) = Deltas::of(run_id, texts, room.min(self.limits.delta_bytes)) {
            run.reply.push(deltas.text());
            self.record_deltas(now, deltas);
            return Ok(());
        }
        texts
            .iter()
            .try_for_each(|text| self.extend_by_one(run_id, text, now))
    }

    fn extend_by_one(
        &mut self,
        run_id: RunId,
        text: &str,
        now: Timestamp,
    ) -> Result<(), OutputClosed> {
        let State::Running(run) = &mut self.state else {
            return Err(OutputClosed);
        };
        let room = self.limits.output_bytes - run.reply.len();
        let (mut kept, cut) = text.split_at(text.floor_char_boundary(room));
        run.reply.push(kept);
        while !kept.is_empty() {
            let (delta, rest) = kept.split_at(kept.floor_char_boundary(self.limits.delta_bytes));
            let text = delta.into();
            self.record(now, EventKind::OutputDelta { run_id, text });
            kept = rest;
        }
        if cut.is_empty() {
            return Ok(());
        }
        self.state.end(Verdict::OutputLimit, Then::Idle);
        Err(OutputClosed)
    }
}
