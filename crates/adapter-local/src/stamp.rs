//! Tells whether a metadata file changed.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cap_std::fs::{Metadata, MetadataExt as _};

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

#[cfg(test)]
mod tests {
    use super::*;

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
