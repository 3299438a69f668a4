//! Keeping the panics of the host's code, the engine and the clock, to themselves.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::core::RunEnd;
use crate::engine::{EngineErrorKind, Output, Turn, TurnEngine, Usage};
use crate::event::RunErrorCode;

/// An engine's future whose panics don't get out, whether it is created, polled or
/// dropped.
pub(super) struct Contained {
    future: Option<EngineFuture>,
}

type EngineFuture = Pin<Box<dyn Future<Output = Result<Usage, EngineErrorKind>> + Send>>;

/// What was contained panicked.
pub(super) struct Panicked;

impl Contained {
    pub(super) fn new(engine: Arc<dyn TurnEngine>, turn: Turn, output: Output) -> Self {
        // The block puts the call to the engine, and the drop of its error, into `poll`.
        let future = async move {
            let answer = engine.run(turn, output).await;
            answer.map_err(|error| error.kind())
        };
        Self {
            future: Some(Box::pin(future)),
        }
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<RunEnd> {
        let Some(future) = &mut self.future else {
            return Poll::Pending;
        };
        match contain(|| future.as_mut().poll(cx)) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(Ok(usage))) => Poll::Ready(RunEnd::Completed(usage)),
            Ok(Poll::Ready(Err(kind))) => Poll::Ready(RunEnd::Failed(RunErrorCode::Engine(kind))),
            Err(Panicked) => Poll::Ready(RunEnd::Failed(RunErrorCode::EnginePanicked)),
        }
    }

    /// Drops the future, and says how the run ended if it would otherwise have by `end`.
    pub(super) fn discard(mut self, end: RunEnd) -> RunEnd {
        match self.drop_future() {
            Ok(()) => end,
            Err(Panicked) => RunEnd::Failed(RunErrorCode::EnginePanicked),
        }
    }

    fn drop_future(&mut self) -> Result<(), Panicked> {
        let future = self.future.take();
        contain(|| drop(future))
    }
}

impl Drop for Contained {
    fn drop(&mut self) {
        // Reached with a future only when the whole task is dropped: nobody asks then
        // how the run ended.
        let _ = self.drop_future();
    }
}

/// Runs the host's code, and keeps its panics from getting out.
pub(super) fn contain<T>(section: impl FnOnce() -> T) -> Result<T, Panicked> {
    catch_unwind(AssertUnwindSafe(section)).map_err(|payload| {
        // The payload is the host's too, and its drop may panic in turn. What that
        // panic carries is leaked: there is nothing left to do with it that can't fail.
        if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            std::mem::forget(again);
        }
        Panicked
    })
}
