//! Reading a worker: its transcript, its events, and waiting for more of them.

use std::time::Duration;

use futures_core::Stream;
use futures_util::stream;

use super::Runtime;
use crate::core::Worker;
use crate::cursor::Cursor;
use crate::error::{EventsError, UnknownWorker};
use crate::event::{Event, EventKind};
use crate::id::WorkerId;
use crate::query::{EventBatch, EventsQuery, InFlight, TranscriptPage, TranscriptQuery};
use crate::snapshot::WorkerState;
use crate::sync;

/// How long a reader waits for an event.
#[derive(Debug, Clone, Copy)]
enum Patience {
    /// At most this long, and not through a shutdown.
    For(Duration),
    /// Until nothing more can come.
    ToTheEnd,
}

impl Runtime {
    /// A page of a worker's transcript, with the reply in progress and the position in
    /// the event log, all of the same instant.
    ///
    /// # Errors
    /// [`UnknownWorker`].
    pub fn transcript(
        &self,
        id: WorkerId,
        query: TranscriptQuery,
    ) -> Result<TranscriptPage, UnknownWorker> {
        let limit = self.inner.limits.page(query.limit);
        let slot = self.inner.slot(id)?;
        let (slice, bounds, in_flight, cursor) = slot.read(|worker| {
            (
                worker.slice(query.position, limit),
                worker.bounds(),
                worker.in_flight(),
                worker.cursor(),
            )
        });
        Ok(TranscriptPage {
            entries: slice.entries,
            bounds,
            has_earlier: slice.has_earlier,
            has_later: slice.has_later,
            // Joined out here, where nobody has to wait for it.
            in_flight: in_flight.map(|(run_id, pieces)| InFlight {
                run_id,
                text: pieces.concat().into(),
            }),
            cursor,
        })
    }

    /// The events after a cursor. When there is none yet, waits for the first: until
    /// `wait` is over, the worker is stopped, or the runtime shuts down.
    ///
    /// # Errors
    /// See [`EventsError`]. [`EventsError::Capacity`] is only told to a reader that would
    /// have to wait.
    ///
    /// # Cancellation
    /// Nothing is lost when the future is dropped: the caller owns the cursor.
    pub async fn events(
        &self,
        id: WorkerId,
        query: EventsQuery,
    ) -> Result<EventBatch, EventsError> {
        let wait = query.wait.min(self.inner.limits.wait);
        self.next_batch(id, query.after, query.limit, Patience::For(wait))
            .await
    }

    /// The events after a cursor, as they happen. Ends after `worker_stopped`, after an
    /// error, and, during a shutdown, when the worker's run has ended.
    ///
    /// The stream keeps a position, not a queue: a reader that is too slow costs nothing,
    /// and gets [`EventsError::Expired`].
    pub fn subscribe(
        &self,
        id: WorkerId,
        after: Cursor,
    ) -> impl Stream<Item = Result<Event, EventsError>> + Send + use<> {
        let subscription = Subscription {
            runtime: self.clone(),
            id,
            after,
            ready: Vec::new().into_iter(),
        };
        stream::unfold(Some(subscription), |subscription| async {
            subscription?.next().await
        })
    }

    async fn next_batch(
        &self,
        id: WorkerId,
        after: Option<Cursor>,
        limit: Option<usize>,
        patience: Patience,
    ) -> Result<EventBatch, EventsError> {
        let limit = self.inner.limits.page(limit);
        let deadline = match patience {
            Patience::For(wait) => sync::after(wait),
            Patience::ToTheEnd => None,
        };
        let mut waiting = None;
        let mut time_is_up = matches!(patience, Patience::For(Duration::ZERO));
        loop {
            // Looked up each time: the worker may be forgotten meanwhile.
            let slot = self.inner.slot(id)?;
            let changed = slot.changed();
            let (batch, ended) = slot.read(|worker| {
                let batch = worker.read(after, limit);
                batch.map(|batch| (batch, self.nothing_more(worker, patience)))
            })?;
            if !batch.events.is_empty() || ended || time_is_up {
                return Ok(batch);
            }
            if waiting.is_none() {
                waiting = Some(slot.wait()?);
            }
            time_is_up = sync::until(deadline, changed).await.is_err();
        }
    }

    /// Whether a reader that has read everything is done.
    fn nothing_more(&self, worker: &Worker, patience: Patience) -> bool {
        let stopping = self.inner.accepting().is_err();
        match patience {
            _ if worker.state() == WorkerState::Stopped => true,
            Patience::For(_) => stopping,
            Patience::ToTheEnd => stopping && worker.active_run().is_none(),
        }
    }
}

/// A reader of one worker's events, as a stream.
struct Subscription {
    runtime: Runtime,
    id: WorkerId,
    after: Cursor,
    ready: std::vec::IntoIter<Event>,
}

impl Subscription {
    /// The next item, and what the one after it comes from.
    async fn next(mut self) -> Option<(Result<Event, EventsError>, Option<Self>)> {
        if self.ready.len() == 0 {
            let batch = self
                .runtime
                .next_batch(self.id, Some(self.after), None, Patience::ToTheEnd)
                .await;
            match batch {
                Ok(batch) => self.ready = batch.events.into_iter(),
                Err(error) => return Some((Err(error), None)),
            }
        }
        let event = self.ready.next()?;
        self.after = event.cursor;
        let rest = (event.kind != EventKind::WorkerStopped).then_some(self);
        Some((Ok(event), rest))
    }
}
