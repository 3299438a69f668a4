//! One run: a task that drives the engine, and ends the run whatever happens to it.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tracing::debug;

use super::contained::Contained;
use super::slot::{Launch, Slot};
use crate::core::RunEnd;
use crate::engine::{Hearer, Output, OutputClosed, Remark, TurnEngine};
use crate::event::RunErrorCode;
use crate::id::RunId;
use crate::sync;

/// A run that has not ended yet. Dropping it ends the run: there is no way to lose one.
pub(super) struct Unfinished {
    reply: Arc<Reply>,
    end: RunEnd,
}

/// The reply of a run, as its engine may write it.
struct Reply {
    slot: Arc<Slot>,
    run_id: RunId,
}

impl Unfinished {
    pub(super) fn new(slot: Arc<Slot>, run_id: RunId) -> Self {
        Self {
            reply: Arc::new(Reply { slot, run_id }),
            // What holds if the task is dropped, or panics, before it knows better.
            end: RunEnd::Failed(RunErrorCode::Interrupted),
        }
    }

    fn output(&self) -> Output {
        Output::to(self.reply.clone())
    }
}

impl Hearer for Reply {
    fn say(&self, texts: &[&str]) -> Result<(), OutputClosed> {
        let now = self.slot.now();
        self.slot
            .apply(|worker| worker.extend(self.run_id, texts, now))
    }

    fn remark(&self, remark: Remark) {
        self.slot.apply(|worker| worker.remark(self.run_id, remark));
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        let Reply { slot, run_id } = &*self.reply;
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
/// next: `run` is the first parameter, and so the last to go.
pub(super) async fn drive(
    mut run: Unfinished,
    engine: Arc<dyn TurnEngine>,
    launch: Launch,
    run_time: Duration,
) {
    let mut engine = Contained::new(engine, launch.turn, run.output());
    let mut signal = pin!(launch.signal.notified());
    let mut deadline = pin!(sync::sleep(run_time));
    // The timer is set when it is first polled. A run that never waits needs none.
    let mut waits = false;
    let end = poll_fn(|cx| {
        // The engine comes last: one that is always ready, or uses up the task's share of
        // the executor, can't keep its run from being ended.
        if signal.as_mut().poll(cx).is_ready() {
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
