//! Reading a worker: its transcript, its events, and waiting for more of them.

use std::time::Duration;

use futures_core::Stream;
use futures_util::stream::{self, StreamExt as _};

use super::directory::Stored;
use super::residency::Lookup;
use super::slot::Slot;
use super::storage::read_error;
use super::{Inner, Runtime};
use crate::core::Slice;
use crate::cursor::Cursor;
use crate::error::{EventsError, ReadError, UnknownWorker};
use crate::event::{Event, EventBatch, EventKind, EventsQuery};
use crate::id::WorkerId;
use crate::status::WorkerState;
use crate::store::{StoredPage, Window};
use crate::sync;
use crate::transcript::{
    Entry, InFlight, TranscriptBounds, TranscriptPage, TranscriptPosition, TranscriptQuery,
};

/// No deadline: a subscriber waits until there is an event, or nothing more can come.
const UNLIMITED: Duration = Duration::MAX;

impl Runtime {
    /// A page of a worker's transcript, with the reply in progress and the position in
    /// the event log, all of the same instant. What is not in memory is read from the store.
    ///
    /// # Errors
    /// See [`ReadError`].
    ///
    /// # Cancellation
    /// Dropping the future only gives up the result.
    pub async fn transcript(
        &self,
        id: WorkerId,
        query: TranscriptQuery,
    ) -> Result<TranscriptPage, ReadError> {
        let limit = self.inner.limits.page(query.limit);
        loop {
            match self.inner.lookup(id)? {
                Lookup::Resident(slot) => {
                    return self.inner.resident_page(&slot, query.position, limit).await;
                }
                Lookup::Stored(stored, _) => {
                    let page = self
                        .inner
                        .stored_page(id, stored, query.position, limit)
                        .await?;
                    // Read again if it was loaded meanwhile: it may have changed since.
                    if self.inner.lookup(id)?.is(stored) {
                        return Ok(page);
                    }
                }
            }
        }
    }

    /// The events after a cursor. When there is none yet, waits for the first: until
    /// `wait` is over, the worker is stopped, or the runtime shuts down.
    ///
    /// # Errors
    /// See [`EventsError`]. [`EventsError::Capacity`] is only returned to a reader that would
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
        self.poll_events(id, EventsQuery { wait, ..query }).await
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
        };
        loop {
            let batch = self.poll_events(id, query).await?;
            if !batch.events.is_empty() {
                return Ok(batch.events);
            }
            // The worker is stopped or the runtime shuts down. A run that is still ending has
            // events to come, and so has one that has ended since the poll.
            let slot = self.inner.slot(id).await?;
            let (active_run, latest) = slot.read(|worker| (worker.active_run(), worker.cursor()));
            match active_run {
                Some(run_id) => {
                    let _waiting = slot.reserve_poller()?;
                    // Without a deadline it can't end early.
                    let _ = slot.ended(run_id, None).await;
                }
                None if latest == after => return Ok(Vec::new()),
                None => {}
            }
        }
    }

    /// Reads events, and waits for the first as long as the query says.
    async fn poll_events(
        &self,
        id: WorkerId,
        query: EventsQuery,
    ) -> Result<EventBatch, EventsError> {
        let limit = self.inner.limits.page(query.limit);
        let deadline = sync::after(query.wait);
        let mut waiting = None;
        let mut time_is_up = query.wait.is_zero();
        let mut slot = self.inner.slot(id).await?;
        loop {
            let changed = slot.changed();
            let (batch, stopped) = slot.read(|worker| {
                let batch = worker.read(query.after, limit);
                batch.map(|batch| (batch, worker.state() == WorkerState::Stopped))
            })?;
            let stopping = self.inner.accepting().is_err();
            if !batch.events.is_empty() || stopped || stopping || time_is_up {
                return Ok(batch);
            }
            if waiting.is_none() {
                waiting = Some(slot.reserve_poller()?);
            }
            time_is_up = sync::until(deadline, changed).await.is_err();
            // Looked up again: the worker may be forgotten or deleted. As long as this slot is
            // held, it isn't put out of memory.
            slot = self.inner.slot(id).await?;
        }
    }
}

