//! The order of requests: every sending and every answer has a number.

use std::sync::atomic::{AtomicU64, Ordering};

/// A moment. One that was taken after another one is greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment(u64);

impl Moment {
    /// After every other moment.
    pub(super) const NEVER: Self = Self(u64::MAX);
}

#[derive(Debug, Default)]
pub(super) struct Clock(AtomicU64);

impl Clock {
    pub(super) fn now(&self) -> Moment {
        Moment(self.0.fetch_add(1, Ordering::SeqCst))
    }
}

/// From before a request was sent until after it was answered, or the server was gone. What it
/// did or saw was at one instant in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) begun: Moment,
    pub(super) ended: Moment,
}

impl Span {
    /// A request that has not been answered yet.
    pub(super) fn open(begun: Moment) -> Self {
        let ended = Moment::NEVER;
        Self { begun, ended }
    }

    /// Whether this one was over before the other one began.
    pub(super) fn precedes(self, other: Self) -> bool {
        self.ended < other.begun
    }
}

#[cfg(test)]
impl Span {
    /// The span between two numbers.
    pub(super) fn between(begun: u64, ended: u64) -> Self {
        Self {
            begun: Moment(begun),
            ended: Moment(ended),
        }
    }
}
