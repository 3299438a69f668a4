//! The primitives of `std` and tokio, for every build but the tests under `shuttle`.

use std::future::Future;
use std::time::Duration;

use super::Elapsed;

pub(crate) use std::sync::Mutex as RawMutex;
pub(crate) use std::sync::atomic::{AtomicBool, AtomicUsize};
pub(crate) use tokio::sync::Notify;
pub(crate) use tokio::time::Instant;

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

/// Lets the tasks that are ready run first.
pub(crate) async fn yield_now() {
    tokio::task::yield_now().await;
}

/// Yields once the task has used up its cooperative budget.
pub(crate) async fn cooperate() {
    tokio::task::consume_budget().await;
}

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

/// The present moment.
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Whether `duration` has passed since then.
pub(crate) fn has_passed(since: Instant, duration: Duration) -> bool {
    since.elapsed() >= duration
}

/// The moment `duration` from now; none when it is too far to be represented.
pub(crate) fn after(duration: Duration) -> Option<Instant> {
    Instant::now().checked_add(duration)
}
