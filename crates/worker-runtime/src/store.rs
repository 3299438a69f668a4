//! The port to whatever keeps workers over restarts.
//!
//! Only facts are stored: workers, entries, runs, and the text so far of runs in progress.
//! Deltas and events are not. A runtime without a store keeps everything in memory; one with a store
//! commits each change to it before anybody can see the change.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::command::Accepted;
use crate::cursor::Cursor;
use crate::display_name::DisplayName;
use crate::fingerprint::Fingerprint;
use crate::id::{IdempotencyKey, RunId, WorkerId};
use crate::profile::Profile;
use crate::run::{LastRun, RunDiagnostics, Usage, UsageTotals};
use crate::status::WorkerState;
use crate::transcript::{Entry, TranscriptPosition};

#[cfg(any(test, feature = "store-conformance"))]
pub mod conformance;
#[cfg(any(test, feature = "store-conformance"))]
pub mod memory_store;
#[cfg(any(test, feature = "store-conformance"))]
pub mod scripted_store;

/// Keeps workers over restarts.
///
/// # Ordering
/// The runtime never has two commits of one worker in progress at once. Commits of different
/// workers may be done in any order. A read that begins after a commit has returned sees it.
///
/// # Cancellation
/// The runtime doesn't drop a commit. Dropping a read only gives up its result.
#[async_trait]
pub trait WorkerStore: Send + Sync {
    /// Commits the changes, all or none of them, in this order. Without any it commits nothing, and
    /// so tells whether the store accepts writes.
    ///
    /// They are durable when this returns `Ok`: neither the end of the process nor a power cut takes
    /// them back.
    ///
    /// # Errors
    /// None of the changes has been or will be made then.
    async fn commit(&self, changes: Vec<Change>) -> Result<(), StoreError>;

    /// All workers, in the order of their ids. Costs a few hundred bytes each.
    ///
    /// # Errors
    /// The store can't be read. A single worker that can't be read is left out of the list and
    /// counted in it.
    async fn index(&self) -> Result<Index, StoreError>;

    /// These workers, without their conversations, in any order. One that isn't stored, or can't
    /// be read, is left out.
    ///
    /// # Errors
    /// The store can't be read.
    async fn workers(&self, ids: &[WorkerId]) -> Result<Vec<StoredWorker>, StoreError>;

    /// A worker with the newest part of its conversation, and the newest `input_keys` of the inputs
    /// that came under an idempotency key; none when it isn't stored.
    ///
    /// # Errors
    /// The store, or this worker in it, can't be read.
    async fn load(
        &self,
        id: WorkerId,
        window: Window,
        input_keys: usize,
    ) -> Result<Option<StoredConversation>, StoreError>;

    /// A part of a worker's transcript, of one instant; none when the worker isn't stored.
    ///
    /// # Errors
    /// The store, or an entry of the page, can't be read.
    async fn transcript(
        &self,
        id: WorkerId,
        position: TranscriptPosition,
        window: Window,
    ) -> Result<Option<StoredPage>, StoreError>;

    /// At most `limit` of the workers that have been stopped, and without activity, since before
    /// `before`.
    ///
    /// # Errors
    /// The store can't be read.
    async fn stopped_before(
        &self,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<WorkerId>, StoreError>;
}

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

/// A worker as it is stored, without its conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredWorker {
    /// Its id.
    pub id: WorkerId,
    /// Its name for people.
    pub display_name: DisplayName,
    /// The profile that it was created with, whatever has become of the profile since.
    pub profile: Profile,
    /// The name of its model; none when the engine offered no choice.
    pub model: Option<Arc<str>>,
    /// Whether it takes inputs.
    pub state: StoredState,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed, other than by a new name.
    pub last_activity_at: Timestamp,
    /// The idempotency key that it was created under, and the fingerprint of that request.
    pub create_key: Option<(IdempotencyKey, Fingerprint)>,
    /// The number of its newest entry; 0 without one.
    pub last_sequence: u64,
    /// What its runs used, together.
    pub usage: UsageTotals,
    /// How its latest run ended; of a run in progress nothing.
    pub last_run: Option<LastRun>,
    /// What was reported about its latest run that has ended.
    pub diagnostics: RunDiagnostics,
}

/// Whether a stored worker takes inputs. That it has an active run is a fact about the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StoredState {
    /// It takes inputs.
    Idle,
    /// It is stopped for good.
    Stopped,
}

impl From<StoredState> for WorkerState {
    fn from(state: StoredState) -> Self {
        match state {
            StoredState::Idle => Self::Idle,
            StoredState::Stopped => Self::Stopped,
        }
    }
}

impl StoredState {
    /// Every state.
    pub const ALL: &'static [Self] = &[Self::Idle, Self::Stopped];

