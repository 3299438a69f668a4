//! Has a change carried out to its end though its client goes away: what it came to then stands in its
//! audit event, and not only that it was asked for.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::runtime::Handle;
use tokio::sync::Semaphore;

/// Changes at once whose clients have gone away. One beyond them is dropped, and its audit event says
/// `abandoned`. Each ends within the deadline of its operation.
const DETACHED_MAX: usize = 1_024;
static DETACHED: Semaphore = Semaphore::const_new(DETACHED_MAX);

/// Runs `future`, in a task of its own once this is dropped before its end. As long as the client is
/// there, a task would cost two more wake-ups of threads.
pub(super) fn run_to_completion<F>(future: F) -> RunToCompletion<F>
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    RunToCompletion {
        future: Some(Box::pin(future)),
        detached: &DETACHED,
    }
}

/// See [`run_to_completion`].
pub(super) struct RunToCompletion<F>
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    /// None once it has ended.
    future: Option<Pin<Box<F>>>,
    detached: &'static Semaphore,
}

impl<F> Future for RunToCompletion<F>
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        // Taken out, so that a future that panics is not gone on with.
        let mut future = self.future.take().expect("not polled once it has ended");
        let polled = future.as_mut().poll(cx);
        if polled.is_pending() {
            self.future = Some(future);
        }
        polled
    }
}

impl<F> Drop for RunToCompletion<F>
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    fn drop(&mut self) {
        let Some(future) = self.future.take() else {
            return;
        };
        if let (Ok(executor), Ok(permit)) = (Handle::try_current(), self.detached.try_acquire()) {
            executor.spawn(async move {
                future.await;
                drop(permit);
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures_util::FutureExt as _;
    use tokio::sync::{Notify, oneshot};

    use super::*;

    /// A future that ends when it is notified, and says whether it ended or was dropped.
    fn waiting(detached: &'static Semaphore) -> (impl Future, Arc<Notify>, oneshot::Receiver<()>) {
        let (end, (ended, is_ended)) = (Arc::new(Notify::new()), oneshot::channel());
        let ending = Arc::clone(&end);
        let future = async move {
            ending.notified().await;
            ended.send(()).unwrap();
        };
        let future = RunToCompletion {
            future: Some(Box::pin(future)),
            detached,
        };
        (future, end, is_ended)
    }

    #[tokio::test]
    async fn it_goes_on_without_the_client_as_often_as_allowed() {
        static ONE: Semaphore = Semaphore::const_new(1);
        let (first, end_first, first_ended) = waiting(&ONE);
        assert!(first.now_or_never().is_none());
        let (second, _, second_ended) = waiting(&ONE);
        assert!(second.now_or_never().is_none());
        second_ended.await.unwrap_err();
        end_first.notify_one();
        first_ended.await.unwrap();
        let (third, end_third, third_ended) = waiting(&ONE);
        // The permit is released right after the end.
        drop(ONE.acquire().await.unwrap());
        assert!(third.now_or_never().is_none());
        end_third.notify_one();
        third_ended.await.unwrap();
    }

    #[tokio::test]
    async fn it_ends_where_it_began_while_the_client_is_there() {
        static NONE: Semaphore = Semaphore::const_new(0);
        let (future, end, ended) = waiting(&NONE);
        end.notify_one();
        future.await;
        ended.await.unwrap();
    }
}
