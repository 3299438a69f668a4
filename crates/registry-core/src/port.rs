//! The ports: what a runtime source must implement, and what it may.
//!
//! A source is one trait plus optional, narrow ports. A capability *is* the presence of a
//! port, so nothing can be promised that the code does not do.
//!
//! What a port takes is a request, what it gives is a record, and the registry projects records
//! for clients. Where the projection would repeat the record field by field (a transcript page,
//! a batch of events, an accepted input, what a cancel did), one type is both.

mod record;
mod request;

pub use crate::runtime::{RuntimeDescriptor, SourceStatus};
pub use crate::worker::{CatalogPage, WorkerDetailRecord, WorkerRecord};
pub use record::{CreatedWorkerRecord, InputReceipt, Replay};
pub use request::{
    CancelTarget, CatalogQuery, CreateWorker, EVENT_BATCH_MAX, EVENT_WAIT_MAX, EventBatchTime,
    EventWait, EventsQuery, Input, TimeTooLong, TimeUpTo, TranscriptQuery, TranscriptRange,
};

use async_trait::async_trait;

use crate::capability::{Capability, CapabilitySet};
use crate::conversation::TranscriptPage;
use crate::error::SourceError;
use crate::event::EventBatch;
use crate::id::WorkerId;
use crate::run::CancelResult;
use crate::text::DisplayName;

/// One runtime, as the registry sees it.
///
/// Implementations are shared between all requests: every method may be called
/// concurrently.
#[async_trait]
pub trait RuntimeSource: Send + Sync {
    /// What never changes about the runtime. Cheap: it is read on every request.
    fn descriptor(&self) -> &RuntimeDescriptor;

    /// How the runtime is right now.
    ///
    /// # Errors
    /// [`SourceError::Unavailable`] alone.
    /// # Cancellation
    /// Dropping the future changes nothing.
    /// # Ordering
    /// Counts are of one instant, not of the instant of any other call.
    async fn status(&self) -> Result<SourceStatus, SourceError>;

    /// The workers; every source has a catalog.
    fn catalog(&self) -> &dyn WorkerCatalog;

    /// Creating, cancelling, stopping, renaming and deleting, where the runtime can.
    fn lifecycle(&self) -> Option<&dyn WorkerLifecycle> {
        None
    }

    /// Sending input, where the runtime can.
    fn interaction(&self) -> Option<&dyn WorkerInteraction> {
        None
    }

    /// Transcripts and events, where the runtime keeps them.
    fn observation(&self) -> Option<&dyn WorkerObservation> {
        None
    }
}

impl dyn RuntimeSource + '_ {
    /// What the source's ports make possible. The catalog is always there.
    pub fn capabilities(&self) -> CapabilitySet {
        let mut set = CapabilitySet::from_iter([Capability::ListWorkers, Capability::GetWorker]);
        if self.lifecycle().is_some() {
            set.extend([
                Capability::CreateWorker,
                Capability::CancelRun,
                Capability::StopWorker,
                Capability::RenameWorker,
                Capability::DeleteWorker,
            ]);
        }
        if self.interaction().is_some() {
            set.extend([Capability::SendInput]);
        }
        if self.observation().is_some() {
            set.extend([Capability::ReadTranscript, Capability::ReadEvents]);
        }
        set
    }
}

/// Which workers there are.
#[async_trait]
pub trait WorkerCatalog: Send + Sync {
    /// A page of workers after a position, newest first.
    ///
    /// A page with a `next` position may hold fewer workers than the limit, even none: a
    /// source bounds the work of one call, not only its answer.
    ///
    /// # Errors
    /// [`SourceError::InvalidPosition`] for a position this source did not make,
    /// [`SourceError::Unavailable`].
    /// # Cancellation
    /// Dropping the future changes nothing.
    /// # Ordering
    /// Following `next` shows every worker that existed from the first page to the last one
    /// exactly once, also while workers are created.
    async fn list(&self, query: &CatalogQuery) -> Result<CatalogPage, SourceError>;

    /// One worker.
    ///
    /// # Errors
    /// [`SourceError::UnknownWorker`], [`SourceError::Unavailable`].
    /// # Cancellation
    /// Dropping the future changes nothing.
    /// # Ordering
    /// Sees every mutation that was answered before the call.
    async fn get(&self, worker_id: &WorkerId) -> Result<WorkerDetailRecord, SourceError>;
}

/// Creating, naming and deleting workers, and ending what they do.
#[async_trait]
pub trait WorkerLifecycle: Send + Sync {
    /// Creates a worker. The same request under the same key gets the first answer again,
    /// whatever became of the worker since; its cursor may have expired.
    ///
    /// # Errors
    /// [`SourceError::UnknownProfile`], [`SourceError::UnknownModel`], [`SourceError::CapacityExhausted`],
    /// [`SourceError::IdempotencyConflict`], [`SourceError::ShuttingDown`],
    /// [`SourceError::Unavailable`]; no worker was created.
    /// # Cancellation
    /// A dropped future may have created the worker; an idempotency key finds it again.
    /// # Ordering
    /// The worker is in the catalog when the call returns.
    async fn create(&self, request: CreateWorker) -> Result<CreatedWorkerRecord, SourceError>;

