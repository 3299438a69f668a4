//! The index: what one refresh found, by worker id and in the order of the list.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use registry_core::port::{CatalogPage, WorkerRecord};
use registry_core::projection::{RuntimeCounts, WorkersByState};
use registry_core::{PageLimit, WorkerId};

use crate::metadata_file::Stamp;
use crate::place::Place;
use crate::remark::{Remark, Remarks};

/// What one directory of a collection turned out to be.
#[derive(Clone)]
pub(crate) struct Entry {
    /// The state of the metadata file that `finding` is about; `None` when it must be looked
    /// at again whatever its stamp is.
    pub(crate) stamp: Option<Stamp>,
    /// What was found.
    pub(crate) finding: Finding,
}

impl Entry {
    /// A record that is not shown, and is looked at again whatever its stamp is.
    pub(crate) fn unsettled(remark: Remark) -> Self {
        Self {
            stamp: None,
            finding: Finding::Omitted(remark),
        }
    }
}

/// Whether a record is shown.
#[derive(Clone)]
pub(crate) enum Finding {
    /// It is, and so.
    Shown(Arc<WorkerRecord>),
    /// It is not, and why.
    Omitted(Remark),
}

/// What one refresh found. Holds what is shown and nothing else of any file, and no names.
#[derive(Default)]
pub(crate) struct Index {
    entries: HashMap<WorkerId, Entry>,
    newest_first: Vec<Arc<WorkerRecord>>,
    remarks: Remarks,
    judged_for: Option<PathBuf>,
    reads: usize,
}

impl Index {
    /// The index of `entries`, with what there is to say of the directory itself.
    ///
    /// `judged_for` is the resolved root of the workspace whose records are shown, and
    /// `reads` is how many files had to be read.
    pub(crate) fn new(
        entries: HashMap<WorkerId, Entry>,
        of_directory: Remarks,
        judged_for: Option<PathBuf>,
        reads: usize,
    ) -> Self {
        let mut remarks = of_directory;
        let mut newest_first = Vec::new();
        for entry in entries.values() {
            match &entry.finding {
                Finding::Shown(record) => newest_first.push(Arc::clone(record)),
                Finding::Omitted(remark) => remarks.add(*remark),
            }
        }
        newest_first.sort_by_cached_key(|record| Place::of(record));
        Self {
            entries,
            newest_first,
            remarks,
            judged_for,
            reads,
        }
    }

    /// The index of a data directory that does not exist.
    pub(crate) fn of_missing_directory() -> Self {
        let mut remarks = Remarks::default();
        remarks.add(Remark::DataMissing);
        Self {
            remarks,
            ..Self::default()
        }
    }

    /// What is known of a record, shown or not.
    pub(crate) fn entry(&self, worker_id: &WorkerId) -> Option<&Entry> {
        self.entries.get(worker_id)
    }

    /// The record of a worker that is shown.
    pub(crate) fn shown(&self, worker_id: &WorkerId) -> Option<&WorkerRecord> {
        match &self.entries.get(worker_id)?.finding {
            Finding::Shown(record) => Some(record),
            Finding::Omitted(_) => None,
        }
    }

    /// A page of the list after `after`. Costs the page, not the list.
    ///
    /// The remarks come with the first page alone: they are about all pages.
    pub(crate) fn page(&self, after: Option<&Place>, limit: PageLimit) -> CatalogPage {
        let begins = after.map_or(0, |after| {
            self.newest_first
                .partition_point(|record| Place::of(record) <= *after)
        });
        let rest = &self.newest_first[begins..];
        let shown = &rest[..rest.len().min(limit.get())];
        let more = rest.len() > shown.len();
        CatalogPage {
            workers: shown.iter().map(|record| (**record).clone()).collect(),
            next: shown
                .last()
                .filter(|_| more)
                .map(|last| Place::of(last).to_position()),
            diagnostics: match after {
                None => self.remarks.diagnostics(),
                Some(_) => Vec::new(),
            },
        }
    }

    /// What the source holds.
    pub(crate) fn counts(&self) -> RuntimeCounts {
        RuntimeCounts {
            workers: WorkersByState {
                recorded: self.newest_first.len() as u64,
                ..WorkersByState::default()
            },
            ..RuntimeCounts::default()
        }
    }

    /// What there is to say about the directory and its records.
    pub(crate) fn remarks(&self) -> &Remarks {
        &self.remarks
    }

    /// Whether a worker that is not shown is surely not there: every collection was looked at
    /// to its end, and its own record, if it has one, was read.
    pub(crate) fn rules_out(&self, worker_id: &WorkerId) -> bool {
        let unread = self
            .entries
            .get(worker_id)
            .is_some_and(|entry| matches!(entry.finding, Finding::Omitted(Remark::Unreadable)));
        let unseen = self.remarks.count(Remark::CollectionUnreadable) > 0
            || self.remarks.count(Remark::Truncated) > 0;
        !unread && !unseen
    }

    /// The resolved root of the workspace whose records are shown.
    pub(crate) fn judged_for(&self) -> Option<&Path> {
        self.judged_for.as_deref()
    }

    /// How many files had to be read to make this index.
    pub(crate) fn reads(&self) -> usize {
        self.reads
    }
}
