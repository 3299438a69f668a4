//! Reading a worker's transcript, in memory and in the store.

use super::directory::Stored;
use super::residency::Lookup;
use super::slot::Slot;
use super::storage::read_error;
use super::{Inner, Runtime};
use crate::core::Slice;
use crate::cursor::Cursor;
use crate::error::{ReadError, UnknownWorker};
use crate::id::WorkerId;
use crate::store::{StoredPage, Window};
use crate::transcript::{
    Entry, InFlight, TranscriptBounds, TranscriptPage, TranscriptPosition, TranscriptQuery,
};

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
