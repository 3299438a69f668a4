//! Counts log lines that nobody will read, because the queue was full or standard error took
//! none, and reports them in the log itself.

use std::convert::Infallible;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tracing_appender::non_blocking::ErrorCounter;

/// Bytes of lines that are written at once: as many as a pipe holds.
const BATCH_BYTES: usize = 64 * 1024;

/// Time between two reports, so that a stalled log is not flooded with them.
pub(super) const REPORT_INTERVAL: Duration = Duration::from_secs(10);

/// Shortest time between two reports where writes fail and succeed by turns.
const RECOVERY_INTERVAL: Duration = Duration::from_secs(1);

/// Counts the dropped lines of one log. Cheap to clone; clones share the count.
#[derive(Debug, Clone)]
pub struct DroppedLines {
    full_queue: ErrorCounter,
    failed_writes: Arc<FailedWrites>,
    reported: Arc<AtomicU64>,
}

/// The lines that could not be written.
#[derive(Debug, Default)]
pub(super) struct FailedWrites {
    lines: AtomicU64,
    /// Notified when a write succeeds after one that failed.
    over: Notify,
}

impl DroppedLines {
    pub(super) fn new(full_queue: ErrorCounter, failed_writes: Arc<FailedWrites>) -> Self {
        Self {
            full_queue,
            failed_writes,
            reported: Arc::default(),
        }
    }

    /// Lines dropped since the log began.
    pub fn count(&self) -> u64 {
        let full_queue = u64::try_from(self.full_queue.dropped_lines()).unwrap_or(u64::MAX);
        full_queue.saturating_add(self.failed_writes.lines.load(Ordering::Relaxed))
    }

    /// Warns of the lines that were dropped since the last report, if there are any. A report
    /// that is dropped itself is counted, so another one follows.
    pub(crate) fn report(&self) {
        let total = self.count();
        let lines = total.saturating_sub(self.reported.swap(total, Ordering::Relaxed));
        if lines > 0 {
            tracing::warn!(lines, total, "log lines were lost");
        }
    }

    /// Reports regularly, and as soon as lines can be written again.
    ///
    /// # Cancellation
    /// Safe: what was not reported yet, the next [`DroppedLines::report`] does.
    pub(crate) async fn report_regularly(&self) -> Infallible {
        loop {
            // Both arms are cancel-safe: a notification that was not waited for is kept.
            tokio::select! {
                () = tokio::time::sleep(REPORT_INTERVAL) => self.report(),
                () = self.failed_writes.over.notified() => {
                    self.report();
                    tokio::time::sleep(RECOVERY_INTERVAL).await;
                }
            }
        }
    }
}

/// Gathers the lines that tracing-appender has at hand, so that a burst costs one write, and counts
/// those which `out` does not take: tracing-appender counts only what its queue has no room for.
pub(super) struct BatchWriter<W> {
    out: W,
    lines: Vec<u8>,
    failed_writes: Arc<FailedWrites>,
    is_failing: bool,
}

impl<W> BatchWriter<W> {
    pub(super) fn new(out: W, failed_writes: Arc<FailedWrites>) -> Self {
        Self {
            out,
            lines: Vec::new(),
            failed_writes,
            is_failing: false,
        }
    }
}

impl<W: Write> Write for BatchWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.lines.extend_from_slice(bytes);
        if self.lines.len() >= BATCH_BYTES {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    /// Writes what was gathered. What is not taken is dropped, so that no line is written twice.
    fn flush(&mut self) -> io::Result<()> {
        if self.lines.is_empty() {
            return Ok(());
        }
        let written = self.out.write_all(&self.lines);
        if written.is_err() {
            let lines = self.lines.iter().filter(|byte| **byte == b'\n').count();
            let lines = u64::try_from(lines).unwrap_or(u64::MAX);
            self.failed_writes.lines.fetch_add(lines, Ordering::Relaxed);
        } else if self.is_failing {
            self.failed_writes.over.notify_one();
        }
        self.is_failing = written.is_err();
        self.lines.clear();
        written?;
        self.out.flush()
    }
}
