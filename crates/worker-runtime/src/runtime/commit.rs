//! Committing a change and then applying it, whatever becomes of the caller.

use std::sync::Arc;

use super::storage::Storage;
use crate::error::StoreUnavailable;
use crate::store::Change;
use crate::sync::{Executor, Mutex, Notify};

/// What a commit came to.
pub(super) type Committed = Result<(), StoreUnavailable>;

/// Commits `changes`, calls `apply` with what that came to, and returns its result.
///
/// # Cancellation
/// Both happen in a task of their own, so that a caller that goes away leaves nothing half done.
/// If the executor drops that task, `apply` learns of a failure.
pub(super) async fn commit_and_apply<R, F>(
    executor: &Executor,
    storage: &Arc<Storage>,
    changes: Vec<Change>,
    apply: F,
) -> R
where
    R: Send + 'static,
    F: FnOnce(Committed) -> R + Send + 'static,
{
    let applied = Arc::new(Applied {
        result: Mutex::new(None),
        done: Notify::new(),
    });
    let task = Task {
        apply: Some(apply),
        applied: Arc::clone(&applied),
    };
    let (spawner, storage) = (executor.clone(), Arc::clone(storage));
    executor.spawn(async move {
        let mut task = task;
        let committed = storage.commit(&spawner, changes).await;
        task.end(committed);
    });
    loop {
        let done = applied.done.notified();
        if let Some(result) = applied.result.with(Option::take) {
            return result;
        }
        done.await;
    }
}

/// Where the task leaves the result.
struct Applied<R> {
    result: Mutex<Option<R>>,
    done: Notify,
}

struct Task<R, F: FnOnce(Committed) -> R> {
    apply: Option<F>,
    applied: Arc<Applied<R>>,
}

impl<R, F: FnOnce(Committed) -> R> Task<R, F> {
    fn end(&mut self, committed: Committed) {
        if let Some(apply) = self.apply.take() {
            let result = apply(committed);
            self.applied.result.with(|place| *place = Some(result));
            self.applied.done.notify_one();
        }
    }
}

impl<R, F: FnOnce(Committed) -> R> Drop for Task<R, F> {
    fn drop(&mut self) {
        self.end(Err(StoreUnavailable::FAILED));
    }
}
