//! What an operator does with a store's file: check it, copy it, compact it, save what is left.

mod backup;
mod check;
mod compact;
mod copy;
mod inspect;
mod recover;
mod space;
mod target;

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode};
use rustix::fs::{Access, access};

use crate::connection;
use crate::file;
use crate::lock::FileLock;
use crate::open::{self, OpenError};
use crate::schema::Header;
use crate::unwritable;

use self::target::Target;

pub use backup::backup;
pub use check::{Problem, Report, check};
pub use compact::{Compacted, compact};
pub use copy::{FileCopy, is_same_file, open_to_copy};
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

/// The path of the store's file, which is there and may be read.
fn existing(path: &Path) -> Result<PathBuf, MaintenanceError> {
    open::require_library()?;
    if path.file_name().is_none() {
        return Err(OpenError::NotAFile.into());
    }
    let path = file::resolve(path).map_err(missing_or_unusable)?;
    let found = path.symlink_metadata().map_err(missing_or_unusable)?;
    open::require_file(&found)?;
    // SQLite would not say why the file can't be opened.
    access(&path, Access::READ_OK).map_err(|error| OpenError::Io(error.into()))?;
    Ok(path)
}

fn missing_or_unusable(error: io::Error) -> MaintenanceError {
    let missing = [io::ErrorKind::NotFound, io::ErrorKind::NotADirectory];
    if missing.contains(&error.kind()) {
        MaintenanceError::Missing
    } else {
        OpenError::Io(error).into()
    }
}

/// A store that is read.
struct Reading {
    // In the order in which they end: the file's lock must outlast the connection.
    connection: Connection,
    _lock: Option<FileLock>,
    header: Header,
}

impl Reading {
    /// Opens a store beside whoever else uses it, or, where nothing can be written, while nobody does.
    fn open(path: &Path) -> Result<Self, MaintenanceError> {
        let path = existing(path)?;
        let reading = match Self::connect(connection::for_reading(&path), None) {
            Err(error) if is_for_want_of_writing(&error) && unwritable::is_unwritable(&path) => {
                let lock = unwritable::lock(&path)?;
                Self::connect(connection::for_reading_alone(&path), Some(lock))
            }
            reading => reading,
        }?;
        open::require_known(&reading.header)?;
        Ok(reading)
    }

    fn connect(
        connection: rusqlite::Result<Connection>,
        lock: Option<FileLock>,
    ) -> rusqlite::Result<Self> {
        let connection = connection?;
        Ok(Self {
            header: Header::read(&connection)?,
            connection,
            _lock: lock,
        })
    }
}

/// Whether SQLite fails as it does when it can't create or change what it has beside a file.
fn is_for_want_of_writing(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error_code();
    matches!(code, Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly))
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
