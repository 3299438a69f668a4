//! The one door to locks, atomics, tasks, timers and wake-ups.
//!
//! The shell takes its primitives from here and nowhere else, so that the same source
//! can be compiled against a scheduler that tries out interleavings: `scheduled` stands in
//! for `native` in this crate's own tests under feature `shuttle`, and nowhere else, whoever turns
//! the feature on.

use std::sync::PoisonError;

#[cfg(not(all(test, feature = "shuttle")))]
mod native;
#[cfg(all(test, feature = "shuttle"))]
mod scheduled;

#[cfg(not(all(test, feature = "shuttle")))]
use native as primitives;
#[cfg(all(test, feature = "shuttle"))]
use scheduled as primitives;

pub(crate) use primitives::{
    AtomicBool, AtomicUsize, Executor, Instant, Notify, after, cooperate, sleep, until,
};
pub(crate) use std::sync::atomic::Ordering;

/// A moment that has passed before a future was ready.
#[derive(Debug)]
pub(crate) struct Elapsed;

/// A lock that is held for the length of one synchronous closure.
///
/// There is no guard to carry across an `.await`. A closure that panics doesn't poison
/// it: what it guards is only changed by steps that check first and then commit.
#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(primitives::RawMutex<T>);

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(primitives::RawMutex::new(value))
    }

    pub(crate) fn with<R>(&self, section: impl FnOnce(&mut T) -> R) -> R {
        section(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A lock that readers share, and otherwise like [`Mutex`].
///
/// A section must not enter the same lock again, not even to read: a writer that waits may be
/// let in first, and then all wait for ever.
#[derive(Debug, Default)]
pub(crate) struct RwLock<T>(primitives::RawRwLock<T>);

impl<T> RwLock<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(primitives::RawRwLock::new(value))
    }

    pub(crate) fn read<R>(&self, section: impl FnOnce(&T) -> R) -> R {
        section(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn write<R>(&self, section: impl FnOnce(&mut T) -> R) -> R {
        section(&mut self.0.write().unwrap_or_else(PoisonError::into_inner))
    }
}
