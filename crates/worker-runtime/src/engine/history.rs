//! The conversation before an input, as the engine that answers it sees it.

use std::collections::VecDeque;
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use crate::transcript::Entry;

/// The entries before an input, oldest first, as far as they are held: without the inputs whose
/// runs ended without a word of reply. A clone is cheap.
///
/// It shares them with the worker until the run ends. Keeping it any longer makes the worker
/// copy them once, at its next entry.
#[derive(Clone, Default)]
pub struct History {
    /// The input's own entry is the last.
    entries: Arc<Entries>,
}

/// The fewest entries for which a transcript grows: two turns.
const ENTRIES_ADDED_MIN: usize = 4;

/// The held entries of a transcript, oldest first.
#[derive(Debug, Clone, Default)]
pub(crate) struct Entries {
    held: VecDeque<Entry>,
    /// The number of words of those that engines see, counted at the first request and kept up to date from then on:
    /// counting a long conversation again for every input would hold up the executor.
    words: OnceLock<u64>,
}

impl Entries {
    pub(crate) fn append(&mut self, entry: Entry) {
        if let Some(sum) = self.words.get_mut() {
            *sum += count_words(&entry.content);
        }
        if self.held.len() == self.held.capacity() {
            // Most conversations are short, and doubling would leave up to half of this unused.
            let more = (self.held.len() / 4).max(ENTRIES_ADDED_MIN);
            self.held.reserve_exact(more);
        }
        self.held.push_back(entry);
    }

    /// Marks the newest entry as an input without a reply.
    pub(crate) fn mark_newest_unanswered(&mut self) {
        if let Some(entry) = self.held.back_mut() {
            entry.unanswered = true;
            if let Some(sum) = self.words.get_mut() {
                *sum -= count_words(&entry.content);
            }
        }
    }

    pub(crate) fn remove_oldest(&mut self) -> Option<Entry> {
        let entry = self.held.pop_front()?;
        if let Some(sum) = self.words.get_mut() {
            *sum -= counted_words(&entry);
        }
        Some(entry)
    }

    fn words(&self) -> u64 {
        let count = || self.held.iter().map(counted_words).sum();
        *self.words.get_or_init(count)
    }
}

impl Deref for Entries {
    type Target = VecDeque<Entry>;

    fn deref(&self) -> &VecDeque<Entry> {
        &self.held
    }
}

impl History {
    /// All of the entries but the last.
    pub(crate) fn before_newest(entries: Arc<Entries>) -> Self {
        Self { entries }
    }

    /// How many words there are in the entries and in the input.
    pub(crate) fn words_with_input(&self) -> u64 {
        self.entries.words()
    }

    /// The entries, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        let before = self.entries.range(..self.held());
        before.filter(|entry| !entry.unanswered)
    }

    /// How many entries are held before the input, with or without a reply.
    fn held(&self) -> usize {
        self.entries.len().saturating_sub(1)
    }
}

/// Shows the number of entries only: content belongs in no log.
impl fmt::Debug for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("History")
            .field("entries", &self.held())
            .finish_non_exhaustive()
    }
}

/// The words of an entry that engines see.
fn counted_words(entry: &Entry) -> u64 {
    if entry.unanswered {
        0
    } else {
        count_words(&entry.content)
    }
}

/// The number of words in `text`, separated by ASCII white space: each run counts them again, and
/// looking for the white space of all scripts takes longer.
pub(super) fn count_words(text: &str) -> u64 {
    text.split_ascii_whitespace().count() as u64
}