    /// Stops a worker for good, ending its active run first. Stopping a stopped worker
    /// answers the same.
    ///
    /// # Errors
    /// [`SourceError::UnknownWorker`]; [`SourceError::Unavailable`] with
    /// `RunStillEnding` when the run has not ended within the bounded wait: the stop stands,
    /// and takes effect when it has.
    /// # Cancellation
    /// A dropped future does not take the stop back.
    /// # Ordering
    /// Nothing happens to the worker after the call has returned.
    async fn stop(&self, worker_id: &WorkerId) -> Result<WorkerDetailRecord, SourceError>;

    /// Cancels a worker's active run; idle workers answer `NotRunning` whatever the target.
    ///
    /// # Errors
    /// [`SourceError::UnknownWorker`], [`SourceError::RunMismatch`];
    /// [`SourceError::Unavailable`] with `RunStillEnding` when the run has not ended within
    /// the bounded wait: the cancel stands.
    /// # Cancellation
    /// A dropped future does not take the cancel back.
    /// # Ordering
    /// When it answers `Cancelled`, the run's terminal event is in the log.
    async fn cancel(
        &self,
        worker_id: &WorkerId,
        target: CancelTarget,
    ) -> Result<CancelResult, SourceError>;

    /// Gives a worker another name, whatever its state. The same name again is no error.
    ///
    /// # Errors
    /// [`SourceError::UnknownWorker`], [`SourceError::Unavailable`]; the worker has its old name.
    /// # Cancellation
    /// A dropped future may have renamed the worker.
    /// # Ordering
    /// Every read that begins after the call has returned shows the new name. Of two concurrent
    /// calls either name may stay.
    async fn rename(
        &self,
        worker_id: &WorkerId,
        name: DisplayName,
    ) -> Result<WorkerDetailRecord, SourceError>;

    /// Deletes a worker with its conversation, ending its active run first. The idempotency key
    /// that it was created under is free afterwards.
    ///
    /// # Errors
    /// [`SourceError::UnknownWorker`], also for a worker that was deleted before;
    /// [`SourceError::Unavailable`] with `RunStillEnding` when the run has not ended within the
    /// bounded wait: the worker is stopped as soon as it has, and can be deleted then.
    /// # Cancellation
    /// A dropped future may leave the worker as it was, stopped or deleted.
    /// # Ordering
    /// The worker is unknown to every call that begins after this one has returned, and readers
    /// that wait for its events are answered.
    async fn delete(&self, worker_id: &WorkerId) -> Result<(), SourceError>;
}

/// Sending workers input.
#[async_trait]
pub trait WorkerInteraction: Send + Sync {
    /// Commits an input to the transcript, and starts a run for it or queues it.
    ///
    /// # Errors
    /// [`SourceError::UnknownWorker`], [`SourceError::WorkerBusy`],
    /// [`SourceError::WorkerStopped`], [`SourceError::InputEmpty`],
    /// [`SourceError::InputTooLarge`], [`SourceError::CapacityExhausted`],
    /// [`SourceError::IdempotencyConflict`], [`SourceError::ShuttingDown`],
    /// [`SourceError::Unavailable`]; nothing was committed.
    /// # Cancellation
    /// A dropped future may have committed the input; an idempotency key tells.
    /// # Ordering
    /// The `input_accepted` event is in the log when the call returns.
    async fn send_input(
        &self,
        worker_id: &WorkerId,
        input: Input,
    ) -> Result<InputReceipt, SourceError>;
}

/// Reading transcripts and events.
#[async_trait]
pub trait WorkerObservation: Send + Sync {
    /// A page of the transcript with the event cursor of the same instant.
    ///
    /// # Errors
    /// [`SourceError::UnknownWorker`], [`SourceError::Unavailable`].
    /// # Cancellation
    /// Dropping the future changes nothing.
    /// # Ordering
    /// Entries ascend; page and cursor are of one instant.
    async fn transcript(
        &self,
        worker_id: &WorkerId,
        query: &TranscriptQuery,
    ) -> Result<TranscriptPage, SourceError>;

    /// Events after a cursor; waits for the first one up to the query's wait, and then gathers more
    /// for as long as the query says, within that wait. When nothing more can come, because the worker
    /// has stopped or the runtime shuts down, it answers at once; likewise when the page is full or a
    /// run has ended. Where there are too many readers it may answer early, with what there is.
    ///
    /// # Errors
    /// [`SourceError::UnknownWorker`], [`SourceError::CursorExpired`],
    /// [`SourceError::TooManyPollers`], [`SourceError::Unavailable`].
    /// # Cancellation
    /// Dropping the future ends the wait and nothing else.
    /// # Ordering
    /// Events ascend without gaps, starting right after the cursor.
    async fn events(
        &self,
        worker_id: &WorkerId,
        query: &EventsQuery,
    ) -> Result<EventBatch, SourceError>;
}
