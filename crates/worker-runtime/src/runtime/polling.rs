//! Reading the events of a worker, and waiting for more of them.

use std::pin::pin;
use std::time::Duration;

use futures_core::Stream;
use futures_util::future::{Either, select};
use futures_util::stream::{self, StreamExt as _};

use super::Runtime;
use super::pollers::Poller;
use crate::cursor::Cursor;
use crate::error::{CapacityExhausted, EventsError};
use crate::event::{Event, EventBatch, EventKind, EventsQuery};
use crate::id::WorkerId;
use crate::limits::LimitName;
use crate::status::WorkerState;
use crate::sync::{self, Elapsed, Instant};

mod gather;

use gather::is_complete;

/// No deadline: a subscriber waits until there is an event, or nothing more can come.
const UNLIMITED: Duration = Duration::MAX;

/// What a poll has come to.
struct Polled {
    batch: EventBatch,
    /// The limit under which it made way for another one, and ended early.
    displaced: Option<LimitName>,
}

/// Why a reader that waits goes on.
enum Wake {
    Changed,
    Displaced(LimitName),
    Deadline,
}

/// Waits for the first of these. The others can be dropped: each is waited for anew.
async fn next_wake(
    deadline: Option<Instant>,
    changed: impl Future<Output = ()>,
    poller: &Poller,
) -> Wake {
    let (changed, displaced) = (pin!(changed), pin!(poller.displaced()));
    match sync::until(deadline, select(changed, displaced)).await {
        Ok(Either::Left(_)) => Wake::Changed,
        Ok(Either::Right((limit, _))) => Wake::Displaced(limit),
        Err(Elapsed) => Wake::Deadline,
    }
}

impl Runtime {
    /// The events after a cursor. When there is none yet, waits for the first: until
    /// `wait` is over, the worker is stopped, or the runtime shuts down. With `batch`, it then waits
    /// for more of them: until that is over or `wait` is, the page is full, a run has ended, or this
    /// reader makes way for another. What was gathered is returned whatever happens.
    ///
    /// # Errors
    /// See [`EventsError`]. [`EventsError::Capacity`] is only returned to a reader that would
    /// have to wait. Where readers wait up to a limit, the one that has waited for longest makes way
    /// for another and is answered without events; only if it has just come, the other is refused.
    ///
    /// # Cancellation
    /// Nothing is lost when the future is dropped: the caller owns the cursor.
    pub async fn events(
        &self,
        id: WorkerId,
        query: EventsQuery,
    ) -> Result<EventBatch, EventsError> {
        let wait = query.wait.min(self.inner.limits.wait);
        let polled = self.poll_events(id, EventsQuery { wait, ..query }).await?;
        Ok(polled.batch)
    }

    /// The events after a cursor, as they happen. Ends after `worker_stopped`, after an
    /// error, and, during a shutdown, when the worker's run has ended.
    ///
    /// The stream keeps a position, not a queue: a reader that is too slow costs nothing,
    /// and gets [`EventsError::Expired`]. One that makes way for others that wait gets
    /// [`EventsError::Capacity`].
    pub fn subscribe(
        &self,
        id: WorkerId,
        after: Cursor,
    ) -> impl Stream<Item = Result<Event, EventsError>> + Send + use<> {
        let runtime = self.clone();
        stream::unfold(Some(after), move |after| {
            let runtime = runtime.clone();
            async move {
                let (events, next) = match runtime.next_events(id, after?).await {
                    Ok(events) => {
                        let last = events.last()?;
                        let stopped = last.kind == EventKind::WorkerStopped;
                        let next = (!stopped).then_some(last.cursor);
                        (events.into_iter().map(Ok).collect(), next)
                    }
                    Err(error) => (vec![Err(error)], None),
                };
                Some((stream::iter(events), next))
            }
        })
        .flatten()
    }

    /// Waits for the next events; none when nothing more can come.
    async fn next_events(&self, id: WorkerId, after: Cursor) -> Result<Vec<Event>, EventsError> {
        let query = EventsQuery {
            after: Some(after),
            limit: None,
            wait: UNLIMITED,
            batch: Duration::ZERO,
        };
        loop {
            let Polled { batch, displaced } = self.poll_events(id, query).await?;
            if !batch.events.is_empty() {
                return Ok(batch.events);
            }
            if let Some(limit) = displaced {
                return Err(CapacityExhausted { limit }.into());
            }
            // The worker is stopped or the runtime shuts down. A run that is still ending has
            // events to come, and so has one that has ended since the poll.
            let slot = self.inner.slot(id).await?;
            let (active_run, latest) = slot.read(|worker| (worker.active_run(), worker.cursor()));
            match active_run {
                Some(run_id) => {
                    let _waiting = slot.enter_poller()?;
                    // Without a deadline it can't end early.
                    let _ = slot.ended(run_id, None).await;
                }
                None if latest == after => return Ok(Vec::new()),
                None => {}
            }
        }
    }

    /// Reads events, and waits for the first as long as the query says.
    async fn poll_events(&self, id: WorkerId, query: EventsQuery) -> Result<Polled, EventsError> {
        let limit = self.inner.limits.page(query.limit);
        let deadline = sync::after(query.wait);
        let mut poller = None;
        let mut displaced = None;
        let mut time_is_up = query.wait.is_zero();
        let mut slot = self.inner.slot(id).await?;
        loop {
            let changed = slot.changed();
            let (batch, stopped) = slot.read(|worker| {
                let batch = worker.read(query.after, limit);
                batch.map(|batch| (batch, worker.state() == WorkerState::Stopped))
            })?;
            let stopping = self.inner.accepting().is_err();
            if stopped || stopping || time_is_up || displaced.is_some() {
                return Ok(Polled { batch, displaced });
            }
            if !batch.events.is_empty() {
                if query.batch.is_zero() || is_complete(&batch.events, limit) {
                    return Ok(Polled { batch, displaced });
                }
                let ends = [deadline, sync::after(query.batch)];
                let until = ends.into_iter().flatten().min();
                return Ok(self.gather(&slot, poller, batch, limit, until).await);
            }
            let poller = match &mut poller {
                Some(poller) => poller,
                none => none.insert(slot.enter_poller()?),
            };
            match next_wake(deadline, changed, poller).await {
                Wake::Changed => {}
                Wake::Displaced(limit) => displaced = Some(limit),
                Wake::Deadline => time_is_up = true,
            }
            // Looked up again: the worker may be forgotten or deleted. As long as this slot is
            // held, it isn't put out of memory.
            slot = self.inner.slot(id).await?;
        }
    }
}
