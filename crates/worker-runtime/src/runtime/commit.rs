//! Committing a change and then applying it, whatever becomes of the caller.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::storage::Storage;
use crate::error::StoreUnavailable;
use crate::store::Change;
use crate::sync::Executor;

/// What a commit came to.
pub(super) type Committed = Result<(), StoreUnavailable>;

/// Commits `changes`, calls `apply` with what that came to, and returns its result.
///
/// # Cancellation
/// Both happen all the same when the caller goes away, so that nothing is left half done. If the
/// executor ends meanwhile, `apply` learns of a failure.
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
    let apply = Apply(Some(apply));
    let (spawner, storage) = (executor.clone(), Arc::clone(storage));
    let work = async move {
        let committed = storage.commit(&spawner, changes).await;
        apply.call(committed)
    };
    Completed {
        executor: executor.clone(),
        work: Some(Box::pin(work)),
    }
    .await
}

/// Work that the caller does, and a task of its own if the caller goes away. As long as somebody
/// waits, a task would cost two more wake-ups of threads.
struct Completed<R: Send + 'static> {
    executor: Executor,
    /// None once it is done.
    work: Option<Pin<Box<dyn Future<Output = R> + Send>>>,
}

impl<R: Send + 'static> Future for Completed<R> {
    type Output = R;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<R> {
        // Taken out, so that work that panics is not gone on with.
        let mut work = self.work.take().expect("not polled once it is done");
        let polled = work.as_mut().poll(cx);
        if polled.is_pending() {
            self.work = Some(work);
        }
        polled
    }
}

impl<R: Send + 'static> Drop for Completed<R> {
    fn drop(&mut self) {
        if let Some(work) = self.work.take() {
            self.executor.spawn(async { drop(work.await) });
        }
    }
}

/// Is called in any case: with a failure if the work is dropped before it is done.
struct Apply<R, F: FnOnce(Committed) -> R>(Option<F>);

impl<R, F: FnOnce(Committed) -> R> Apply<R, F> {
    fn call(mut self, committed: Committed) -> R {
        let apply = self.0.take().expect("called once");
        apply(committed)
    }
}

impl<R, F: FnOnce(Committed) -> R> Drop for Apply<R, F> {
    fn drop(&mut self) {
        if let Some(apply) = self.0.take() {
            apply(Err(StoreUnavailable::FAILED));
        }
    }
}
