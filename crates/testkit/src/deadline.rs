//! The one bound of everything that a test waits for.

use std::time::Duration;

use tokio::time::timeout;

/// Longest wait for anything: beyond the longest poll of 30 s. Reaching it is a failure.
pub const TIMEOUT: Duration = Duration::from_secs(45);

/// The output of `future`.
///
/// # Panics
/// After [`TIMEOUT`].
pub async fn in_time<T>(future: impl Future<Output = T>) -> T {
    timeout(TIMEOUT, future)
        .await
        .expect("it ends before the test's deadline")
}
