//! Looking at a worker: copies for readers, and what it counts.

use std::sync::Arc;

use super::{Birth, NewRun, State, Worker, entry_cost, key_cost};
use crate::core::transcript::Slice;
use crate::cursor::Cursor;
use crate::engine::History;
use crate::error::CursorExpired;
use crate::id::RunId;
use crate::limits::{EVENT_OVERHEAD_BYTES, WORKER_OVERHEAD_BYTES};
use crate::query::{EventBatch, TranscriptPosition};
use crate::snapshot::{ListedWorker, TranscriptBounds, WorkerSnapshot, WorkerState};

impl Worker {
    pub(crate) fn state(&self) -> WorkerState {
        match &self.state {
            State::Idle => WorkerState::Idle,
            State::Running(_) => WorkerState::Running,
            State::Ending { .. } => WorkerState::Cancelling,
            State::Stopped => WorkerState::Stopped,
        }
    }

    pub(crate) fn active_run(&self) -> Option<RunId> {
        self.state.run().map(|run| run.id)
    }

    /// The run in progress and the pieces of its reply so far.
    pub(crate) fn in_flight(&self) -> Option<(RunId, Vec<Arc<str>>)> {
        let run = self.state.run()?;
        Some((run.id, run.reply.pieces()))
    }

    pub(crate) fn cursor(&self) -> Cursor {
        self.log.latest()
    }

    pub(crate) fn history(&self) -> History {
        self.transcript.history()
    }

    pub(crate) fn bounds(&self) -> TranscriptBounds {
        self.transcript.bounds()
    }

    pub(crate) fn slice(&self, position: TranscriptPosition, limit: usize) -> Slice {
        let max_bytes = self.limits.transcript_page_bytes;
        self.transcript.slice(position, limit, max_bytes)
    }

    pub(crate) fn read(
        &self,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<EventBatch, CursorExpired> {
        self.log.read(after, limit)
    }

    /// What a list shows of it: [`WorkerSnapshot::listed`] without making the snapshot. It borrows
    /// from the birth alone, and so outlives the worker's lock.
    #[inline]
    pub(crate) fn listed<'b>(&self, birth: &'b Birth) -> ListedWorker<'b> {
        debug_assert_eq!(birth.id, self.id, "the birth of another worker");
        ListedWorker {
            id: birth.id,
            display_name: &birth.display_name,
            profile: &birth.profile,
            state: self.state(),
            active_run: self.active_run(),
            created_at: birth.at,
            last_activity_at: self.last_activity_at,
            remarks: self.remarks,
        }
    }

    // Inlined, so that it is made where it is needed: it is not small.
    #[inline(always)]
    pub(crate) fn snapshot(&self, birth: &Birth) -> WorkerSnapshot {
        debug_assert_eq!(birth.id, self.id, "the birth of another worker");
        WorkerSnapshot {
            id: birth.id,
            display_name: birth.display_name.clone(),
            profile: birth.profile.clone(),
            state: self.state(),
            active_run: self.active_run(),
            created_at: birth.at,
            last_activity_at: self.last_activity_at,
            transcript: self.transcript.bounds(),
            cursor: self.log.latest(),
            usage: self.usage,
            last_run: self.last_run,
            remarks: self.remarks,
        }
    }

    /// What the worker counts now.
    pub(crate) fn held_bytes(&self) -> usize {
        let reply = self.state.run().map_or(0, |run| run.reply.len());
        self.fixed_bytes()
            + self.transcript.bytes()
            + self.log.bytes()
            + self.inputs.bytes()
            + reply
    }

    /// What it counts at most while it works on `input`, and right after. Entries that
    /// are pruned meanwhile count too: the engine may still hold them.
    pub(super) fn ceiling_bytes(&self, input: &NewRun) -> usize {
        let parts = [
            self.fixed_bytes(),
            self.transcript.bytes(),
            entry_cost(input.content.len()),
            entry_cost(self.limits.output_bytes),
            self.limits.event_bytes,
            self.inputs.bytes(),
            input.key.as_ref().map_or(0, |(key, _)| key_cost(key)),
        ];
        // The limits may be as large as a number can be.
        parts.into_iter().fold(0, usize::saturating_add)
    }

    fn fixed_bytes(&self) -> usize {
        // The last event of a worker must never fail for want of room: it counts from
        // the beginning.
        let last_event = match &self.state {
            State::Stopped => 0,
            State::Idle | State::Running(_) | State::Ending { .. } => EVENT_OVERHEAD_BYTES,
        };
        WORKER_OVERHEAD_BYTES + self.key_bytes + last_event
    }
}
