//! What one scan found, by worker id and in the order of the list.

use std::collections::HashMap;
use std::sync::Arc;

use registry_core::port::{CatalogPage, WorkerRecord};
use registry_core::projection::{RuntimeCounts, WorkersByState};
use registry_core::{PageLimit, WorkerId};

use crate::diagnostic::{DiagnosticCounts, DiagnosticKind};
use crate::identity::Collection;
use crate::sort_key::SortKey;
use crate::stamp::Stamp;

/// One directory of a collection.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) collection: Collection,
    /// The stamp of the metadata file that was read; `None` when the next scan must not rely on
    /// it.
    pub(crate) stamp: Option<Stamp>,
    pub(crate) visibility: Visibility,
}

impl Entry {
    /// A record that is not listed and that every scan looks at again.
    pub(crate) fn uncached(collection: Collection, kind: DiagnosticKind) -> Self {
        Self {
            collection,
            stamp: None,
            visibility: Visibility::Omitted(kind),
        }
    }
}

/// Whether a record is listed.
#[derive(Clone)]
pub(crate) enum Visibility {
    /// The record as it is listed.
    Listed(Arc<WorkerRecord>),
    /// Why it is not.
    Omitted(DiagnosticKind),
}

/// What one scan found. Holds what is listed, nothing else of any file, and no file names.
#[derive(Default)]
pub(crate) struct Index {
    entries: HashMap<WorkerId, Entry>,
    newest_first: Vec<Arc<WorkerRecord>>,
    diagnostics: DiagnosticCounts,
    reads: usize,
}

impl Index {
    /// The index of `entries` and of the diagnostics of the directory itself. `reads` is how many
    /// files had to be read.
    pub(crate) fn new(
        entries: HashMap<WorkerId, Entry>,
        of_directory: DiagnosticCounts,
        reads: usize,
    ) -> Self {
        let mut diagnostics = of_directory;
        let mut newest_first = Vec::new();
        for entry in entries.values() {
            match &entry.visibility {
                Visibility::Listed(record) => newest_first.push(Arc::clone(record)),
                Visibility::Omitted(kind) => diagnostics.add(*kind),
            }
        }
        newest_first.sort_by_cached_key(|record| SortKey::new(record));
        Self {
            entries,
            newest_first,
            diagnostics,
            reads,
        }
    }

    /// The index of a data directory that does not exist.
    pub(crate) fn for_missing_directory() -> Self {
        let mut diagnostics = DiagnosticCounts::default();
        diagnostics.add(DiagnosticKind::DataMissing);
        Self {
            diagnostics,
            ..Self::default()
        }
    }

    /// What is known of a record, listed or not.
    pub(crate) fn entry(&self, worker_id: &WorkerId) -> Option<&Entry> {
        self.entries.get(worker_id)
    }

    /// What is known of the records of a collection.
    pub(crate) fn entries_of(
        &self,
        collection: Collection,
    ) -> impl Iterator<Item = (&WorkerId, &Entry)> {
        let entries = self.entries.iter();
        entries.filter(move |(_, entry)| entry.collection == collection)
    }

    /// The record of a listed worker.
    pub(crate) fn record(&self, worker_id: &WorkerId) -> Option<&WorkerRecord> {
        match &self.entries.get(worker_id)?.visibility {
            Visibility::Listed(record) => Some(record),
            Visibility::Omitted(_) => None,
        }
    }

    /// A page of the list after `after`, without diagnostics. Costs the page, not the list.
    fn page(&self, after: Option<&SortKey>, limit: PageLimit) -> CatalogPage {
        let begin = after.map_or(0, |after| {
            self.newest_first
                .partition_point(|record| SortKey::new(record) <= *after)
        });
        let rest = &self.newest_first[begin..];
        let page = &rest[..rest.len().min(limit.get())];
        let more = rest.len() > page.len();
        CatalogPage {
            workers: page.iter().map(|record| (**record).clone()).collect(),
            next: page
                .last()
                .filter(|_| more)
                .map(|last| SortKey::new(last).to_position()),
            diagnostics: Vec::new(),
        }
    }

    pub(crate) fn counts(&self) -> RuntimeCounts {
        RuntimeCounts {
            workers: WorkersByState {
                recorded: self.newest_first.len() as u64,
                ..WorkersByState::default()
            },
            ..RuntimeCounts::default()
        }
    }

    pub(crate) fn diagnostic_counts(&self) -> &DiagnosticCounts {
        &self.diagnostics
    }

    /// Whether a worker that is not listed does not exist for sure: every collection was read to
    /// its end, and so was its own record, if it has one. What is not a
    /// record now may be one that is being written or replaced.
    pub(crate) fn is_surely_absent(&self, worker_id: &WorkerId) -> bool {
        let unread = self.entries.get(worker_id).is_some_and(|entry| {
            matches!(
                entry.visibility,
                Visibility::Omitted(
                    DiagnosticKind::Unreadable
                        | DiagnosticKind::NotRegular
                        | DiagnosticKind::Oversized
                        | DiagnosticKind::Invalid
                )
            )
        });
        let incomplete = self.diagnostics.count(DiagnosticKind::CollectionUnreadable) > 0
            || self.diagnostics.count(DiagnosticKind::NotAnswering) > 0
            || self.diagnostics.count(DiagnosticKind::Truncated) > 0;
        !unread && !incomplete
    }

    /// How many files had to be read to make this index.
    pub(crate) fn reads(&self) -> usize {
        self.reads
    }
}

/// The records as they are answered: an index, and whether the directory may hold something else by
/// now.
#[derive(Clone)]
pub(crate) struct Records {
    index: Arc<Index>,
    is_stale: bool,
}

impl Records {
    /// The records of a scan that has just ended.
    pub(crate) fn fresh(index: Arc<Index>) -> Self {
        Self {
            index,
            is_stale: false,
        }
    }

    /// The last records that could be read.
    pub(crate) fn stale(index: Arc<Index>) -> Self {
        Self {
            index,
            is_stale: true,
        }
    }

    /// The index itself.
    pub(crate) fn index(&self) -> &Index {
        &self.index
    }

    /// A page of the list after `after`. Only the first page has the diagnostics: they are about all
    /// pages.
    pub(crate) fn page(&self, after: Option<&SortKey>, limit: PageLimit) -> CatalogPage {
        let mut page = self.index.page(after, limit);
        if after.is_none() {
            page.diagnostics = self.diagnostic_counts().diagnostics();
        }
        page
    }

    /// What is wrong with the records, and with their age.
    pub(crate) fn diagnostic_counts(&self) -> DiagnosticCounts {
        let mut counts = self.index.diagnostic_counts().clone();
        if self.is_stale {
            // That it was missing is no longer known.
            counts.remove(DiagnosticKind::DataMissing);
            counts.add(DiagnosticKind::Stale);
        }
        counts
    }

    /// Whether a worker that is not listed does not exist for sure.
    pub(crate) fn is_surely_absent(&self, worker_id: &WorkerId) -> bool {
        !self.is_stale && self.index.is_surely_absent(worker_id)
    }
}
