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
use crate::stamp::Stamp;
use crate::translate::{RecordTimes, worker_record};
use crate::untrusted_file;
use crate::workspace::{Ownership, Workspace};

/// The file in a record's directory that says what the record is.
const METADATA_FILE: &str = "metadata.json";

/// Why there is no index. It is logged, so it names no path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ScanError {
    /// The data directory is there, but can't be opened as a directory.
    #[error("the local data directory can't be opened: {0}")]
    DataDirectory(io::ErrorKind),
    /// A part of the records was not read, so what it holds is unknown.
    #[error("local records were not read completely")]
    Incomplete,
    /// The refresh panicked, or its runtime is ending.
    #[error("the refresh of local records did not end")]
    Aborted,
}

/// Walks the data directory. Blocks, for as long as the file system does.
///
/// A record is read only when its file changed since `previous`. A change of the links that its
/// workspace root goes through is not noticed.
///
/// # Errors
/// [`ScanError::DataDirectory`]; a directory that does not exist is an index without records.
pub(crate) fn scan(
    config: &LocalConfig,
    previous: &Index,
    now: SystemTime,
) -> Result<Index, ScanError> {
    let data_dir = match Dir::open_ambient_dir(&config.data_dir, cap_std::ambient_authority()) {
        Ok(data_dir) => data_dir,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(Index::for_missing_directory());
        }
        Err(error) => return Err(ScanError::DataDirectory(error.kind())),
    };
    let workspace = Workspace::new(&config.workspace_root);
    let nothing = Index::default();
    let mut walk = Walk {
        config,
        data_dir,
        previous: if previous.workspace_root() == workspace.canonical() {
            previous
        } else {
            &nothing
        },
        workspace,
        now,
        entries: HashMap::new(),
        diagnostics: DiagnosticCounts::default(),
        directories: 0,
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
    workspace: Workspace<'a>,
    previous: &'a Index,
    now: SystemTime,
    entries: HashMap<WorkerId, Entry>,
    diagnostics: DiagnosticCounts,
    directories: u32,
    reads: usize,
    /// The content of the file being read; reused for all files.
    content: Vec<u8>,
}

impl Walk<'_> {
    /// A collection that does not exist is empty.
    fn collection(&mut self, collection: Collection) -> io::Result<()> {
        let directory = match self.data_dir.open_dir(collection.directory()) {
            Ok(directory) => directory,
            Err(error) if self.is_absent(&error, collection) => return Ok(()),
            Err(error) => return Err(error),
        };
        for found in directory.entries()? {
            let found = found?;
            // Unknown when the entry is gone by now; then it has no metadata file either.
            let kind = found.file_type().ok();
            if kind.is_some_and(|kind| kind.is_file()) {
                continue;
            }
            if self.directories == self.config.limits.records {
                self.diagnostics.add(DiagnosticKind::Truncated);
                continue;
            }
            self.directories += 1;
            let is_link = kind.is_some_and(|kind| kind.is_symlink());
            self.directory(collection, &found.file_name(), is_link);
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
        let directory = Path::new(collection.directory()).join(name);
        let file = directory.join(METADATA_FILE);
        let entry = match self.data_dir.metadata(&file) {
            Ok(metadata) if !metadata.is_file() => Entry::uncached(DiagnosticKind::NotRegular),
            Ok(metadata) => match self.previous.entry(&id) {
                Some(known) if known.stamp == Some(Stamp::new(&metadata)) => known.clone(),
                Some(_) | None => self.read(&id, &directory, &file),
            },
            Err(error) if self.is_no_record(&error, &directory, &file, is_link) => return,
            Err(_) => Entry::uncached(DiagnosticKind::Unreadable),
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
    fn read(&mut self, id: &WorkerId, directory: &Path, file: &Path) -> Entry {
        let limit_bytes = self.config.limits.metadata_bytes;
        match untrusted_file::read(&self.data_dir, file, limit_bytes, &mut self.content) {
            Ok(metadata) => {
                self.reads += 1;
                let stamp = Stamp::new(&metadata);
                Entry {
                    stamp: stamp.is_settled(self.now).then_some(stamp),
                    visibility: self.classify(id, directory, &metadata),
                }
            }
            Err(error) => Entry::uncached(error.into()),
        }
    }

    /// Classifies the record whose content was just read.
    fn classify(&mut self, id: &WorkerId, directory: &Path, metadata: &Metadata) -> Visibility {
        let Ok(document) = Document::parse(&self.content) else {
            return Visibility::Omitted(DiagnosticKind::Invalid);
        };
        let root = document.workspace_root.as_deref();
        match self.workspace.ownership(root) {
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
        let workspace_root = self.workspace.canonical().map(Path::to_owned);
        Index::new(self.entries, self.diagnostics, workspace_root, self.reads)
    }
}

#[cfg(test)]
mod tests;
