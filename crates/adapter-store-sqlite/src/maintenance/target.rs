//! A new file: how it is written beside its place, and what becomes of it.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process;

use super::MaintenanceError;
use crate::file;
use crate::lock::FileLock;
use crate::open;

/// Ends the name of a file that isn't whole yet, after the number of the process that writes it.
const UNFINISHED: &str = ".unfinished";
/// How many numbers are tried for a name: the number of a process comes again, and in containers often.
const MAX_NUMBERS: u32 = 1_000;

/// A new file, which is removed again unless it is kept. Until it is whole it has another name: what
/// a process that was killed leaves behind can't be taken for a whole one.
pub(super) struct Target {
    /// Where it is written.
    pub(super) path: PathBuf,
    /// The name that it gets once it is whole.
    name: PathBuf,
    is_kept: bool,
    /// Held as long as it is written, by which others know that it is. None on a network file system.
    _lock: Option<FileLock>,
}

impl Target {
    /// A file that will be at `path`, where nothing is.
    pub(super) fn create(path: &Path) -> Result<Self, MaintenanceError> {
        let name = file::resolve(path).map_err(MaintenanceError::Target)?;
        if name.symlink_metadata().is_ok() {
            return Err(MaintenanceError::TargetExists);
        }
        Self::write_beside(name)
    }

    /// A file that will take the place of the store at `path`, which this process owns.
    pub(super) fn create_successor(path: &Path) -> Result<Self, MaintenanceError> {
        Self::write_beside(path.to_owned())
    }

    fn write_beside(name: PathBuf) -> Result<Self, MaintenanceError> {
        remove_left_over(&name);
        let path = create_unfinished(&name).map_err(MaintenanceError::Target)?;
        // Without a lock it may be taken for one that was left behind: no reason to write none.
        let lock = open::lock_file(&path).ok().flatten();
        Ok(Self {
            path,
            name,
            is_kept: false,
            _lock: lock,
        })
    }

    /// Makes the file durable and puts it in the place of the store there, whose journal is gone.
    pub(super) fn replace(mut self) -> Result<(), MaintenanceError> {
        let mut replace = || {
            file::give_to_owner_of(&self.name.symlink_metadata()?, &self.path)?;
            file::sync(&self.path)?;
            fs::rename(&self.path, &self.name)?;
            self.is_kept = true;
            file::sync_directory(&self.name)
        };
        replace().map_err(MaintenanceError::Target)
    }

    /// Makes the file durable and gives it its name, which is still free.
    pub(super) fn keep(mut self) -> Result<(), MaintenanceError> {
        file::sync(&self.path).map_err(MaintenanceError::Target)?;
        file::rename_new(&self.path, &self.name).map_err(|error| {
            if error.kind() == io::ErrorKind::AlreadyExists {
                MaintenanceError::TargetExists
            } else {
                MaintenanceError::Target(error)
            }
        })?;
        self.is_kept = true;
        Ok(())
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        if !self.is_kept {
            file::remove(&self.path);
        }
    }
}

/// Creates the file that will have this name, under another one.
fn create_unfinished(name: &Path) -> io::Result<PathBuf> {
    let first = process::id();
    for number in first..first.saturating_add(MAX_NUMBERS) {
        let path = file::beside(name, &format!(".{number}{UNFINISHED}"));
        match file::create(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// Removes what others left unfinished of a file with this name: nobody has its lock any more. The number
/// of a process says nothing of one in another container.
fn remove_left_over(name: &Path) {
    let (Some(directory), Some(own)) = (name.parent(), name.file_name()) else {
        return;
    };
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let found = entry.file_name();
        let Some(rest) = found.as_bytes().strip_prefix(own.as_bytes()) else {
            continue;
        };
        let number = str::from_utf8(rest).ok();
        let number = number.and_then(|it| it.strip_prefix('.')?.strip_suffix(UNFINISHED));
        let is_unfinished = number.is_some_and(|it| it.parse::<u32>().is_ok());
        if !is_unfinished || !entry.file_type().is_ok_and(|it| it.is_file()) {
            continue;
        }
        let path = entry.path();
        // One that this process writes is locked, too, and not opened.
        if let Ok(Some(_lock)) = open::lock_file(&path) {
            file::remove(&path);
        }
    }
}
