//! What the source reads, and how much of it.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use registry_core::projection::{Limit, LimitUnit};

/// Most directories that one refresh looks at for records, in each collection: as many as
/// can be looked at well within the registry's read deadline of 2 s.
pub const RECORDS_MAX: u32 = 20_000;
/// Largest `metadata.json` that is read, in bytes: bounds the memory that one file can claim,
/// and leaves room for a large manifest snapshot.
pub const METADATA_BYTES_MAX: u64 = 256 * 1024;
/// Shortest time from the end of one refresh to the next. People don't notice a second; a
/// page that polls must not cost a directory walk each time.
pub const REFRESH_INTERVAL: Duration = Duration::from_secs(1);

/// Configuration of the source.
#[derive(Clone)]
pub struct LocalConfig {
    /// The directory that holds `pods` and `workers`. It may be missing, and it may be a
    /// symbolic link: what it means is the operator's choice.
    pub data_dir: PathBuf,
    /// The root of this workspace in each of its spellings, for example as it was given and with
    /// links resolved. Records with any other root are counted, not listed; roots are compared as
    /// text, and never resolved.
    pub workspace_roots: Vec<PathBuf>,
    /// How much is read.
    pub limits: LocalLimits,
}

/// Shows the limits alone: paths belong in no log.
impl fmt::Debug for LocalConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalConfig")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// Bounds of the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalLimits {
    /// Directories looked at in one refresh in each collection, see [`RECORDS_MAX`].
    pub records: u32,
    /// Bytes of one `metadata.json`, see [`METADATA_BYTES_MAX`].
    pub metadata_bytes: u64,
    /// Time between two refreshes, see [`REFRESH_INTERVAL`]. Zero reads the directory anew
    /// for every call.
    pub refresh_interval: Duration,
}

impl Default for LocalLimits {
    fn default() -> Self {
        Self {
            records: RECORDS_MAX,
            metadata_bytes: METADATA_BYTES_MAX,
            refresh_interval: REFRESH_INTERVAL,
        }
    }
}

impl LocalLimits {
    /// The limits as clients see them.
    pub(crate) fn to_limits(self) -> Vec<Limit> {
        let interval_ms = self.refresh_interval.as_millis();
        vec![
            Limit::new("local_records", LimitUnit::Count, self.records.into()),
            Limit::new(
                "local_metadata_bytes",
                LimitUnit::Bytes,
                self.metadata_bytes,
            ),
            Limit::new(
                "local_refresh_interval_ms",
                LimitUnit::Milliseconds,
                u64::try_from(interval_ms).unwrap_or(u64::MAX),
            ),
        ]
    }
}
