//! One walk over the data directory: which directories are records, and what each says.
//!
//! Every path is resolved beneath a handle of the data directory, so no link can lead out of
//! it, also not one that is swapped in meanwhile; links within it are followed.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use cap_std::fs::{Dir, Metadata};
use registry_core::WorkerId;

use crate::config::LocalConfig;
use crate::diagnostic::{DiagnosticCounts, DiagnosticKind};
use crate::document::Document;
use crate::identity::{Collection, worker_id};
use crate::index::{Entry, Index, Visibility};
use crate::progress::{Part, Progress};
use crate::stamp::Stamp;
use crate::translate::{RecordTimes, worker_record};
use crate::untrusted_file;
use crate::workspace::{Ownership, ownership};

/// The file in a record's directory that says what the record is.
const METADATA_FILE: &str = "metadata.json";
/// Names that are read in a collection, for each directory that may be looked at there: also what is
/// no record must not make a scan endless.
const NAMES_PER_RECORD: usize = 4;

/// Why there is no index. It is logged, so it names no path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ScanError {
    /// The data directory is there, but can't be opened as a directory.
    #[error("the local data directory can't be opened: {0}")]
    DataDirectory(io::ErrorKind),
    /// A part of the records was not read, so what it holds is unknown.
    #[error("local records were not read completely")]
    Incomplete,
    /// The scan has not ended in time, and there was none before it.
    #[error("local records do not answer")]
    Late,
    /// The refresh panicked, has no thread, or its runtime is ending.
    #[error("the refresh of local records did not end")]
    Aborted,
}

/// Walks the data directory. Blocks, for as long as the file system does.
///
/// A record is read only when its file changed since `previous`, and stays as it was there when
/// `progress` leaves it out.
///
/// # Errors
/// [`ScanError::DataDirectory`]; a directory that does not exist is an index without records.
pub(crate) fn scan(
    config: &LocalConfig,
    previous: &Index,
    now: SystemTime,
    progress: &Progress,
) -> Result<Index, ScanError> {
    let data_dir = match Dir::open_ambient_dir(&config.data_dir, cap_std::ambient_authority()) {
        Ok(data_dir) => data_dir,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(Index::for_missing_directory());
        }
        Err(error) => return Err(ScanError::DataDirectory(error.kind())),
    };
    let mut walk = Walk {
        config,
        data_dir,
        previous,
        now,
        progress,
        entries: HashMap::new(),
        diagnostics: DiagnosticCounts::default(),
        reads: 0,
        content: Vec::new(),
    };
    for collection in Collection::ALL {
        if walk.collection(collection).is_err() {
            walk.diagnostics.add(DiagnosticKind::CollectionUnreadable);
        }
    }
    Ok(walk.into_index())
}

struct Walk<'a> {
    config: &'a LocalConfig,
    data_dir: Dir,
    previous: &'a Index,
    now: SystemTime,
    progress: &'a Progress,
    entries: HashMap<WorkerId, Entry>,
    diagnostics: DiagnosticCounts,
    reads: usize,
    /// The content of the file being read; reused for all files.
    content: Vec<u8>,
}

