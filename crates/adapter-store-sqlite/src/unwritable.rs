//! Stores that lie where nothing can be written, such as on a disk that is mounted read-only: SQLite can
//! have neither a journal nor shared memory there, and no lock file can be created.

use std::path::Path;

use rustix::fs::{Access, access};
use rustix::io::Errno;

use crate::connection;
use crate::file::{self, FileId};
use crate::lock::FileLock;
use crate::open::{self, Contents, OpenError};
use crate::options::Options;
use crate::owned_file::OwnedFile;

/// Whether nothing can be created beside the file at `path`.
pub(crate) fn is_unwritable(path: &Path) -> bool {
    let directory = path.parent().unwrap_or(path);
    let found = access(directory, Access::WRITE_OK | Access::EXEC_OK);
    matches!(found, Err(Errno::ROFS | Errno::ACCESS))
}

/// Keeps writers from the file at `path`, so that it can be read without a journal: what can't be
/// written here may be written by another user, or through another mount.
///
/// # Errors
/// Also when there is something in the journal, or when locks can't be relied on.
pub(crate) fn lock(path: &Path) -> Result<FileLock, OpenError> {
    if open::network_file_system(path)?.is_some() {
        return Err(OpenError::UnwritableOnNetwork);
    }
    let lock = FileLock::acquire_shared(path)?;
    if file::has_unfinished_changes(path) {
        return Err(OpenError::JournalUnusable);
    }
    Ok(lock)
}

/// Opens the store at `path` to be read alone.
pub(crate) fn open(path: &Path, options: Options) -> Result<OwnedFile, OpenError> {
    let lock = lock(path)?;
    let connection = connection::for_reading_alone(path)?;
    match open::require_sound_contents(path, &connection)?? {
        Contents::Store => Ok(OwnedFile::unwritable(
            path.to_owned(),
            options,
            FileId::at(path)?,
            lock,
        )),
        Contents::Blank => Err(OpenError::NotAStore),
    }
}
