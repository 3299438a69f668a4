//! What is committed to a store.

use std::sync::Arc;

use jiff::Timestamp;

use super::{StoredState, StoredWorker};
use crate::cursor::Cursor;
use crate::display_name::DisplayName;
use crate::fingerprint::Fingerprint;
use crate::id::{IdempotencyKey, RunId, WorkerId};
use crate::run::{LastRun, RunDiagnostics, Usage, UsageTotals};
use crate::transcript::Entry;

/// A change of one worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A worker is created.
    Create(Box<StoredWorker>),
    /// An input is accepted: its entry is added, and its run begins.
    Accept(Box<AcceptedInput>),
    /// The reply of the worker's active run has grown by `text` since its last draft.
    Draft {
        /// The worker.
        worker_id: WorkerId,
        /// The run.
        run_id: RunId,
        /// The new text; never empty.
        text: Arc<str>,
    },
    /// The active run has ended. Its drafts are no longer needed.
    Finish(Box<FinishedRun>),
    /// A worker without an active run is stopped.
    Stop {
        /// The worker.
        worker_id: WorkerId,
        /// When.
        at: Timestamp,
    },
    /// A worker has another name.
    Rename {
        /// The worker.
        worker_id: WorkerId,
        /// Its new name.
        display_name: DisplayName,
    },
    /// A worker is gone, with everything that belongs to it.
    Delete {
        /// The worker.
        worker_id: WorkerId,
    },
}

impl Change {
    /// The worker that changes.
    #[must_use]
    pub fn worker_id(&self) -> WorkerId {
        match self {
            Self::Create(worker) => worker.id,
            Self::Accept(input) => input.worker_id,
            Self::Finish(run) => run.worker_id,
            Self::Draft { worker_id, .. }
            | Self::Stop { worker_id, .. }
            | Self::Rename { worker_id, .. }
            | Self::Delete { worker_id } => *worker_id,
        }
    }
}

/// An input that is accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptedInput {
    /// The worker.
    pub worker_id: WorkerId,
    /// The input's entry. Its run begins, and its time is the worker's last activity.
    pub entry: Entry,
    /// The result that a replay of the input gets.
    pub cursor: Cursor,
    /// The idempotency key that it came under, and its fingerprint.
    pub key: Option<(IdempotencyKey, Fingerprint)>,
}

/// A run that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FinishedRun {
    /// The worker.
    pub worker_id: WorkerId,
    /// Which run it is, how it ended, and when. That is the worker's last activity, too.
    pub run: LastRun,
    /// What it used, as far as its engine said.
    pub usage: Option<Usage>,
    /// What all runs of the worker have used now.
    pub usage_totals: UsageTotals,
    /// What was reported about it.
    pub diagnostics: RunDiagnostics,
    /// The entry of its reply. Without one, its input's entry becomes `unanswered`.
    pub reply: Option<Entry>,
    /// The state of the worker from now on.
    pub state: StoredState,
}