impl Walk<'_> {
    /// A collection that does not exist is empty.
    fn collection(&mut self, collection: Collection) -> io::Result<()> {
        if !self.progress.enter(Part::Collection(collection)) {
            let known = self.previous.entries_of(collection);
            let known = known.map(|(id, entry)| (id.clone(), entry.clone()));
            self.entries.extend(known);
            self.diagnostics.add(DiagnosticKind::NotAnswering);
            return Ok(());
        }
        let directory = match self.data_dir.open_dir(collection.directory()) {
            Ok(directory) => directory,
            Err(error) if self.is_absent(&error, collection) => return Ok(()),
            Err(error) => return Err(error),
        };
        let records_max = usize::try_from(self.config.limits.records).unwrap_or(usize::MAX);
        let names_max = records_max.saturating_mul(NAMES_PER_RECORD);
        let mut directories = 0;
        for (names, found) in directory.entries()?.enumerate() {
            let found = found?;
            if names == names_max {
                self.diagnostics.add(DiagnosticKind::Truncated);
                break;
            }
            // Unknown when the entry is gone by now; then it has no metadata file either.
            let kind = found.file_type().ok();
            if kind.is_some_and(|kind| kind.is_file()) {
                continue;
            }
            if directories == records_max {
                self.diagnostics.add(DiagnosticKind::Truncated);
                continue;
            }
            directories += 1;
            let is_link = kind.is_some_and(|kind| kind.is_symlink());
            self.directory(collection, &found.file_name(), is_link);
            self.progress.enter(Part::Collection(collection));
        }
        Ok(())
    }

    /// Whether the collection is not there at all, not even as a link that leads nowhere.
    fn is_absent(&self, error: &io::Error, collection: Collection) -> bool {
        error.kind() == io::ErrorKind::NotFound
            && self
                .data_dir
                .symlink_metadata(collection.directory())
                .is_err()
    }

    fn directory(&mut self, collection: Collection, name: &OsStr, is_link: bool) {
        let id = worker_id(collection, name);
        if !self.progress.enter(Part::Record(id.clone())) {
            let known = self.previous.entry(&id).cloned();
            self.entries.extend(known.map(|entry| (id, entry)));
            self.diagnostics.add(DiagnosticKind::NotAnswering);
            return;
        }
        let directory = Path::new(collection.directory()).join(name);
        let file = directory.join(METADATA_FILE);
        let entry = match self.data_dir.metadata(&file) {
            Ok(metadata) if !metadata.is_file() => {
                Entry::uncached(collection, DiagnosticKind::NotRegular)
            }
            Ok(metadata) => match self.previous.entry(&id) {
                Some(known) if known.stamp == Some(Stamp::new(&metadata)) => known.clone(),
                Some(_) | None => self.read(collection, &id, &directory, &file),
            },
            Err(error) if self.is_no_record(&error, &directory, &file, is_link) => return,
            Err(_) => Entry::uncached(collection, DiagnosticKind::Unreadable),
        };
        self.entries.insert(id, entry);
    }

    /// Whether there is no metadata file in a directory, not even a link that leads nowhere.
    fn is_no_record(
        &self,
        error: &io::Error,
        directory: &Path,
        file: &Path,
        is_link: bool,
    ) -> bool {
        let is_missing = matches!(
            error.kind(),
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
        );
        is_missing
            && self.data_dir.symlink_metadata(file).is_err()
            && !(is_link && self.data_dir.metadata(directory).is_err())
    }

    /// Reads a record that is new or changed.
    fn read(
        &mut self,
        collection: Collection,
        id: &WorkerId,
        directory: &Path,
        file: &Path,
    ) -> Entry {
        let limit_bytes = self.config.limits.metadata_bytes;
        match untrusted_file::read(&self.data_dir, file, limit_bytes, &mut self.content) {
            Ok(metadata) => {
                self.reads += 1;
                let stamp = Stamp::new(&metadata);
                Entry {
                    collection,
                    stamp: stamp.is_settled(self.now).then_some(stamp),
                    visibility: self.classify(id, directory, &metadata),
                }
            }
            Err(error) => Entry::uncached(collection, error.into()),
        }
    }

    /// Classifies the record whose content was just read.
    fn classify(&mut self, id: &WorkerId, directory: &Path, metadata: &Metadata) -> Visibility {
        let Ok(document) = Document::parse(&self.content) else {
            return Visibility::Omitted(DiagnosticKind::Invalid);
        };
        let root = document.workspace_root.as_deref();
        match ownership(&self.config.workspace_roots, root) {
            Ownership::Own => {
                let directory = self.data_dir.metadata(directory);
                let times = RecordTimes {
                    created: directory
                        .and_then(|directory| directory.created())
                        .ok()
                        .map(cap_std::time::SystemTime::into_std),
                    modified: metadata
                        .modified()
                        .ok()
                        .map(cap_std::time::SystemTime::into_std),
                };
                Visibility::Listed(Arc::new(worker_record(id.clone(), &document, times)))
            }
            Ownership::Other => Visibility::Omitted(DiagnosticKind::OtherWorkspace),
            Ownership::Unknown => Visibility::Omitted(DiagnosticKind::NoWorkspace),
        }
    }

    fn into_index(self) -> Index {
        Index::new(self.entries, self.diagnostics, self.reads)
    }
}

#[cfg(test)]
mod tests;
