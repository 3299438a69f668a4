//! A store without gaps, and without profiles that nobody uses.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;

use super::backup::copy;
use super::{MaintenanceError, Target, existing};
use crate::file;
use crate::open::{self, Absent, OpenError};
use crate::options::{NetworkFileSystems, Options};

/// What compacting has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compacted {
    /// Bytes of the file before.
    pub bytes_before: u64,
    /// Bytes of the file now.
    pub bytes_after: u64,
    /// How many profiles were removed because no worker has them.
    pub profiles_removed: usize,
}

/// Writes the store at `path` anew, without gaps. No server may have it open. Needs as much space
/// again as the result; neither the store's journal nor anything else grows with it.
///
/// # Errors
/// The store is what it was before then.
pub fn compact(path: &Path) -> Result<Compacted, MaintenanceError> {
    let path = existing(path)?;
    let options = Options {
        network_file_systems: NetworkFileSystems::Allowed,
        ..Options::default()
    };
    // Keeps the lock to the end.
    let (_owned, connection) = open::open(&path, options, Absent::Refused)?;
    let bytes_before = file::bytes(&path);
    empty_journal(&connection)?;
    let profiles_removed = connection.execute(
        "DELETE FROM profile WHERE number NOT IN (SELECT profile FROM worker)",
        (),
    )?;
    let target = Target::create_successor(&path)?;
    copy(&connection, &target.path)?;
    // From here on nothing reads the old file any more: its journal is gone.
    drop(connection);
    target.replace()?;
    Ok(Compacted {
        bytes_before,
        bytes_after: file::bytes(&path),
        profiles_removed,
    })
}

/// How long to wait for others who read the store, such as a backup.
const READERS_TIMEOUT: Duration = Duration::from_secs(1);

/// A journal that stayed would be taken for that of the new file.
pub(super) fn empty_journal(connection: &Connection) -> Result<(), MaintenanceError> {
    connection.busy_timeout(READERS_TIMEOUT)?;
    let mode: String =
        connection.query_row("PRAGMA journal_mode = DELETE", (), |row| row.get(0))?;
    if mode == "delete" {
        Ok(())
    } else {
        Err(OpenError::InUse.into())
    }
}
