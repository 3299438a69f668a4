//! A worker's events as a stream, read batch by batch from the source's own log.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_core::Stream;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio::time::Instant;

use super::RuntimeRegistry;
use super::operation::{call, worker_context};
use crate::capability::Capability;
use crate::cursor::Cursor;
use crate::error::RegistryError;
use crate::id::WorkerRef;
use crate::port::{EVENT_WAIT_MAX, EventWait, EventsQuery, RuntimeSource};
use crate::projection::{EventKind, RuntimeStatus, WorkerEvent, WorkerState};

/// Shortest time between two polls that found nothing.
pub(super) const POLL_INTERVAL_MIN: Duration = Duration::from_millis(100);

/// Events in order, then at most one error, then the end.
pub type EventStream = Pin<Box<dyn Stream<Item = Result<WorkerEvent, RegistryError>> + Send>>;

impl RuntimeRegistry {
    /// A worker's events after a cursor, as they happen. The stream ends after `worker_stopped`,
    /// after an error, and when the runtime shuts down.
    ///
    /// # Errors
    /// [`RegistryError::UnknownRuntime`], [`RegistryError::OperationUnsupported`]. The stream's
    /// last item may be an error of [`events`](Self::events): a subscriber waits like a poll.
    /// # Cancellation
    /// Dropping the stream ends the subscription. It keeps a position, not a queue: a slow reader
    /// costs the runtime nothing, and gets [`RegistryError::CursorExpired`].
    pub fn subscribe(
        &self,
        worker: &WorkerRef,
        after: Cursor,
    ) -> Result<EventStream, RegistryError> {
        let registered = self.registered(&worker.runtime_id)?;
        registered.port(Capability::ReadEvents, RuntimeSource::observation)?;
        let subscription = Subscription {
            source: Arc::clone(&registered.source),
            deadline: self.deadlines.read.saturating_add(EVENT_WAIT_MAX),
            worker: worker.clone(),
            after,
        };
        let batches = stream::try_unfold(Some(subscription), |subscription| async {
            match subscription {
                Some(subscription) => subscription.next_batch().await,
                None => Ok(None),
            }
        });
        let events = batches.map_ok(|batch| stream::iter(batch).map(Ok));
        Ok(events.try_flatten().boxed())
    }
}

struct Subscription {
    source: Arc<dyn RuntimeSource>,
    deadline: Duration,
    worker: WorkerRef,
    after: Cursor,
}

impl Subscription {
    /// The next events, and the subscription while more may come; `None` when none will.
    async fn next_batch(
        mut self,
    ) -> Result<Option<(Vec<WorkerEvent>, Option<Self>)>, RegistryError> {
        let Some(port) = self.source.observation() else {
            return Ok(None);
        };
        let query = EventsQuery {
            after: Some(self.after),
            wait: EventWait::MAX,
            ..EventsQuery::default()
        };
        let next_poll = Instant::now() + POLL_INTERVAL_MIN;
        let poll = port.events(&self.worker.worker_id, &query);
        let batch = call(self.deadline, worker_context(&self.worker), poll).await?;
        if batch.events.is_empty() {
            if self.has_ended().await? {
                return Ok(None);
            }
            // A runtime may wait for a shorter time than it is asked to, or not at all.
            tokio::time::sleep_until(next_poll).await;
        }
        let stopped = |event: &WorkerEvent| event.kind == EventKind::WorkerStopped;
        if batch.events.last().is_some_and(stopped) {
            return Ok(Some((batch.events, None)));
        }
        self.after = batch.next_cursor;
        Ok(Some((batch.events, Some(self))))
    }

    /// Whether nothing more can come: the worker is stopped, or its runtime shuts down.
    async fn has_ended(&self) -> Result<bool, RegistryError> {
        let context = worker_context(&self.worker);
        let worker = self.source.catalog().get(&self.worker.worker_id);
        let worker = call(self.deadline, context, worker).await?;
        let status = call(self.deadline, context, self.source.status()).await?;
        Ok(worker.worker.state == WorkerState::Stopped || status.status == RuntimeStatus::Stopping)
    }
}
