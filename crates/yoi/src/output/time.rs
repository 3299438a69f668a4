//! How times are printed.

use jiff::Timestamp;

/// The time to the second, in UTC.
pub(super) fn utc_seconds(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
