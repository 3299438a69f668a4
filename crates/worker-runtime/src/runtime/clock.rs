//! The clock for timestamps.

use std::sync::Arc;

use jiff::Timestamp;

use super::engine_future::catch_panic;

/// The time of day. A closure is a clock, too.
pub trait Clock: Send + Sync {
    /// The time now.
    fn now(&self) -> Timestamp;
}

impl<F: Fn() -> Timestamp + Send + Sync> Clock for F {
    fn now(&self) -> Timestamp {
        self()
    }
}

/// The operating system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// A clock that is read to the millisecond, which is what clients can represent.
#[derive(Clone)]
pub(super) struct MillisClock(Arc<dyn Clock>);

impl MillisClock {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self(clock)
    }

    /// The time now; the operating system's when the clock panics, because a run has to end
    /// whatever the clock does.
    pub(super) fn now(&self) -> Timestamp {
        let now = catch_panic(|| self.0.now()).unwrap_or_else(|_| SystemClock.now());
        Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
    }
}
