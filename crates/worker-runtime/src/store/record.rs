//! What is read from a store.

use std::sync::Arc;

use jiff::Timestamp;

use crate::command::Accepted;
use crate::display_name::DisplayName;
use crate::fingerprint::Fingerprint;
use crate::id::{IdempotencyKey, RunId, WorkerId};
use crate::profile::Profile;
use crate::run::{LastRun, RunDiagnostics, UsageTotals};
use crate::status::WorkerState;
use crate::transcript::Entry;

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
    /// The idempotency key that it was created under.
    pub create_key: Option<IdempotencyKey>,
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
