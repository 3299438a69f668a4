//! Whether a server would open a store, as far as that can be seen without writing anything.

use std::fs;
use std::io;
use std::path::Path;

use rustix::fs::{Access, access};

use crate::connection;
use crate::file;
use crate::open::{self, Contents, OpenError};
use crate::schema::Header;

/// What is in the place of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// Nothing yet: a server creates the store.
    Nothing,
    /// A store, by its beginning and its tables.
    Store,
}

/// Looks at the store at `path`, which no server uses: whether it may be read and written, and
/// whether it begins as a store does. Its pages are not checked, nor is its file system. Creates
/// and changes nothing.
///
/// # Errors
/// With which a server would refuse it.
pub fn inspect(path: &Path) -> Result<Found, OpenError> {
    open::require_library()?;
    let found = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            require_creatable(path)?;
            return Ok(Found::Nothing);
        }
        found => found?,
    };
    open::require_file(&found)?;
    let path = file::resolve(path)?;
    let read_write = Access::READ_OK | Access::WRITE_OK;
    access(&path, read_write).map_err(io::Error::from)?;
    require_creatable(&path)?;
    let journal = file::journal_bytes(&path);
    if !file::is_blank_or_database(&path, found.len())? {
        return Err(OpenError::NotAStore);
    }
    match (found.len(), journal) {
        (0, 0) => Ok(Found::Nothing),
        (0, _) => Err(OpenError::Damaged),
        (_, 0) => inspect_contents(&path),
        // What is in the file alone may be outdated, and reading its journal would write.
        (_, _) => Ok(Found::Store),
    }
}

/// Fails unless files can be created beside `path`, or else the directories that lead to it.
fn require_creatable(path: &Path) -> io::Result<()> {
    let mut directories = path.ancestors().skip(1);
    let there = directories.find(|it| !it.as_os_str().is_empty() && it.exists());
    let there = there.unwrap_or(Path::new("."));
    if !there.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    Ok(access(there, Access::WRITE_OK | Access::EXEC_OK)?)
}

fn inspect_contents(path: &Path) -> Result<Found, OpenError> {
    let header = Header::read(&connection::for_reading_alone(path)?)?;
    Ok(match open::contents(&header)? {
        Contents::Blank => Found::Nothing,
        Contents::Store => Found::Store,
    })
}
