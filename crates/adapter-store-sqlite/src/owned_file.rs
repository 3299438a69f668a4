//! A store's file while this process owns it.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rusqlite::Connection;

use crate::connection;
use crate::failure::Failure;
use crate::file::FileId;
use crate::lock::{FileLock, StoreLock};
use crate::options::Options;

/// The file of an open store, and its locks. Dropped after the last connection to it.
#[derive(Debug)]
pub(crate) struct OwnedFile {
    path: PathBuf,
    options: Options,
    id: FileId,
    /// None where nothing can be written.
    lock: Option<Mutex<StoreLock>>,
    _file_lock: Option<FileLock>,
}

impl OwnedFile {
    /// Without a [`FileLock`] nothing but the name keeps others from the file.
    pub(crate) fn new(
        path: PathBuf,
        options: Options,
        id: FileId,
        lock: StoreLock,
        file_lock: Option<FileLock>,
    ) -> Self {
        Self {
            path,
            options,
            id,
            lock: Some(Mutex::new(lock)),
            _file_lock: file_lock,
        }
    }

    /// A file that is only read. Its lock keeps others from writing to it.
    pub(crate) fn unwritable(
        path: PathBuf,
        options: Options,
        id: FileId,
        file_lock: FileLock,
    ) -> Self {
        Self {
            path,
            options,
            id,
            lock: None,
            _file_lock: Some(file_lock),
        }
    }

    /// A new connection that reads the file.
    pub(crate) fn connect_for_reading(&self) -> rusqlite::Result<Connection> {
        if self.lock.is_some() {
            connection::for_reading(&self.path)
        } else {
            connection::for_reading_alone(&self.path)
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn options(&self) -> &Options {
        &self.options
    }

    /// Checks that the file is still the one that was opened.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        if FileId::at(&self.path).ok() == Some(self.id) {
            Ok(())
        } else {
            Err(Failure::Lost)
        }
    }

    /// Checks that the file is still the one that was opened, and that no other process may
    /// write to it.
    pub(crate) fn check_ownership(&self) -> Result<(), Failure> {
        self.check()?;
        let lock = self.lock.as_ref().ok_or(Failure::Closed)?;
        let mut lock = lock.lock().unwrap_or_else(PoisonError::into_inner);
        lock.keep(&self.path).map_err(|_| Failure::Lost)
    }
}
