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
        let ((mut slice, first_held), bounds, in_flight, cursor) = slot.read(|worker| {
            (
                worker.slice(position, limit),
                worker.bounds(),
                worker.in_flight(),
                worker.cursor(),
            )
        });
        if let Some(first_held) = first_held {
            let held = slice.entries;
            let entries = self.join_stored(slot.id(), position, limit, held, first_held);
            let end = bounds.last_sequence.unwrap_or(0).saturating_add(1);
            slice = slice_of(entries.await?, end, position);
        }
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

    /// The entries of a page that begins before the first entry in memory; `held` is the part that is
    /// in memory. Only what is before that is read from the store, which may lack the latest end of
    /// a run, or have more by now.
    async fn join_stored(
        &self,
        id: WorkerId,
        position: TranscriptPosition,
        limit: usize,
        held: Vec<Entry>,
        first_held: u64,
    ) -> Result<Vec<Entry>, ReadError> {
        let missing = limit.saturating_sub(held.len());
        let (stored_position, stored_limit) = match position {
            TranscriptPosition::Newest => (TranscriptPosition::Before(first_held), missing),
            TranscriptPosition::Before(sequence) => {
                let before = sequence.min(first_held);
                (TranscriptPosition::Before(before), missing)
            }
            TranscriptPosition::After(_) => (position, limit),
        };
        let stored = self.read_page(id, stored_position, stored_limit).await?;
        let mut entries = stored.entries;
        entries.retain(|entry| entry.sequence < first_held);
        let last = entries.last().map(|entry| entry.sequence);
        if last.is_none_or(|last| last + 1 == first_held) {
            entries.extend(held);
        }
        let mut room = self.page_window(limit).room();
        match position {
            TranscriptPosition::Newest | TranscriptPosition::Before(_) => {
                let newest_first = entries.iter().rev();
                let fitting = newest_first.take_while(|entry| room.take(entry)).count();
                entries.drain(..entries.len() - fitting);
            }
            TranscriptPosition::After(_) => {
                let fitting = entries.iter().take_while(|entry| room.take(entry)).count();
                entries.truncate(fitting);
            }
        }
        Ok(entries)
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
        let slice = slice_of(page.entries, page.last_sequence.saturating_add(1), position);
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
        let reader = self.expect_storage().reader();
        let page = reader.transcript(id, position, self.page_window(limit));
        let page = page.await.map_err(|error| read_error(&error))?;
        Ok(page.ok_or(UnknownWorker { worker_id: id })?)
    }

    fn page_window(&self, limit: usize) -> Window {
        Window {
            entries: limit,
            bytes: self.limits.transcript_page_bytes,
        }
    }
}

/// Entries of a page of the entries before `end`, with what lies beyond the page.
fn slice_of(entries: Vec<Entry>, end: u64, position: TranscriptPosition) -> Slice {
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
