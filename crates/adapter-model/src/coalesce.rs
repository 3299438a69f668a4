//! Joining small deltas of a reply, so that a fast model can't flood a worker's events.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// Replies at once up to which each delta may go its own way: they take a fraction of a processor.
const QUIET_REPLIES: u32 = 100;

/// Replies at once from which on deltas are gathered for the longest interval.
const BUSY_REPLIES: u32 = 300;

/// Replies that are being forwarded, over all engines of the process: they share its processors.
static REPLIES: AtomicUsize = AtomicUsize::new(0);

/// When joined deltas are forwarded: the first one after a pause at once, later ones at an interval.
/// Text that is still held back when a run is cancelled is lost; when a run fails, it is forwarded
/// first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Coalesce {
    /// Time between two forwardings while few replies are forwarded at once (default: 5 ms): a
    /// reader sees every word by itself at the pace of nearly all models.
    pub interval: Duration,
    /// The same while many are (default: 50 ms): hardly noticed by a reader, and some 20 events a
    /// second unless they are [long](Self::bytes). In between, the interval grows with their number.
    pub busy_interval: Duration,
    /// Bytes that are held back at most (default: 2 KiB): about a screen of text.
    pub bytes: usize,
}

impl Default for Coalesce {
    fn default() -> Self {
        Self {
            interval: Duration::from_millis(5),
            busy_interval: Duration::from_millis(50),
            bytes: 2 * 1024,
        }
    }
}

impl Coalesce {
    /// The interval while so many replies are forwarded.
    fn interval_at(&self, replies: usize) -> Duration {
        let replies = u32::try_from(replies).unwrap_or(u32::MAX);
        let beyond = replies.clamp(QUIET_REPLIES, BUSY_REPLIES) - QUIET_REPLIES;
        let growth = self.busy_interval.saturating_sub(self.interval);
        self.interval + growth / (BUSY_REPLIES - QUIET_REPLIES) * beyond
    }
}

/// A reply that is being forwarded, until this is dropped.
#[derive(Debug)]
struct ReplyInProgress(());

impl ReplyInProgress {
    fn begin() -> Self {
        REPLIES.fetch_add(1, Ordering::Relaxed);
        Self(())
    }
}

impl Drop for ReplyInProgress {
    fn drop(&mut self) {
        REPLIES.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Text of one reply that waits to be forwarded.
#[derive(Debug)]
pub(crate) struct DeltaBuffer {
    limits: Coalesce,
    text: String,
    deadline: Option<Instant>,
    forwarded_at: Option<Instant>,
    _reply: ReplyInProgress,
}

impl DeltaBuffer {
    pub(crate) fn new(limits: Coalesce) -> Self {
        Self {
            limits,
            text: String::new(),
            deadline: None,
            forwarded_at: None,
            _reply: ReplyInProgress::begin(),
        }
    }

    pub(crate) fn append(&mut self, delta: &str, now: Instant) {
        self.text.push_str(delta);
        self.deadline = self.deadline.or_else(|| match self.forwarded_at {
            None => Some(now),
            // With an interval too long to be represented, only the size counts.
            Some(before) => {
                before.checked_add(self.limits.interval_at(REPLIES.load(Ordering::Relaxed)))
            }
        });
    }

    /// Whether so few replies are forwarded that each delta may go its own way.
    pub(crate) fn is_quiet(&self) -> bool {
        self.limits.interval_at(REPLIES.load(Ordering::Relaxed)) == self.limits.interval
    }

    /// Whether so much is held that it must be forwarded now.
    pub(crate) fn is_full(&self) -> bool {
        self.text.len() >= self.limits.bytes
    }

    /// When the text must be forwarded; `None` while there is none. It may have passed.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// The text, which is forwarded now.
    pub(crate) fn take(&mut self, now: Instant) -> String {
        if !self.text.is_empty() {
            self.forwarded_at = Some(now);
        }
        self.deadline = None;
        std::mem::take(&mut self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_forwarded_after_a_pause_at_an_interval_and_when_it_is_long() {
        let mut buffer = DeltaBuffer::new(Coalesce {
            interval: Duration::from_millis(40),
            busy_interval: Duration::from_millis(40),
            bytes: 4,
        });
        let start = Instant::now();
        let after = |ms| start + Duration::from_millis(ms);
        assert_eq!(buffer.deadline(), None);
        buffer.append("a", start);
        assert_eq!(buffer.deadline(), Some(start), "it is the first");
        assert_eq!(buffer.take(start), "a");
        assert_eq!(buffer.deadline(), None);
        buffer.append("b", after(1));
        buffer.append("c", after(39));
        assert_eq!(buffer.deadline(), Some(after(40)));
        buffer.append("d", after(40));
        assert_eq!(buffer.take(after(40)), "bcd");
        buffer.append("e", after(85));
        assert_eq!(buffer.deadline(), Some(after(80)), "there was a pause");
        assert_eq!(buffer.take(after(85)), "e");
        buffer.append("f", after(86));
        assert!(!buffer.is_full());
        buffer.append("ghi", after(87));
        assert!(buffer.is_full());
        // Nothing to take is no forwarding.
        assert_eq!(buffer.take(after(87)), "fghi");
        assert_eq!(buffer.take(after(100)), "");
        buffer.append("j", after(121));
        assert_eq!(buffer.deadline(), Some(after(127)));
    }

    #[test]
    fn the_interval_grows_with_the_number_of_replies_and_has_two_ends() {
        let coalesce = Coalesce::default();
        let intervals = [0, 1, 100, 200, 300, usize::MAX].map(|it| coalesce.interval_at(it));
        let expected = [5_000, 5_000, 5_000, 27_500, 50_000, 50_000].map(Duration::from_micros);
        assert_eq!(intervals, expected);
        let endless = Coalesce {
            interval: Duration::MAX,
            ..coalesce
        };
        assert_eq!(endless.interval_at(usize::MAX), Duration::MAX);
    }

    #[test]
    fn a_reply_counts_until_its_buffer_is_dropped() {
        let others = || REPLIES.load(Ordering::Relaxed);
        let many: Vec<_> = (0..1_000)
            .map(|_| DeltaBuffer::new(Coalesce::default()))
            .collect();
        // Other tests have replies, too.
        assert!(others() >= 1_000);
        drop(many);
        assert!(others() < 1_000);
    }
}
