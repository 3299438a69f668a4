//! The conversation before an input, as the engine that answers it gets to see it.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use crate::event::Entry;

/// The entries before an input, oldest first, as far as they are held. A clone is cheap.
///
/// It shares them with the worker until the run ends. Keeping it any longer makes the worker
/// copy them once, at its next entry.
#[derive(Clone, Default)]
pub struct History {
    /// The input's own entry is the last.
    entries: Arc<VecDeque<Entry>>,
}

impl History {
    /// All of them but the last.
    pub(crate) fn before_newest(entries: Arc<VecDeque<Entry>>) -> Self {
        Self { entries }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len().saturating_sub(1)
    }

    /// Whether the input is the first of its worker, or nothing from before it is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The entries, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Entry> + ExactSizeIterator {
        self.entries.range(..self.len())
    }
}

/// Shows how many: content belongs in no log.
impl fmt::Debug for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("History")
            .field("entries", &self.len())
            .finish_non_exhaustive()
    }
}
