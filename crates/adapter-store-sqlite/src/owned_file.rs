//! A store's file while this process owns it.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

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
    lock: Mutex<StoreLock>,
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
            lock: Mutex::new(lock),
            _file_lock: file_lock,
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
        let mut lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        lock.keep(&self.path).map_err(|_| Failure::Lost)
    }
}
