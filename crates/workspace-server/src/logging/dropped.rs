//! Counts log lines that nobody will read, because the queue was full or standard error took
//! none, and reports them in the log itself.

use std::convert::Infallible;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tracing_appender::non_blocking::ErrorCounter;

/// Bytes of lines that are written at once: as many as a pipe holds.
const BATCH_BYTES: usize = 64 * 1024;

/// Shortest time between two reports, so that a stalled log is not flooded with them.
pub(super) const REPORT_INTERVAL: Duration = Duration::from_secs(10);

/// Counts the dropped lines of one log. Cheap to clone; clones share the count.
#[derive(Debug, Clone)]
pub struct DroppedLines {
    full_queue: ErrorCounter,
    failed_writes: Arc<AtomicU64>,
    reported: Arc<AtomicU64>,
}

impl DroppedLines {
    pub(super) fn new(full_queue: ErrorCounter, failed_writes: Arc<AtomicU64>) -> Self {
        Self {
            full_queue,
            failed_writes,
            reported: Arc::default(),
        }
    }

    /// Lines dropped since the log began.
    pub fn count(&self) -> u64 {
        let full_queue = u64::try_from(self.full_queue.dropped_lines()).unwrap_or(u64::MAX);
        full_queue.saturating_add(self.failed_writes.load(Ordering::Relaxed))
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

    /// Reports regularly.
    ///
    /// # Cancellation
    /// Safe: what was not reported yet, the next [`DroppedLines::report`] does.
    pub(crate) async fn report_regularly(&self) -> Infallible {
        loop {
            tokio::time::sleep(REPORT_INTERVAL).await;
            self.report();
        }
    }
}

/// Gathers the lines that tracing-appender has at hand, so that a burst costs one write, and counts
/// those which `out` does not take: tracing-appender counts only what its queue has no room for.
pub(super) struct BatchWriter<W> {
    pub(super) out: W,
    pub(super) lines: Vec<u8>,
    pub(super) failed_writes: Arc<AtomicU64>,
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
        let written = self.out.write_all(&self.lines);
        if written.is_err() {
            let lines = self.lines.iter().filter(|byte| **byte == b'\n').count();
            let lines = u64::try_from(lines).unwrap_or(u64::MAX);
            self.failed_writes.fetch_add(lines, Ordering::Relaxed);
        }
        self.lines.clear();
        written?;
        self.out.flush()
    }
}
