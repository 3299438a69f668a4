//! Joining small deltas of a reply, so that a fast model can't flood a worker's events.

use std::time::Duration;

use tokio::time::Instant;

/// When joined deltas are forwarded. Text that is still held back when a run is cancelled is
/// lost; when a run fails, it is forwarded first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Coalesce {
    /// Longest time that a delta waits for others (default: 40 ms): below what a reader
    /// notices, and at most 25 events a second.
    pub interval: Duration,
    /// Bytes that are held back at most (default: 2 KiB): about a screen of text.
    pub bytes: usize,
}

impl Default for Coalesce {
    fn default() -> Self {
        Self {
            interval: Duration::from_millis(40),
            bytes: 2 * 1024,
        }
    }
}

/// Text that waits to be forwarded.
#[derive(Debug)]
pub(crate) struct DeltaBuffer {
    limits: Coalesce,
    text: String,
    deadline: Option<Instant>,
}

impl DeltaBuffer {
    pub(crate) fn new(limits: Coalesce) -> Self {
        Self {
            limits,
            text: String::new(),
            deadline: None,
        }
    }

    /// Appends a delta, and returns whether the text must be forwarded now.
    pub(crate) fn append(&mut self, delta: &str, now: Instant) -> bool {
        self.text.push_str(delta);
        // With an interval too long to be represented, only the size counts.
        self.deadline = (self.deadline).or_else(|| now.checked_add(self.limits.interval));
        self.text.len() >= self.limits.bytes || self.deadline.is_some_and(|it| now >= it)
    }

    /// When the text must be forwarded; `None` while there is none.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    pub(crate) fn take(&mut self) -> String {
        self.deadline = None;
        std::mem::take(&mut self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_forwarded_when_it_is_long_or_old_enough() {
        let mut buffer = DeltaBuffer::new(Coalesce {
            interval: Duration::from_millis(40),
            bytes: 4,
        });
        let start = Instant::now();
        let after = |ms| start + Duration::from_millis(ms);
        assert_eq!(buffer.deadline(), None);
        assert!(!buffer.append("a", start));
        assert!(!buffer.append("b", after(39)));
        assert_eq!(buffer.deadline(), Some(after(40)));
        assert!(buffer.append("c", after(40)));
        assert_eq!(buffer.take(), "abc");
        assert_eq!(buffer.deadline(), None);
        // The interval starts again with the next delta.
        assert!(!buffer.append("d", after(50)));
        assert_eq!(buffer.deadline(), Some(after(90)));
        assert!(buffer.append("efg", after(51)));
    }
}
