//! Reads one metadata file, if it is a regular one, and tells whether it changed.

use std::io::Read;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cap_std::fs::{Dir, File, Metadata, MetadataExt, OpenOptions, OpenOptionsExt};
use rustix::fs::OFlags;

use crate::diagnostic::DiagnosticKind;

/// How old a file's last change must be before its stamp is trusted. A file that is written
/// twice within one tick of the file system's clock has the same stamp after both; two
/// seconds is the coarsest tick in use (FAT). Git calls this the racy index problem.
const STAMP_SETTLES_AFTER: Duration = Duration::from_secs(2);

/// Metadata that differs whenever the file's content may have changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    bytes: u64,
    device: u64,
    inode: u64,
    /// Of the content; seconds and nanoseconds, as the writer may set them.
    modified: (i64, i64),
    /// Of the inode; seconds and nanoseconds, which nobody can set.
    changed: (i64, i64),
}

impl Stamp {
    pub(crate) fn new(metadata: &Metadata) -> Self {
        Self {
            bytes: metadata.len(),
            device: metadata.dev(),
            inode: metadata.ino(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// Whether any later change will make another stamp, when this one was taken at `now`.
    pub(crate) fn is_settled(&self, now: SystemTime) -> bool {
        let (seconds, nanos) = self.changed;
        let Ok(seconds) = u64::try_from(seconds) else {
            return true;
        };
        let nanos = u32::try_from(nanos).unwrap_or_default();
        UNIX_EPOCH
            .checked_add(Duration::new(seconds, nanos))
            .and_then(|changed| now.duration_since(changed).ok())
            .is_some_and(|age| age >= STAMP_SETTLES_AFTER)
    }
}

/// Reads the file at `path` within `data_dir` into `content` and returns the metadata of the very
/// file that was read; blocks, but on nothing else than the disk.
///
/// # Errors
/// [`DiagnosticKind::Unreadable`], [`DiagnosticKind::NotRegular`], or [`DiagnosticKind::Oversized`] over
/// `limit_bytes`; `content` is then undefined.
pub(crate) fn read(
    data_dir: &Dir,
    path: &Path,
    limit_bytes: u64,
    content: &mut Vec<u8>,
) -> Result<Metadata, DiagnosticKind> {
    let file = data_dir
        .open_with(path, &unblockable())
        .map_err(|_| DiagnosticKind::Unreadable)?;
    let metadata = file.metadata().map_err(|_| DiagnosticKind::Unreadable)?;
    if !metadata.is_file() {
        return Err(DiagnosticKind::NotRegular);
    }
    if metadata.len() > limit_bytes {
        return Err(DiagnosticKind::Oversized);
    }
    content.clear();
    read_up_to(file, limit_bytes.saturating_add(1), content)?;
    // The file may have grown after it was measured.
    if content.len() as u64 > limit_bytes {
        return Err(DiagnosticKind::Oversized);
    }
    Ok(metadata)
}

/// Opens for reading without waiting for the writer of a FIFO or for a device, and without
/// making a terminal the server's own.
fn unblockable() -> OpenOptions {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(flags.bits().cast_signed());
    options
}

fn read_up_to(file: File, bytes: u64, content: &mut Vec<u8>) -> Result<(), DiagnosticKind> {
    file.take(bytes)
        .read_to_end(content)
        .map(|_| ())
        .map_err(|_| DiagnosticKind::Unreadable)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::DataDir;

    fn read_back(
        records: &DataDir,
        name: &str,
        limit_bytes: u64,
    ) -> Result<Vec<u8>, DiagnosticKind> {
        let mut content = b"left over".to_vec();
        let data_dir = records.open();
        let path = Path::new("pods").join(name).join("metadata.json");
        read(&data_dir, &path, limit_bytes, &mut content).map(|_| content)
    }

    #[test]
    fn a_file_is_read_up_to_its_limit_and_no_further() {
        let records = DataDir::new();
        records.write("pods/a", "12345");
        assert_eq!(read_back(&records, "a", 5), Ok(b"12345".to_vec()));
        assert_eq!(read_back(&records, "a", 4), Err(DiagnosticKind::Oversized));
    }

    /// `/proc` files measure 0 bytes and still have content: the measure alone is no bound.
    #[test]
    fn a_file_that_is_longer_than_it_says_is_oversized_and_not_read_to_its_end() {
        let data_dir = Dir::open_ambient_dir("/proc/self", cap_std::ambient_authority()).unwrap();
        let mut content = Vec::new();
        let answer = read(&data_dir, Path::new("status"), 16, &mut content);
        assert_eq!(
            (answer.err(), content.len()),
            (Some(DiagnosticKind::Oversized), 17)
        );
    }

    /// Nobody writes to the FIFO: without the flag, the open would wait for ever.
    #[test]
    fn a_fifo_or_a_directory_in_place_of_a_file_is_refused_without_waiting() {
        let records = DataDir::new();
        records.fifo("pods/a/metadata.json");
        records.directory("pods/b/metadata.json");
        for name in ["a", "b"] {
            let answer = read_back(&records, name, 5);
            assert_eq!(answer, Err(DiagnosticKind::NotRegular));
        }
    }

    #[test]
    fn a_stamp_is_trusted_only_when_it_is_older_than_a_tick() {
        let stamp = Stamp {
            bytes: 2,
            device: 1,
            inode: 1,
            modified: (0, 0),
            changed: (1_000, 500),
        };
        let changed = UNIX_EPOCH + Duration::new(1_000, 500);
        assert!(!stamp.is_settled(UNIX_EPOCH));
        assert!(!stamp.is_settled(changed));
        assert!(!stamp.is_settled(changed + STAMP_SETTLES_AFTER - Duration::from_nanos(1)));
        assert!(stamp.is_settled(changed + STAMP_SETTLES_AFTER));
    }
}
