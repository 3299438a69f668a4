//! The task of one run: it drives the engine, and ends the run whatever happens to it.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tracing::debug;

use super::engine_future::EngineFuture;
use super::slot::{RunStart, Slot};
use crate::core::RunEnd;
use crate::engine::{Output, OutputClosed, OutputSink, TurnEngine};
use crate::id::RunId;
use crate::run::{Report, RunErrorCode};
use crate::sync;

/// A run that has not ended yet. Dropping the guard ends the run, so none can be lost.
pub(super) struct RunGuard {
    output: Arc<RunOutput>,
    end: RunEnd,
}

/// Writes the output of a run to its worker.
struct RunOutput {
    slot: Arc<Slot>,
    run_id: RunId,
}

impl RunGuard {
    pub(super) fn new(slot: Arc<Slot>, run_id: RunId) -> Self {
        Self {
            output: Arc::new(RunOutput { slot, run_id }),
            // Applies if the task is dropped, or panics, before the run's end is known.
            end: RunEnd::Failed(RunErrorCode::Interrupted.into()),
        }
    }

    fn output(&self) -> Output {
        Output::from_sink(self.output.clone())
    }
}

impl OutputSink for RunOutput {
    fn write(&self, text: &str) -> Result<(), OutputClosed> {
        let now = self.slot.now();
        self.slot
            .apply(|worker| worker.append_output(self.run_id, text, now))
    }

    fn has_readers(&self) -> bool {
        self.slot.has_readers()
    }

    fn write_reasoning(&self, text: &str) -> Result<(), OutputClosed> {
        let now = self.slot.now();
        self.slot
            .apply(|worker| worker.append_reasoning(self.run_id, text, now))
    }

    fn report(&self, report: Report) {
        let now = self.slot.now();
        self.slot
            .apply(|worker| worker.report(self.run_id, report, now));
    }
}

impl Drop for RunGuard {
    fn drop(&mut self) {
        let RunOutput { slot, run_id } = &*self.output;
        let now = slot.now();
        let outcome = slot.apply(|worker| worker.finish(*run_id, self.end, now));
        if let Some(outcome) = outcome {
            debug!(worker_id = %slot.id(), %run_id, %outcome, "run finished");
        }
    }
}

/// Drives a run to its end.
///
/// # Cancellation
/// When this future is dropped, the engine's future is dropped first and the run ended
/// next: `run` is the first parameter, and so the last to be dropped.
pub(super) async fn drive(
    mut run: RunGuard,
    engine: Arc<dyn TurnEngine>,
    start: RunStart,
    run_time: Duration,
) {
    let mut engine = EngineFuture::new(engine, start.turn, run.output());
    let mut cancelled = pin!(start.cancel_signal.notified());
    let mut deadline = pin!(sync::sleep(run_time));
    // The timer is set when it is first polled. A run that never waits needs none.
    let mut waits = false;
    let end = poll_fn(|cx| {
        // The engine is polled last: one that is always ready, or uses up the task's budget,
        // can't keep its run from being ended.
        if cancelled.as_mut().poll(cx).is_ready() {
            return Poll::Ready(RunEnd::Cancelled);
        }
        if waits && deadline.as_mut().poll(cx).is_ready() {
            return Poll::Ready(RunEnd::TimedOut);
        }
        let end = engine.poll(cx);
        if !waits && end.is_pending() {
            waits = true;
            return deadline.as_mut().poll(cx).map(|()| RunEnd::TimedOut);
        }
        end
    });
    let end = end.await;
    run.end = engine.discard(end);
}