    /// The state's stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Stopped => "stopped",
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

/// Which workers a store has.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Index {
    /// The workers that can be read, in ascending order of their ids.
    pub workers: Vec<IndexedWorker>,
    /// How many workers can't be read.
    pub unreadable: usize,
}

/// A worker in the [`Index`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexedWorker {
    /// Its id.
    pub id: WorkerId,
    /// Whether it takes inputs.
    pub state: StoredState,
    /// Whether it has a run without an end, which the end of the process cut off.
    pub has_active_run: bool,
    /// The idempotency key that it was created under, and the fingerprint of that request.
    pub create_key: Option<(IdempotencyKey, Fingerprint)>,
}

/// How much of a transcript to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Entries at most.
    pub entries: usize,
    /// Bytes at most, each entry counted with its [overhead](crate::limits::ENTRY_OVERHEAD_BYTES).
    /// The entry nearest to the position is read in any case.
    pub bytes: usize,
}

impl Window {
    /// Nothing read yet.
    #[must_use]
    pub fn room(self) -> Room {
        Room {
            window: self,
            entries: 0,
            bytes: 0,
        }
    }
}

/// What has been read of a [`Window`].
#[derive(Debug, Clone, Copy)]
pub struct Room {
    window: Window,
    entries: usize,
    bytes: usize,
}

impl Room {
    /// Whether the next entry, going away from the position, is still in the window. After the
    /// first that isn't, none is.
    pub fn take(&mut self, entry: &Entry) -> bool {
        self.entries += 1;
        self.bytes = self.bytes.saturating_add(entry.counted_bytes());
        self.entries == 1 || self.entries <= self.window.entries && self.bytes <= self.window.bytes
    }
}

/// A worker with the newest part of its conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredConversation {
    /// The worker.
    pub worker: StoredWorker,
    /// The newest entries, oldest first, without gaps.
    pub entries: Vec<Entry>,
    /// The newest inputs that came under an idempotency key, oldest first.
    pub inputs: Vec<KeyedInput>,
    /// The run without an end, if there is one.
    pub active_run: Option<UnfinishedRun>,
}

impl StoredConversation {
    /// Whether the newest entries are there without gaps.
    pub(crate) fn is_consistent(&self) -> bool {
        let newest_first = self.entries.iter().rev().map(|entry| entry.sequence);
        let expected = (1..=self.worker.last_sequence).rev();
        let complete = self.entries.is_empty() == (self.worker.last_sequence == 0);
        complete
            && newest_first.zip(expected).all(|(one, other)| one == other)
            && self.entries.len() as u64 <= self.worker.last_sequence
    }
}

/// An input that came under an idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyedInput {
    /// The key.
    pub key: IdempotencyKey,
    /// The fingerprint of the input.
    pub fingerprint: Fingerprint,
    /// Its result. Not marked as replayed.
    pub accepted: Accepted,
}

/// A run without an end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnfinishedRun {
    /// The run.
    pub run_id: RunId,
    /// Its drafts, joined; may be empty.
    pub text: Arc<str>,
}

/// A part of a transcript.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StoredPage {
    /// The entries, oldest first, without gaps.
    pub entries: Vec<Entry>,
    /// The number of the newest entry of all; 0 without one.
    pub last_sequence: u64,
}

/// Why a store doesn't do what it is asked for. Its cause is for the operator's log alone.
#[derive(thiserror::Error)]
#[error("store is unavailable: {kind}")]
pub struct StoreError {
    kind: StoreErrorKind,
    cause: Option<Box<dyn Error + Send + Sync>>,
}

/// What is wrong with a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StoreErrorKind {
    /// There is no space left for it.
    Full,
    /// Reading or writing fails.
    Failed,
    /// It isn't there any more, or isn't the same any more, or belongs to another process.
    Lost,
}

impl StoreErrorKind {
    /// Every kind.
    pub const ALL: &'static [Self] = &[Self::Full, Self::Failed, Self::Lost];

    /// The kind's stable name, in `snake_case`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "store_full",
            Self::Failed => "store_failed",
            Self::Lost => "store_lost",
        }
    }
}

impl fmt::Display for StoreErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl StoreError {
    /// An error of this kind.
    #[must_use]
    pub fn new(kind: StoreErrorKind) -> Self {
        Self { kind, cause: None }
    }

    /// An error of this kind with a cause, which leaves the runtime in debug logs only.
    pub fn with_cause(
        kind: StoreErrorKind,
        cause: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self {
            kind,
            cause: Some(cause.into()),
        }
    }

    /// What is wrong.
    #[must_use]
    pub fn kind(&self) -> StoreErrorKind {
        self.kind
    }

    /// The cause, if there is one. It can name paths.
    #[must_use]
    pub fn cause(&self) -> Option<&(dyn Error + Send + Sync)> {
        self.cause.as_deref()
    }
}

/// Shows the kind only: a cause can name paths.
impl fmt::Debug for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreError")
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
#[cfg(not(feature = "shuttle"))]
mod tests;
