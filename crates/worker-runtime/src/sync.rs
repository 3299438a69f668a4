//! Locks, atomics, tasks, timers and notifications of the shell.
//!
//! The shell takes its primitives from here only, so that this crate's own tests can compile the
//! same source against a scheduler that tries out interleavings (feature `shuttle`).

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
    AtomicBool, AtomicUsize, Executor, Instant, Notify, after, cooperate, has_passed, now, sleep,
    until, yield_now,
};
pub(crate) use std::sync::atomic::Ordering;

/// The deadline passed before the future was ready.
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