impl Inner {
    /// A page of a worker that is in memory; its older entries may be in the store.
    async fn resident_page(
        &self,
        slot: &Slot,
        position: TranscriptPosition,
        limit: usize,
    ) -> Result<TranscriptPage, ReadError> {
        let (slice, bounds, in_flight, cursor) = slot.read(|worker| {
            let in_memory = !worker.reaches_into_store(position, limit);
            (
                in_memory.then(|| worker.slice(position, limit)),
                worker.bounds(),
                worker.in_flight(),
                worker.cursor(),
            )
        });
        let slice = match slice {
            Some(slice) => slice,
            None => {
                // The store may have it by now; then the page has it, too.
                let unsaved = slot.unsaved_reply();
                let page = self.stored_slice(slot.id(), bounds, position, limit, unsaved);
                page.await?
            }
        };
        Ok(TranscriptPage {
            entries: slice.entries,
            bounds,
            has_earlier: slice.has_earlier,
            has_later: slice.has_later,
            // Joined outside of the worker's lock.
            in_flight: in_flight.map(|run| InFlight {
                run_id: run.run_id,
                phase: run.phase,
                text: run.text.concat().into(),
                reasoning: run.reasoning.concat().into(),
            }),
            cursor,
        })
    }

    /// A part of the entries within `bounds`. The store may have more of them by now, and may lack
    /// the last one, which is `unsaved` then.
    async fn stored_slice(
        &self,
        id: WorkerId,
        bounds: TranscriptBounds,
        position: TranscriptPosition,
        limit: usize,
        unsaved: Option<Entry>,
    ) -> Result<Slice, ReadError> {
        let end = bounds.last_sequence.unwrap_or(0).saturating_add(1);
        let position = match position {
            TranscriptPosition::Newest => TranscriptPosition::Before(end),
            TranscriptPosition::Before(sequence) => TranscriptPosition::Before(sequence.min(end)),
            TranscriptPosition::After(sequence) => TranscriptPosition::After(sequence),
        };
        let mut page = self.read_page(id, position, limit).await?;
        page.entries.retain(|entry| entry.sequence < end);
        if let Some(unsaved) = unsaved.filter(|entry| entry.sequence < end) {
            append_unsaved(&mut page.entries, unsaved, position, limit);
        }
        Ok(slice(page.entries, end, position))
    }

    /// A page of a worker that is in the store alone.
    async fn stored_page(
        &self,
        id: WorkerId,
        stored: Stored,
        position: TranscriptPosition,
        limit: usize,
    ) -> Result<TranscriptPage, ReadError> {
        let page = self.read_page(id, position, limit).await?;
        let slice = slice(page.entries, page.last_sequence.saturating_add(1), position);
        Ok(TranscriptPage {
            entries: slice.entries,
            bounds: TranscriptBounds::new(1, page.last_sequence),
            has_earlier: slice.has_earlier,
            has_later: slice.has_later,
            in_flight: None,
            cursor: Cursor::new(self.epoch, stored.latest_event),
        })
    }

    async fn read_page(
        &self,
        id: WorkerId,
        position: TranscriptPosition,
        limit: usize,
    ) -> Result<StoredPage, ReadError> {
        let window = Window {
            entries: limit,
            bytes: self.limits.transcript_page_bytes,
        };
        let reader = self.expect_storage().reader();
        let page = reader.transcript(id, position, window).await;
        let page = page.map_err(|error| read_error(&error))?;
        Ok(page.ok_or(UnknownWorker { worker_id: id })?)
    }
}

/// Adds the last entry, which the store lacks, to a page that reaches to it.
fn append_unsaved(
    entries: &mut Vec<Entry>,
    unsaved: Entry,
    position: TranscriptPosition,
    limit: usize,
) {
    let is_next = entries
        .last()
        .is_none_or(|entry| entry.sequence + 1 == unsaved.sequence);
    let is_on_page = match position {
        TranscriptPosition::Newest => true,
        TranscriptPosition::Before(sequence) => unsaved.sequence < sequence,
        TranscriptPosition::After(sequence) => unsaved.sequence > sequence && entries.len() < limit,
    };
    if is_next && is_on_page {
        if entries.len() == limit {
            entries.remove(0);
        }
        entries.push(unsaved);
    }
}

/// Entries of a page of the entries before `end`, with what lies beyond the page.
fn slice(entries: Vec<Entry>, end: u64, position: TranscriptPosition) -> Slice {
    let first = entries.first().map(|entry| entry.sequence);
    let last = entries.last().map(|entry| entry.sequence);
    // An empty page lies where it was looked for.
    let (before, after) = match position {
        TranscriptPosition::Newest => (end, end),
        TranscriptPosition::Before(sequence) => (sequence, sequence),
        TranscriptPosition::After(sequence) => {
            let next = sequence.saturating_add(1);
            (next, next)
        }
    };
    Slice {
        has_earlier: first.unwrap_or(before.min(end)) > 1,
        has_later: last.map_or(after.max(1), |last| last + 1) < end,
        entries,
    }
}
