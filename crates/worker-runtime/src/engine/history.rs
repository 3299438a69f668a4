//! The conversation before an input, as the engine that answers it sees it.

use std::collections::VecDeque;
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use crate::transcript::Entry;

/// The entries before an input, oldest first, as far as they are held. A clone is cheap.
///
/// It shares them with the worker until the run ends. Keeping it any longer makes the worker
/// copy them once, at its next entry.
#[derive(Clone, Default)]
pub struct History {
    /// The input's own entry is the last.
    entries: Arc<Entries>,
}

/// The held entries of a transcript, oldest first.
#[derive(Debug, Clone, Default)]
pub(crate) struct Entries {
    held: VecDeque<Entry>,
    /// The number of their words, counted at the first request and kept up to date from then on:
    /// counting a long conversation again for every input would hold up the executor.
    words: OnceLock<u64>,
}

impl Entries {
    pub(crate) fn append(&mut self, entry: Entry) {
        if let Some(sum) = self.words.get_mut() {
            *sum += count_words(&entry.content);
        }
        self.held.push_back(entry);
    }

    pub(crate) fn remove_oldest(&mut self) -> Option<Entry> {
        let entry = self.held.pop_front()?;
        if let Some(sum) = self.words.get_mut() {
            *sum -= count_words(&entry.content);
        }
        Some(entry)
    }

    fn words(&self) -> u64 {
        let count = || {
            self.held
                .iter()
                .map(|entry| count_words(&entry.content))
                .sum()
        };
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

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len().saturating_sub(1)
    }

    /// Whether the input is the first of its worker, or nothing from before it is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many words there are in the entries and in the input.
    pub(crate) fn words_with_input(&self) -> u64 {
        self.entries.words()
    }

    /// The entries, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Entry> + ExactSizeIterator {
        self.entries.range(..self.len())
    }
}

/// Shows the number of entries only: content belongs in no log.
impl fmt::Debug for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("History")
            .field("entries", &self.len())
            .finish_non_exhaustive()
    }
}

/// The number of words in `text`, separated by ASCII white space: each run counts them again, and
/// looking for the white space of all scripts takes longer.
pub(super) fn count_words(text: &str) -> u64 {
    text.split_ascii_whitespace().count() as u64
}
