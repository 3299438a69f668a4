//! A worker: its state, its snapshot, and what it counts against the limits.

use std::sync::Arc;

use jiff::Timestamp;

use super::event_log::EventLog;
use super::idempotency::{IdempotencyKeys, key_cost};
use super::transcript_log::{OlderEntries, Slice, TranscriptLog, entry_cost};
use crate::command::Accepted;
use crate::cursor::{Cursor, Epoch};
use crate::display_name::DisplayName;
use crate::engine::History;
use crate::error::CursorExpired;
use crate::event::{EventBatch, EventKind};
use crate::fingerprint::Fingerprint;
use crate::id::{IdempotencyKey, RunId, WorkerId};
use crate::limits::{EVENT_OVERHEAD_BYTES, Limits, WORKER_OVERHEAD_BYTES};
use crate::profile::ProfileId;
use crate::run::{LastRun, RunDiagnostics, UsageTotals};
use crate::status::WorkerState;
use crate::transcript::{RunPhase, TranscriptBounds, TranscriptPosition};

mod commands;
mod output;
mod restore;
mod run_end;
mod state;

use commands::RunBytes;
pub(crate) use commands::{Admission, CancelStep, NewRun, RunTurn, StopStep};
pub(crate) use output::Addition;
use state::State;
pub(crate) use state::{EndReason, RunEnd};

/// One worker: its state, its transcript, and the events about it.
#[derive(Debug)]
pub(crate) struct Worker {
    metadata: Arc<WorkerMetadata>,
    display_name: DisplayName,
    limits: Arc<Limits>,
    state: State,
    transcript: TranscriptLog,
    log: EventLog,
    inputs: IdempotencyKeys<Accepted>,
    last_activity_at: Timestamp,
    usage: UsageTotals,
    last_run: Option<LastRun>,
    diagnostics: RunDiagnostics,
}

/// What is fixed when a worker is created.
#[derive(Debug)]
pub(crate) struct WorkerMetadata {
    pub(crate) id: WorkerId,
    pub(crate) epoch: Epoch,
    pub(crate) profile: ProfileId,
    /// The name of its model; none when the engine offers no choice.
    pub(crate) model: Option<Arc<str>>,
    /// The key it was created under, remembered as long as the worker is, and the fingerprint of
    /// that request.
    pub(crate) key: Option<(IdempotencyKey, Fingerprint)>,
    pub(crate) created_at: Timestamp,
    pub(crate) older_entries: OlderEntries,
}

/// A worker at one instant, without the text it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerSnapshot {
    /// Its id.
    pub id: WorkerId,
    /// Its name for people.
    pub display_name: DisplayName,
    /// The profile that it was created with.
    pub profile: ProfileId,
    /// The name of its model; none when the engine offers no choice.
    pub model: Option<Arc<str>>,
    /// What it is doing.
    pub state: WorkerState,
    /// The run of its latest input; present when `queued`, `running` or `cancelling`.
    pub active_run: Option<RunId>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When its latest event happened.
    pub last_activity_at: Timestamp,
    /// Which part of its transcript is held.
    pub transcript: TranscriptBounds,
    /// The position after its latest event.
    pub cursor: Cursor,
    /// What its runs used, together.
    pub usage: UsageTotals,
    /// How its latest run ended.
    pub last_run: Option<LastRun>,
    /// What was reported about its latest run.
    pub diagnostics: RunDiagnostics,
}

/// A run in progress. The texts are joined outside of the worker's lock.
pub(crate) struct InFlightPieces {
    pub(crate) run_id: RunId,
    pub(crate) phase: RunPhase,
    pub(crate) text: Vec<Arc<str>>,
    pub(crate) reasoning: Vec<Arc<str>>,
}

impl Worker {
    pub(crate) fn new(
        metadata: Arc<WorkerMetadata>,
        display_name: DisplayName,
        limits: Arc<Limits>,
    ) -> Self {
        let created_at = metadata.created_at;
        let mut worker = Self {
            display_name,
            state: State::Idle,
            transcript: TranscriptLog::starting_after(0, metadata.older_entries, &limits),
            log: EventLog::starting_after(0, metadata.epoch, &limits),
            inputs: IdempotencyKeys::new(limits.input_keys),
            last_activity_at: created_at,
            usage: UsageTotals::default(),
            last_run: None,
            diagnostics: RunDiagnostics::default(),
            metadata,
            limits,
        };
        worker.record(created_at, EventKind::WorkerCreated);
        worker
    }

