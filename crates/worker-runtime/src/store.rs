//! The port to whatever keeps workers over restarts.
//!
//! Only facts are stored: workers, entries, runs, and the text so far of runs in progress.
//! Deltas and events are not. A runtime without a store keeps everything in memory; one with a store
//! commits each change to it before anybody can see the change.

use async_trait::async_trait;
use jiff::Timestamp;

use crate::id::WorkerId;
use crate::transcript::TranscriptPosition;

mod change;
pub mod columns;
pub mod copy;
mod error;
pub mod group_commit;
mod metrics;
mod record;

#[cfg(any(test, feature = "store-conformance"))]
pub mod conformance;
#[cfg(any(test, feature = "store-conformance"))]
pub mod memory_store;
#[cfg(any(test, feature = "store-conformance"))]
pub mod scripted_store;

pub use change::{AcceptedInput, Change, FinishedRun};
pub use error::{StoreError, StoreErrorKind};
pub use metrics::{BATCH_SIZE_BUCKETS, Histogram, LATENCY_BUCKETS, StoreMetrics, StoreRecorder};
pub use record::{
    Index, IndexedWorker, KeyedInput, Room, StoredConversation, StoredPage, StoredState,
    StoredWorker, UnfinishedRun, Window,
};

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

#[cfg(test)]
#[cfg(not(feature = "shuttle"))]
mod tests;
