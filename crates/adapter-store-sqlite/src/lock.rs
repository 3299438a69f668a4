//! The lock by which one process owns a store.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, Mode, OFlags, flock, open};

use crate::file::FileId;

/// The ownership of a store, for as long as it exists.
///
/// It is a kernel lock on a file of its own, which ends with the process; the file stays behind
/// and hinders nobody. Not on the database file: closing a descriptor of that would release the
/// locks that SQLite has on it.
#[derive(Debug)]
pub(crate) struct StoreLock {
    path: PathBuf,
    file: File,
}

/// Why a lock can't be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LockError {
    #[error("another process has the lock")]
    InUse,
    #[error("lock file can't be opened")]
    Io(#[source] io::Error),
}

impl StoreLock {
    /// Takes the lock of the store at `path`.
    pub(crate) fn acquire(path: &Path) -> Result<Self, LockError> {
        let mut name = path.as_os_str().to_owned();
        name.push(".lock");
        let path = PathBuf::from(name);
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = open(&path, flags, Mode::RUSR | Mode::WUSR);
        let file = File::from(file.map_err(|error| LockError::Io(error.into()))?);
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => return Err(LockError::InUse),
            Err(error) => return Err(LockError::Io(error.into())),
        }
        let lock = Self { path, file };
        // Somebody may have put another file there between the two calls.
        if lock.is_at_its_path() {
            Ok(lock)
        } else {
            Err(LockError::InUse)
        }
    }

    /// Takes the lock once more if its file was removed or replaced: nothing else would keep
    /// another process from the store.
    pub(crate) fn keep(&mut self, store: &Path) -> Result<(), LockError> {
        if !self.is_at_its_path() {
            *self = Self::acquire(store)?;
        }
        Ok(())
    }

    fn is_at_its_path(&self) -> bool {
        let own = self.file.metadata().map(|it| FileId::of(&it)).ok();
        own.is_some() && own == FileId::at(&self.path).ok()
    }
}

impl Drop for StoreLock {
    /// A process that is just being started shares the file until it becomes another program:
    /// closing it here alone would leave the lock to it for that long.
    fn drop(&mut self) {
        if let Err(error) = flock(&self.file, FlockOperation::Unlock) {
            tracing::debug!(cause = ?error, "lock of the store ends with its file");
        }
    }
}
