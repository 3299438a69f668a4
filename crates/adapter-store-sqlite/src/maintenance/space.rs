//! How much space a store takes, and how much is left for it.

use std::io;
use std::path::Path;

use crate::file;

/// The space of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// Bytes of the file and its journal; none when there is no file yet.
    pub file_bytes: Option<u64>,
    /// Bytes that this user may still write to its file system.
    pub free_bytes: u64,
}

/// The space of the store at `path`. Opens nothing, and creates nothing.
///
/// # Errors
/// The file system can't be asked.
pub fn space(path: &Path) -> io::Result<Space> {
    let found = path.symlink_metadata();
    // Where the file isn't yet, its directory may not be either.
    let there = path
        .ancestors()
        .find(|it| !it.as_os_str().is_empty() && it.exists());
    let there = there.unwrap_or(Path::new("."));
    let system = rustix::fs::statvfs(there)?;
    Ok(Space {
        file_bytes: found.is_ok().then(|| file::bytes(path)),
        free_bytes: system.f_bavail.saturating_mul(system.f_frsize),
    })
}
