//! A copy of a store, also of one that a server is using.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rusqlite::Connection;
use rusqlite::types::{ToSqlOutput, ValueRef};

use super::{MaintenanceError, Reading, Target};

/// Copies the store at `path`, as it is at one instant, to the new file `to`, for the owner alone.
/// Writers go on meanwhile; their journal grows until the copy is done.
///
/// # Errors
/// There is no new file then.
pub fn backup(path: &Path, to: &Path) -> Result<(), MaintenanceError> {
    let store = Reading::open(path)?;
    let target = Target::create(to)?;
    copy(&store.connection, &target.path)?;
    target.keep()
}

/// Copies everything into an empty file, without gaps. It isn't durable yet.
pub(super) fn copy(connection: &Connection, to: &Path) -> rusqlite::Result<()> {
    // A path is bytes, not necessarily UTF-8.
    let to = ToSqlOutput::Borrowed(ValueRef::Text(to.as_os_str().as_bytes()));
    connection.execute("VACUUM INTO ?1", [to]).map(drop)
}
