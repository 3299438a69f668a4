//! The committed entries of one worker, bounded by count and bytes.

use std::sync::Arc;

use crate::engine::{Entries, History};
use crate::limits::{ENTRY_OVERHEAD_BYTES, Limits};
use crate::transcript::{Entry, TranscriptBounds, TranscriptPosition};

/// Entries with consecutive numbers; the oldest are pruned when a limit is reached.
#[derive(Debug)]
pub(super) struct TranscriptLog {
    /// Shared with the history of an active run.
    entries: Arc<Entries>,
    /// The number of the next entry; `entries` are those just before it.
    next: u64,
    bytes: usize,
    older_entries: OlderEntries,
    max_entries: usize,
    max_bytes: usize,
}

/// What becomes of the entries that are pruned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OlderEntries {
    /// They are gone.
    Dropped,
    /// The store has them.
    Stored,
}

/// A part of a transcript, and whether there is more on either side of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Slice {
    pub(crate) entries: Vec<Entry>,
    pub(crate) has_earlier: bool,
    pub(crate) has_later: bool,
}

impl TranscriptLog {
    /// A transcript without entries, after which come those after the number `last`.
    pub(super) fn starting_after(last: u64, older_entries: OlderEntries, limits: &Limits) -> Self {
        Self {
            entries: Arc::default(),
            next: last + 1,
            bytes: 0,
            older_entries,
            max_entries: limits.transcript_entries,
            max_bytes: limits.transcript_bytes,
        }
    }

    /// The number of the next entry.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// Appends an entry with the [next](Self::next) number, and prunes the oldest ones. The new one
    /// always stays.
    pub(super) fn append(&mut self, entry: Entry) {
        debug_assert_eq!(
            entry.sequence, self.next,
            "entries have consecutive numbers"
        );
        self.next += 1;
        self.bytes += entry.counted_bytes();
        // Copies the entries only if an engine has kept a history beyond its run.
        let entries = Arc::make_mut(&mut self.entries);
        entries.append(entry);
        while entries.len() > 1 && (entries.len() > self.max_entries || self.bytes > self.max_bytes)
        {
            if let Some(pruned) = entries.remove_oldest() {
                self.bytes -= pruned.counted_bytes();
            }
        }
    }

    /// Marks the newest entry as an input without a reply.
    pub(super) fn mark_newest_unanswered(&mut self) {
        Arc::make_mut(&mut self.entries).mark_newest_unanswered();
    }

    /// Bytes of the newest entry, overhead included.
    pub(super) fn newest_bytes(&self) -> usize {
        self.entries.back().map_or(0, Entry::counted_bytes)
    }

    /// Bytes of the held entries, overhead included.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn bounds(&self) -> TranscriptBounds {
        let first = match self.older_entries {
            OlderEntries::Dropped => self.first(),
            OlderEntries::Stored => 1,
        };
        TranscriptBounds::new(first, self.next - 1)
    }

    /// The entries before the newest one.
    pub(super) fn history(&self) -> History {
        History::before_newest(Arc::clone(&self.entries))
    }

    /// The number of the first entry held, if a page at `position` of which `held` is the part in
    /// memory may have entries before it, which only the store has.
    pub(super) fn first_if_earlier_are_stored(
        &self,
        position: TranscriptPosition,
        limit: usize,
        held: &Slice,
    ) -> Option<u64> {
        let first = self.first();
        if self.older_entries == OlderEntries::Dropped || first == 1 {
            return None;
        }
        let begins_earlier = match position {
            TranscriptPosition::Newest | TranscriptPosition::Before(_) => {
                let held = &held.entries;
                held.len() < limit && held.first().is_none_or(|entry| entry.sequence == first)
            }
            TranscriptPosition::After(sequence) => sequence.saturating_add(1) < first,
        };
        begins_earlier.then_some(first)
    }

    /// At most `limit` entries at `position` with at most `max_bytes`, but at least one
    /// if there is one there.
    pub(super) fn slice(
        &self,
        position: TranscriptPosition,
        limit: usize,
        max_bytes: usize,
    ) -> Slice {
        let (start, end) = match position {
            TranscriptPosition::Newest => self.backwards(self.entries.len(), limit, max_bytes),
            TranscriptPosition::Before(sequence) => {
                self.backwards(self.index(sequence), limit, max_bytes)
            }
            TranscriptPosition::After(sequence) => {
                self.forwards(self.index(sequence.saturating_add(1)), limit, max_bytes)
            }
        };
        Slice {
            entries: self.entries.range(start..end).cloned().collect(),
            has_earlier: start > 0
                || self.older_entries == OlderEntries::Stored && self.first() > 1,
            has_later: end < self.entries.len(),
        }
    }

    fn backwards(&self, end: usize, limit: usize, max_bytes: usize) -> (usize, usize) {
        let candidates = self.entries.range(..end).rev();
        (end - fitting(candidates, limit, max_bytes), end)
    }

    fn forwards(&self, start: usize, limit: usize, max_bytes: usize) -> (usize, usize) {
        let candidates = self.entries.range(start..);
        (start, start + fitting(candidates, limit, max_bytes))
    }

    fn first(&self) -> u64 {
        self.next - self.entries.len() as u64
    }

    /// How many held entries have a number below `sequence`.
    fn index(&self, sequence: u64) -> usize {
        let below = sequence.saturating_sub(self.first());
        usize::try_from(below).map_or(self.entries.len(), |below| below.min(self.entries.len()))
    }
}

/// How many of the entries in front fit on a page; the first one always does.
fn fitting<'a>(entries: impl Iterator<Item = &'a Entry>, limit: usize, max_bytes: usize) -> usize {
    let mut bytes = 0_usize;
    entries
        .take(limit)
        .enumerate()
        .take_while(|(taken, entry)| {
            bytes += entry.counted_bytes();
            *taken == 0 || bytes <= max_bytes
        })
        .count()
}

/// Bytes that an entry with this many bytes of text counts.
pub(super) const fn entry_cost(text_len: usize) -> usize {
    text_len.saturating_add(ENTRY_OVERHEAD_BYTES)
}

#[cfg(test)]
mod tests;
