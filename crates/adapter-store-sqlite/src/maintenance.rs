//! What an operator does with a store's file: check it, copy it, compact it, save what is left.

mod backup;
mod check;
mod compact;
mod copy;
mod inspect;
mod recover;
mod space;

use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process;

use rusqlite::{Connection, ErrorCode};

use crate::connection;
use crate::file;
use crate::lock::lock_alone;
use crate::open::{self, OpenError};
use crate::schema::Header;

pub use backup::backup;
pub use check::{Problem, Report, check};
pub use compact::{Compacted, compact};
pub use copy::{FileCopy, open_to_copy};
pub use inspect::{Found, inspect};
pub use recover::{Lost, Salvage, recover};
pub use space::{Space, space};

/// Why an operator's request can't be done. Names no path.
#[derive(Debug, thiserror::Error)]
pub enum MaintenanceError {
    /// There is no file.
    #[error("there is no store")]
    Missing,
    /// The store can't be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// There is something where the new file would be.
    #[error("the file to write is there already: name another")]
    TargetExists,
    /// The new file can't be written.
    #[error("the new file can't be written")]
    Target(#[source] io::Error),
}

impl From<rusqlite::Error> for MaintenanceError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            // What is there is only read.
            Some(ErrorCode::DiskFull) => Self::Target(io::ErrorKind::StorageFull.into()),
            _ => Self::Open(error.into()),
        }
    }
}

/// The path of the store's file, which is there.
fn existing(path: &Path) -> Result<PathBuf, MaintenanceError> {
    open::require_library()?;
    if !path.is_file() {
        return Err(MaintenanceError::Missing);
    }
    Ok(file::resolve(path).map_err(OpenError::from)?)
}

/// A connection that reads a store beside whoever else uses it.
fn for_reading(path: &Path) -> Result<(Connection, Header), MaintenanceError> {
    let connection = connection::for_reading(&existing(path)?)?;
    let header = Header::read(&connection)?;
    open::require_known(&header)?;
    Ok((connection, header))
}

/// Ends the name of a file that isn't whole yet, after the number of the process that writes it.
const UNFINISHED: &str = ".unfinished";

/// A new file, which is removed again unless it is kept.
struct Target {
    /// Where it is written.
    path: PathBuf,
    /// The name that it gets once it is whole, if another: what a process that was killed leaves
    /// behind can't be taken for a whole one.
    name: Option<PathBuf>,
    is_kept: bool,
    /// Locked as long as it is written, by which others know that it is.
    _lock: Option<File>,
}

impl Target {
    /// A file that will be at `path`, where nothing is.
    fn create(path: &Path) -> Result<Self, MaintenanceError> {
        let name = file::resolve(path).map_err(MaintenanceError::Target)?;
        if name.symlink_metadata().is_ok() {
            return Err(MaintenanceError::TargetExists);
        }
        remove_left_over(&name);
        let path = file::beside(&name, &format!(".{}{UNFINISHED}", process::id()));
        Self::write_at(path, Some(name))
    }

    /// A file that is of use to its writer alone.
    fn scratch(path: PathBuf) -> Result<Self, MaintenanceError> {
        Self::write_at(path, None)
    }

    fn write_at(path: PathBuf, name: Option<PathBuf>) -> Result<Self, MaintenanceError> {
        file::create(&path).map_err(target_error)?;
        // Without a lock it may be taken for one that was left behind: no reason to write none.
        let lock = File::open(&path)
            .ok()
            .filter(|file| lock_alone(file).is_ok());
        Ok(Self {
            path,
            name,
            is_kept: false,
            _lock: lock,
        })
    }

    /// Makes the file durable and puts it in the place of the one at `path`, whose journal is gone.
    fn replace(self, path: &Path) -> Result<(), MaintenanceError> {
        let given = path
            .symlink_metadata()
            .and_then(|store| file::give_to_owner_of(&store, &self.path));
        given.map_err(MaintenanceError::Target)?;
        let own = self.path.clone();
        self.keep()?;
        fs::rename(own, path).map_err(MaintenanceError::Target)?;
        file::sync_directory(path).map_err(MaintenanceError::Target)
    }

    /// Makes the file durable and keeps it, under its name.
    fn keep(mut self) -> Result<(), MaintenanceError> {
        let durable = file::sync(&self.path);
        durable.map_err(MaintenanceError::Target)?;
        if let Some(name) = &self.name {
            file::rename_new(&self.path, name).map_err(target_error)?;
        }
        self.is_kept = true;
        Ok(())
    }
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
        let process = str::from_utf8(rest).ok();
        let process = process.and_then(|it| it.strip_prefix('.')?.strip_suffix(UNFINISHED));
        let Some(Ok(process)) = process.map(str::parse::<u32>) else {
            continue;
        };
        let path = entry.path();
        // Closing a file of this process would release SQLite's locks on it.
        let is_other = process != process::id() && entry.file_type().is_ok_and(|it| it.is_file());
        if is_other && File::open(&path).is_ok_and(|file| lock_alone(&file).is_ok()) {
            file::remove(&path);
        }
    }
}

fn target_error(error: io::Error) -> MaintenanceError {
    if error.kind() == io::ErrorKind::AlreadyExists {
        MaintenanceError::TargetExists
    } else {
        MaintenanceError::Target(error)
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        if !self.is_kept {
            file::remove(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::ffi;

    use super::*;

    #[test]
    fn a_lack_of_space_is_told_of_what_is_written() {
        let failure = |code| rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
        let full = MaintenanceError::from(failure(ffi::SQLITE_FULL));
        assert!(matches!(full, MaintenanceError::Target(_)), "{full}");
        let opened = OpenError::from(failure(ffi::SQLITE_IOERR_SHMSIZE));
        assert!(matches!(opened, OpenError::Full), "{opened}");
        let other = MaintenanceError::from(failure(ffi::SQLITE_IOERR_READ));
        assert!(
            matches!(other, MaintenanceError::Open(OpenError::Database(_))),
            "{other}"
        );
    }
}
