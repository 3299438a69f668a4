//! Catching the panics of the host's code: of the engine and of the clock.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::core::RunEnd;
use crate::engine::{Output, Turn, TurnEngine};
use crate::run::{RunError, RunErrorCode};

/// An engine's future whose panics are caught, whether it is created, polled or dropped.
pub(super) struct EngineFuture {
    future: Option<Pin<Box<dyn Future<Output = EngineResult> + Send>>>,
}

type EngineResult = Result<(), RunError>;

/// The host's code panicked.
pub(super) struct Panicked;

impl EngineFuture {
    pub(super) fn new(engine: Arc<dyn TurnEngine>, turn: Turn, output: Output) -> Self {
        // The block puts the call to the engine, and the drop of its error, into `poll`.
        let future = async move {
            let result = engine.run(turn, output).await;
            result.map_err(|error| RunError {
                code: RunErrorCode::Engine(error.kind()),
                detail: error.detail(),
                retry_after: error.retry_after(),
            })
        };
        Self {
            future: Some(Box::pin(future)),
        }
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<RunEnd> {
        let Some(future) = &mut self.future else {
            return Poll::Pending;
        };
        match catch_panic(|| future.as_mut().poll(cx)) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(Ok(()))) => Poll::Ready(RunEnd::Completed),
            Ok(Poll::Ready(Err(error))) => Poll::Ready(RunEnd::Failed(error)),
            Err(Panicked) => Poll::Ready(RunEnd::Failed(RunErrorCode::EnginePanicked.into())),
        }
    }

    /// Drops the engine's future. Returns `end`, or a failure when the drop panics.
    pub(super) fn discard(mut self, end: RunEnd) -> RunEnd {
        match self.drop_future() {
            Ok(()) => end,
            Err(Panicked) => RunEnd::Failed(RunErrorCode::EnginePanicked.into()),
        }
    }

    fn drop_future(&mut self) -> Result<(), Panicked> {
        let future = self.future.take();
        catch_panic(|| drop(future))
    }
}

impl Drop for EngineFuture {
    fn drop(&mut self) {
        // There is a future left only when the whole task is dropped, and the run ends as
        // interrupted then.
        let _ = self.drop_future();
    }
}

/// Runs the host's code and catches its panics.
pub(super) fn catch_panic<T>(section: impl FnOnce() -> T) -> Result<T, Panicked> {
    catch_unwind(AssertUnwindSafe(section)).map_err(|payload| {
        // The payload is the host's too, and its drop may panic in turn. What that
        // panic carries is leaked: there is nothing left to do with it that can't fail.
        if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            std::mem::forget(again);
        }
        Panicked
    })
}
