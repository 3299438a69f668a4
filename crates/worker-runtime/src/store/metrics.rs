//! What is counted about a store.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::StoreErrorKind;

/// Upper bounds of the buckets of batch sizes, in requests.
pub const BATCH_SIZE_BUCKETS: [f64; 8] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0];
/// Upper bounds of the buckets of commit latencies, in seconds.
pub const LATENCY_BUCKETS: [f64; 8] = [0.001, 0.002, 0.005, 0.01, 0.05, 0.2, 1.0, 5.0];

/// What was counted about a store since it was opened.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StoreMetrics {
    /// Requests to commit that were done.
    pub commits: u64,
    /// Requests to commit that failed, and reads that failed: [`StoreErrorKind::Full`].
    pub failed_full: u64,
    /// The same: [`StoreErrorKind::Failed`].
    pub failed_failed: u64,
    /// The same: [`StoreErrorKind::Lost`].
    pub failed_lost: u64,
    /// Requests in a transaction, with [`BATCH_SIZE_BUCKETS`].
    pub batch_size: Histogram,
    /// Seconds that a transaction took, with [`LATENCY_BUCKETS`].
    pub commit_seconds: Histogram,
    /// Requests to commit that wait now.
    pub queue_depth: usize,
    /// Bytes of the file and its journal now; none of a store that is no file.
    pub file_bytes: Option<u64>,
}

/// A distribution.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Histogram {
    /// Values up to each bound and above the one before; values above all bounds are in `count`
    /// only.
    pub buckets: [u64; 8],
    /// All values.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
}

impl Histogram {
    fn record(&mut self, bounds: &[f64; 8], value: f64) {
        if let Some(at) = bounds.iter().position(|bound| value <= *bound) {
            self.buckets[at] += 1;
        }
        self.count += 1;
        self.sum += value;
    }
}

/// Counts what an implementation of a store does; shared by its threads.
#[derive(Debug, Default)]
pub struct StoreRecorder(Mutex<StoreMetrics>);

impl StoreRecorder {
    /// What was counted so far.
    #[must_use]
    pub fn snapshot(&self) -> StoreMetrics {
        self.with(|metrics| metrics.clone())
    }

    /// A transaction was committed with `requests`.
    pub fn committed(&self, requests: usize, took: Duration) {
        let requests = u32::try_from(requests).map_or(f64::MAX, f64::from);
        self.with(|metrics| {
            metrics.batch_size.record(&BATCH_SIZE_BUCKETS, requests);
            let seconds = took.as_secs_f64();
            metrics.commit_seconds.record(&LATENCY_BUCKETS, seconds);
        });
    }

    /// A request to commit was done.
    pub(super) fn done(&self) {
        self.with(|metrics| metrics.commits += 1);
    }

    /// A request to commit, or a read, has failed.
    pub fn failed(&self, kind: StoreErrorKind) {
        self.with(|metrics| {
            *match kind {
                StoreErrorKind::Full => &mut metrics.failed_full,
                StoreErrorKind::Failed => &mut metrics.failed_failed,
                StoreErrorKind::Lost => &mut metrics.failed_lost,
            } += 1;
        });
    }

    fn with<T>(&self, section: impl FnOnce(&mut StoreMetrics) -> T) -> T {
        section(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
