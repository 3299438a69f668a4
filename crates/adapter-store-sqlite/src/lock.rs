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
    // In the order in which they end.
    file: File,
    _opened: OpenedHere,
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
        let opened = OpenedHere::enter(FileId::at(path).map_err(LockError::Io)?)?;
        // Opening a FIFO would block.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = open(path, flags, Mode::empty());
        let file = File::from(file.map_err(|error| LockError::Io(error.into()))?);
        lock(&file, operation)?;
        let found = FileId::of(&file).map_err(LockError::Io)?;
        // Somebody may have put another file there between the calls.
        if found != opened.0 {
            return Err(LockError::InUse);
        }
        let _opened = opened;
        Ok(Self { file, _opened })
    }
}

impl Drop for FileLock {
    /// As for [`StoreLock`].
    fn drop(&mut self) {
        unlock(&self.file);
    }
}

/// The database files that this process owns: one that is among them isn't opened to be locked,
/// as closing it again would release SQLite's locks.
static OPENED_HERE: Mutex<Vec<FileId>> = Mutex::new(Vec::new());

/// That a file is among [`OPENED_HERE`].
#[derive(Debug)]
struct OpenedHere(FileId);

impl OpenedHere {
    fn enter(id: FileId) -> Result<Self, LockError> {
        let mut files = OPENED_HERE.lock().unwrap_or_else(PoisonError::into_inner);
        if files.contains(&id) {
            return Err(LockError::InUse);
        }
        files.push(id);
        Ok(Self(id))
    }
}

impl Drop for OpenedHere {
    fn drop(&mut self) {
        let mut files = OPENED_HERE.lock().unwrap_or_else(PoisonError::into_inner);
        files.retain(|id| *id != self.0);
    }
}

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
