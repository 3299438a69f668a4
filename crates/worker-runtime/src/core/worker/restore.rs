//! Workers as the store has them.

use std::sync::Arc;

use super::state::{Run, State};
use super::{Worker, WorkerMetadata, WorkerSnapshot};
use crate::core::event_log::EventLog;
use crate::core::idempotency::IdempotencyKeys;
use crate::core::transcript_log::TranscriptLog;
use crate::cursor::{Cursor, Epoch};
use crate::display_name::DisplayName;
use crate::limits::Limits;
use crate::run::{RunDiagnostics, UsageTotals};
use crate::status::WorkerState;
use crate::store::{StoredConversation, StoredState, StoredWorker};
use crate::transcript::TranscriptBounds;

impl Worker {
    /// A worker that was read from the store, with an event log that begins after the event
    /// `latest_event`. A run without an end is still active, with its drafts as its reply.
    pub(crate) fn restore(
        metadata: Arc<WorkerMetadata>,
        limits: Arc<Limits>,
        stored: StoredConversation,
        latest_event: u64,
    ) -> Self {
        let StoredConversation {
            worker,
            entries,
            inputs,
            active_run,
        } = stored;
        let diagnostics = match &active_run {
            // Those of the run before it.
            Some(_) => RunDiagnostics::default(),
            None => worker.diagnostics,
        };
        let before_first = worker.last_sequence - entries.len() as u64;
        let mut transcript =
            TranscriptLog::starting_after(before_first, metadata.older_entries, &limits);
        for entry in entries {
            transcript.append(entry);
        }
        let mut remembered = IdempotencyKeys::new(limits.input_keys);
        for input in inputs {
            remembered.insert(input.key, input.fingerprint, input.accepted);
        }
        Self {
            state: match (active_run, worker.state) {
                (Some(run), _) => State::Running(Run::with_reply(run.run_id, &run.text)),
                (None, StoredState::Idle) => State::Idle,
                (None, StoredState::Stopped) => State::Stopped,
            },
            display_name: worker.display_name,
            transcript,
            log: EventLog::starting_after(latest_event, metadata.epoch, &limits),
            inputs: remembered,
            last_activity_at: worker.last_activity_at,
            usage: worker.usage,
            last_run: worker.last_run,
            diagnostics,
            metadata,
            limits,
        }
    }
}

impl WorkerSnapshot {
    /// A worker that is only in the store, and so has no run.
    pub(crate) fn of_stored(worker: StoredWorker, cursor: Cursor) -> Self {
        Self {
            id: worker.id,
            display_name: worker.display_name,
            profile: worker.profile.id().clone(),
            model: worker.model,
            state: worker.state.into(),
            active_run: None,
            created_at: worker.created_at,
            last_activity_at: worker.last_activity_at,
            transcript: TranscriptBounds::new(1, worker.last_sequence),
            cursor,
            usage: worker.usage,
            last_run: worker.last_run,
            diagnostics: worker.diagnostics,
        }
    }

    /// The same worker as it was right after its creation, with the name that it got there.
    /// `epoch` is that of the creation. Everything else that was true then still is.
    pub(crate) fn at_creation(self, display_name: DisplayName, epoch: Epoch) -> Self {
        Self {
            display_name,
            state: WorkerState::Idle,
            active_run: None,
            last_activity_at: self.created_at,
            transcript: TranscriptBounds::new(1, 0),
            // After `worker_created`.
            cursor: Cursor::new(epoch, 1),
            usage: UsageTotals::default(),
            last_run: None,
            diagnostics: RunDiagnostics::default(),
            ..self
        }
    }
}
