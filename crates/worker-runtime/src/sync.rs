//! The one door to locks, atomics, tasks, timers and wake-ups.
//!
//! The shell takes its primitives from here and nowhere else, so that the same source
//! can be compiled against a scheduler that tries out interleavings.

use std::future::Future;
use std::sync::PoisonError;
use std::time::Duration;

pub(crate) use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
pub(crate) use tokio::sync::Notify;
pub(crate) use tokio::time::Instant;

/// A lock that is held for the length of one synchronous closure.
///
/// There is no guard to carry across an `.await`. A closure that panics doesn't poison
/// it: what it guards is only changed by steps that check first and then commit.
#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(std::sync::Mutex<T>);

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(std::sync::Mutex::new(value))
    }

    pub(crate) fn with<R>(&self, section: impl FnOnce(&mut T) -> R) -> R {
        section(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Where tasks are started.
#[derive(Debug, Clone)]
pub(crate) struct Executor(tokio::runtime::Handle);

impl Executor {
    /// The executor of the calling task.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub(crate) fn current() -> Self {
        Self(tokio::runtime::Handle::current())
    }

    /// Starts a task. An executor that is shutting down drops it at once instead.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        drop(self.0.spawn(task));
    }
}

pub(crate) async fn sleep(duration: Duration) {
    tokio::time::sleep(duration).await;
}

pub(crate) async fn yield_now() {
    tokio::task::yield_now().await;
}

/// Yields once the task has used up its share of the executor.
pub(crate) async fn cooperate() {
    tokio::task::consume_budget().await;
}

/// A moment that has passed before `future` was ready.
#[derive(Debug)]
pub(crate) struct Elapsed;

/// Waits for `future` until `deadline`; without one, as long as it takes.
pub(crate) async fn until<F: Future>(
    deadline: Option<Instant>,
    future: F,
) -> Result<F::Output, Elapsed> {
    match deadline {
        Some(at) => tokio::time::timeout_at(at, future)
            .await
            .map_err(|_| Elapsed),
        None => Ok(future.await),
    }
}

/// The moment `duration` from now; none when it is too far to be told.
pub(crate) fn after(duration: Duration) -> Option<Instant> {
    Instant::now().checked_add(duration)
}