    pub(crate) fn snapshot(&self) -> WorkerSnapshot {
        WorkerSnapshot {
            id: self.metadata.id,
            display_name: self.display_name.clone(),
            profile: self.metadata.profile.clone(),
            model: self.metadata.model.clone(),
            state: self.state(),
            active_run: self.active_run(),
            created_at: self.metadata.created_at,
            last_activity_at: self.last_activity_at,
            transcript: self.transcript.bounds(),
            cursor: self.log.latest(),
            usage: self.usage,
            last_run: self.last_run,
            diagnostics: self.diagnostics,
        }
    }

    pub(crate) fn state(&self) -> WorkerState {
        match &self.state {
            State::Idle => WorkerState::Idle,
            State::Running(run) if run.phase == RunPhase::Queued => WorkerState::Queued,
            State::Running(_)
            | State::Finishing {
                cancelled: false, ..
            } => WorkerState::Running,
            State::Ending { .. }
            | State::Finishing {
                cancelled: true, ..
            } => WorkerState::Cancelling,
            State::Stopped => WorkerState::Stopped,
        }
    }

    pub(crate) fn active_run(&self) -> Option<RunId> {
        self.state.run().map(|run| run.id)
    }

    /// The run in progress, with the pieces of its texts so far.
    pub(crate) fn in_flight(&self) -> Option<InFlightPieces> {
        let run = self.state.run()?;
        Some(InFlightPieces {
            run_id: run.id,
            phase: run.phase,
            text: run.reply.pieces(),
            reasoning: run.reasoning.pieces(),
        })
    }

    pub(crate) fn last_run(&self) -> Option<LastRun> {
        self.last_run
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

    /// The part of a page that is in memory. If the store may have entries of the page before it,
    /// also the number of the first entry in memory.
    pub(crate) fn slice(&self, position: TranscriptPosition, limit: usize) -> (Slice, Option<u64>) {
        let max_bytes = self.limits.transcript_page_bytes;
        let slice = self.transcript.slice(position, limit, max_bytes);
        let first = self
            .transcript
            .first_if_earlier_are_stored(position, limit, &slice);
        (slice, first)
    }

    pub(crate) fn read(
        &self,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<EventBatch, CursorExpired> {
        self.log.read(after, limit)
    }

    /// Bytes that the worker holds now.
    pub(crate) fn held_bytes(&self) -> usize {
        let run = self.state.run();
        let reply = run.map_or(0, |run| run.reply.len() + run.reasoning.len());
        self.fixed_bytes()
            + self.transcript.bytes()
            + self.log.bytes()
            + self.inputs.bytes()
            + reply
    }

    /// The bytes that the worker counts while it works on an input. Entries that are pruned
    /// meanwhile count too: somebody may still hold them.
    fn bytes_during(
        &self,
        content_len: usize,
        key: Option<&(IdempotencyKey, Fingerprint)>,
    ) -> RunBytes {
        let key = key.map_or(0, |(key, _)| key_cost(key));
        let accepted = entry_cost(content_len) + EVENT_OVERHEAD_BYTES + key;
        let parts = [
            self.fixed_bytes(),
            self.transcript.bytes(),
            entry_cost(content_len),
            entry_cost(self.limits.output_bytes),
            self.limits.reasoning_bytes,
            self.limits.event_bytes,
            self.inputs.bytes(),
            key,
        ];
        // The limits may be as large as a number can be.
        let max = parts.into_iter().fold(0, usize::saturating_add);
        RunBytes {
            now: (self.held_bytes() + accepted + Self::END_BYTES).min(max),
            max,
        }
    }

    fn fixed_bytes(&self) -> usize {
        // The last event of a worker must never fail for lack of bytes: it counts from
        // the beginning.
        let last_event = match &self.state {
            State::Stopped => 0,
            State::Idle | State::Running(_) | State::Ending { .. } | State::Finishing { .. } => {
                EVENT_OVERHEAD_BYTES
            }
        };
        WORKER_OVERHEAD_BYTES
            + self
                .metadata
                .key
                .as_ref()
                .map_or(0, |(key, _)| key_cost(key))
            + last_event
    }

    fn record(&mut self, at: Timestamp, kind: EventKind) -> Cursor {
        self.last_activity_at = at;
        self.log.append(at, kind)
    }
}

#[cfg(test)]
mod tests;
