//! Gathering small pieces of a reply, so that a fast model can't flood a worker's events.

use std::time::Duration;

use tokio::time::Instant;

/// The longest that a piece waits for others: below what a reader notices, and at most
/// 25 events a second.
pub const INTERVAL: Duration = Duration::from_millis(40);
/// Bytes gathered at most before they are passed on: about a screen of text.
pub const BYTES: usize = 2 * 1024;

/// When gathered pieces of a reply are passed on. What waits when a run is cancelled is
/// lost; when it fails, it is passed on first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Coalesce {
    /// See [`INTERVAL`].
    pub interval: Duration,
    /// See [`BYTES`].
    pub bytes: usize,
}

impl Default for Coalesce {
    fn default() -> Self {
        Self {
            interval: INTERVAL,
            bytes: BYTES,
        }
    }
}

/// Text that waits to be passed on.
#[derive(Debug)]
pub(crate) struct Gathered {
    rule: Coalesce,
    text: String,
    due: Option<Instant>,
}

impl Gathered {
    pub(crate) fn new(rule: Coalesce) -> Self {
        Self {
            rule,
            text: String::new(),
            due: None,
        }
    }

    /// Adds a piece; says whether it is time to pass the text on.
    pub(crate) fn add(&mut self, piece: &str, now: Instant) -> bool {
        self.text.push_str(piece);
        // An interval that is too long to be told leaves it to the bytes.
        self.due = self.due.or_else(|| now.checked_add(self.rule.interval));
        self.text.len() >= self.rule.bytes || self.due.is_some_and(|due| now >= due)
    }

    /// When the text is to be passed on; none while there is none.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.due
    }

    pub(crate) fn take(&mut self) -> String {
        self.due = None;
        std::mem::take(&mut self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_due_when_it_is_long_or_old_enough() {
        let rule = Coalesce {
            interval: Duration::from_millis(40),
            bytes: 4,
        };
        let mut gathered = Gathered::new(rule);
        let start = Instant::now();
        let after = |ms| start + Duration::from_millis(ms);
        assert_eq!(gathered.due(), None);
        assert!(!gathered.add("a", start));
        assert!(!gathered.add("b", after(39)));
        assert_eq!(gathered.due(), Some(after(40)));
        assert!(gathered.add("c", after(40)));
        assert_eq!(gathered.take(), "abc");
        assert_eq!(gathered.due(), None);
        // The interval begins anew with the next piece.
        assert!(!gathered.add("d", after(50)));
        assert_eq!(gathered.due(), Some(after(90)));
        assert!(gathered.add("efg", after(51)));
    }
}
