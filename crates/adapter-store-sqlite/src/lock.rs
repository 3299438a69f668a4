//! The locks by which one process owns a store: one for its name, one for its file.

use std::fs::{File, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rustix::fs::{FlockOperation, Mode, OFlags, flock, open};

use crate::file::{self, FileId};

/// The ownership of a store, for as long as it exists.
///
/// It is a kernel lock on a file of its own, which ends with the process; the file stays behind
/// and hinders nobody. It outlasts the database file, which compacting replaces.
#[derive(Debug)]
pub(crate) struct StoreLock {
    path: PathBuf,
    file: File,
    id: FileId,
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
        let path = file::beside(path, ".lock");
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = open(&path, flags, Mode::RUSR | Mode::WUSR);
        let file = File::from(file.map_err(|error| LockError::Io(error.into()))?);
        lock(&file, FlockOperation::NonBlockingLockExclusive)?;
        let id = FileId::of(&file).map_err(LockError::Io)?;
        let lock = Self { path, file, id };
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

    /// Gives the lock's file to the owner of the store: root may have made it, for a server of another
    /// user.
    pub(crate) fn belong_to(&self, store: &Metadata) -> io::Result<()> {
        file::give_to_owner_of(store, &self.path)
    }

    fn is_at_its_path(&self) -> bool {
        FileId::at(&self.path).ok() == Some(self.id)
    }
}

impl Drop for StoreLock {
    /// A process that is just being started shares the file until it becomes another program:
    /// closing it here alone would leave the lock to it for that long.
    fn drop(&mut self) {
        unlock(&self.file);
    }
}

/// The ownership of a database file whatever its name: a hard link or a mount gives it another,
/// and with that another [`StoreLock`].
///
/// To be taken before SQLite opens the file and dropped after the last of its connections:
/// closing any descriptor of the file releases the locks that SQLite has on it.
#[derive(Debug)]
pub(crate) struct FileLock {
    id: FileId,
    /// None before it is opened, and after it was closed.
    file: Option<File>,
}

impl FileLock {
    /// Takes the lock of the database file at `path`, which is there.
    pub(crate) fn acquire(path: &Path) -> Result<Self, LockError> {
        Self::lock(path, FlockOperation::NonBlockingLockExclusive)
    }

    /// Takes a lock that others can have, too, if they take it in this way.
    pub(crate) fn acquire_shared(path: &Path) -> Result<Self, LockError> {
        Self::lock(path, FlockOperation::NonBlockingLockShared)
    }

    fn lock(path: &Path, operation: FlockOperation) -> Result<Self, LockError> {
        let mut this = Self::enter(FileId::at(path).map_err(LockError::Io)?)?;
        // Opening a FIFO would block.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = open(path, flags, Mode::empty());
        let file = file.map_err(|error| LockError::Io(error.into()))?;
        let file = this.file.insert(file.into());
        lock(file, operation)?;
        // Somebody may have put another file there between the calls.
        if FileId::of(file).map_err(LockError::Io)? != this.id {
            return Err(LockError::InUse);
        }
        Ok(this)
    }

    /// Makes the file one of [`OPENED_HERE`].
    fn enter(id: FileId) -> Result<Self, LockError> {
        let mut files = OPENED_HERE.lock().unwrap_or_else(PoisonError::into_inner);
        if files.contains(&id) {
            return Err(LockError::InUse);
        }
        files.push(id);
        Ok(Self { id, file: None })
    }
}

impl Drop for FileLock {
    /// As for [`StoreLock`]. Nobody looks among [`OPENED_HERE`] meanwhile: once a file that was removed is
    /// closed, a new one may have its number.
    fn drop(&mut self) {
        let mut files = OPENED_HERE.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = self.file.take() {
            unlock(&file);
        }
        files.retain(|id| *id != self.id);
    }
}

/// The database files that this process owns: one that is among them isn't opened to be locked,
/// as closing it again would release SQLite's locks.
static OPENED_HERE: Mutex<Vec<FileId>> = Mutex::new(Vec::new());

fn lock(file: &File, operation: FlockOperation) -> Result<(), LockError> {
    match flock(file, operation) {
        Ok(()) => Ok(()),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(LockError::InUse),
        Err(error) => Err(LockError::Io(error.into())),
    }
}

fn unlock(file: &File) {
    if let Err(error) = flock(file, FlockOperation::Unlock) {
        tracing::debug!(cause = ?error, "lock of the store ends with its file");
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::thread;

    use super::*;

    #[test]
    fn a_new_file_with_the_number_of_one_that_was_removed_is_not_in_use() {
        let directory = tempfile::tempdir().unwrap();
        thread::scope(|scope| {
            for name in ["a", "b", "c", "d"] {
                let path = directory.path().join(name);
                scope.spawn(move || {
                    for _ in 0..2_000 {
                        File::create_new(&path).unwrap();
                        let lock = FileLock::acquire(&path).unwrap();
                        fs::remove_file(&path).unwrap();
                        drop(lock);
                    }
                });
            }
        });
    }
}
