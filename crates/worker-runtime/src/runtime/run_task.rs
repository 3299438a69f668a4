//! The task of one run: it drives the engine, and ends the run whatever happens to it.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use jiff::Timestamp;
use tracing::debug;

use super::Inner;
use super::capacity::Capacity;
use super::commit::Committed;
use super::drafts::Drafts;
use super::engine_future::EngineFuture;
use super::slot::{AddStep, Attempt, EndStep, RunStart, Slot};
use super::storage::Storage;
use crate::core::{Addition, RunEnd};
use crate::engine::{Output, OutputClosed, OutputSink, TurnEngine};
use crate::error::StoreUnavailable;
use crate::id::RunId;
use crate::run::Report;
use crate::store::{Change, FinishedRun};
use crate::sync::{self, Executor};

/// How long to wait before each further attempt to store the end of a run. The worker stays
/// `running` meanwhile: about eight seconds, longer than a disk hangs for a moment.
const END_RETRIES: [Duration; 5] = [
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
];
/// How long to wait before each attempt to store the end of a run that has ended in memory.
const UNSAVED_RETRY: Duration = Duration::from_secs(5);

/// Where a run is stored, and who works on that.
#[derive(Clone)]
pub(super) struct RunStorage {
    pub(super) storage: Arc<Storage>,
    pub(super) executor: Executor,
}

/// A run that has not ended yet. Dropping the guard ends the run, so none can be lost.
pub(super) struct RunGuard {
    output: Arc<RunOutput>,
    ended: bool,
    /// Its end, while that is being stored.
    decided: Option<Box<FinishedRun>>,
    /// When the worker was reserved for a stop that came while the end was being stored.
    stopping: Option<Timestamp>,
}

/// Writes the output of a run to its worker.
struct RunOutput {
    slot: Arc<Slot>,
    run_id: RunId,
    /// Makes room where bytes are short, as long as the runtime is there.
    inner: Weak<Inner>,
}

impl RunGuard {
    pub(super) fn new(slot: Arc<Slot>, run_id: RunId, inner: Weak<Inner>) -> Self {
        let output = RunOutput {
            slot,
            run_id,
            inner,
        };
        Self {
            output: Arc::new(output),
            ended: false,
            decided: None,
            stopping: None,
        }
    }

    fn output(&self) -> Output {
        Output::from_sink(self.output.clone())
    }

    /// Ends a run that no store keeps.
    fn end(mut self, end: RunEnd) {
        let RunOutput { slot, run_id, .. } = &*self.output;
        self.ended = match slot.begin_end(*run_id, end, slot.now()) {
            EndStep::Ended => true,
            // Only a store makes an end wait. Dropping the guard ends the run all the same.
            EndStep::Commit(..) | EndStep::Wait => false,
        };
    }

    /// Ends a run that a store keeps, and returns its slot if the store still lacks the end.
    async fn end_stored(
        mut self,
        end: RunEnd,
        RunStorage { storage, executor }: &RunStorage,
    ) -> Option<Arc<Slot>> {
        let RunOutput { slot, run_id, .. } = &*self.output;
        let (slot, run_id) = (Arc::clone(slot), *run_id);
        let (mut finished, changes) = loop {
            let changed = slot.changed();
            match slot.begin_end(run_id, end, slot.now()) {
                EndStep::Ended => {
                    self.ended = true;
                    return None;
                }
                EndStep::Commit(finished, changes) => break (finished, changes),
                EndStep::Wait => changed.await,
            }
        };
        self.decided = Some(finished.clone());
        let again = || slot.end_changes(&mut finished);
        let committed = commit(storage, executor, changes, again).await;
        self.ended = true;
        if committed.is_err() {
            slot.apply_end_unsaved(*finished);
            return Some(slot);
        }
        let now = slot.now();
        if let Some(stop) = slot.apply_end(*finished, now) {
            self.stopping = Some(now);
            let again = || stop.clone();
            let committed = commit(storage, executor, stop.clone(), again).await;
            self.stopping = None;
            return slot.apply_late_stop(committed, now).then_some(slot);
        }
        None
    }
}

/// Commits changes, and what `again` gives in each attempt after that.
async fn commit(
    storage: &Arc<Storage>,
    executor: &Executor,
    mut changes: Vec<Change>,
    mut again: impl FnMut() -> Vec<Change>,
) -> Committed {
    let mut delays = END_RETRIES.iter();
    loop {
        let committed = storage.commit(executor, changes).await;
        let delay = delays.next().filter(|_| !storage.is_closed());
        match delay {
            Some(delay) if committed.is_err() => sync::sleep(*delay).await,
            _ => return committed,
        }
        changes = again();
    }
}

impl RunOutput {
    /// Adds to the run. If bytes are short, others make room, or the run begins to end.
    fn add(&self, addition: Addition<'_>) -> Result<(), OutputClosed> {
        let now = self.slot.now();
        loop {
            match self.slot.add(self.run_id, addition, now) {
                AddStep::Done(added) => return added,
                AddStep::LacksBytes(bytes) => {
                    if !self.make_room(bytes) {
                        self.slot
                            .apply(|worker| worker.exhaust_capacity(self.run_id));
                        return Err(OutputClosed);
                    }
                }
            }
        }
    }

    fn make_room(&self, bytes: usize) -> bool {
        let inner = self.inner.upgrade();
        inner.is_some_and(|inner| inner.make_room(Capacity::bytes(bytes)).is_ok())
    }
}

impl OutputSink for RunOutput {
    fn write(&self, text: &str) -> Result<(), OutputClosed> {
        self.add(Addition::Output(text))
    }

    fn has_readers(&self) -> bool {
        self.slot.has_readers()
    }

    fn write_reasoning(&self, text: &str) -> Result<(), OutputClosed> {
        self.add(Addition::Reasoning(text))
    }

    fn report(&self, report: Report) {
        // An engine learns from its next text that the run takes nothing more.
        let _ = self.add(Addition::Report(report));
    }
}

impl Drop for RunGuard {
    fn drop(&mut self) {
        let RunOutput { slot, run_id, .. } = &*self.output;
        if !self.ended {
            let decided = self.decided.take().map(|decided| *decided);
            slot.interrupt(*run_id, decided, slot.now());
        }
        if let Some(now) = self.stopping {
            slot.apply_late_stop(Err(StoreUnavailable::FAILED), now);
        }
        debug!(worker_id = %slot.id(), %run_id, "run finished");
    }
}

/// Drives a run to its end, once there is a place for it.
///
/// # Cancellation
/// When this future is dropped, the engine's future is dropped first and the run ended
/// next: `run` is the first parameter, and so the last to be dropped.
pub(super) async fn drive(
    run: RunGuard,
    engine: Arc<dyn TurnEngine>,
    start: RunStart,
    run_time: Duration,
    storage: Option<RunStorage>,
) {
    let mut cancelled = pin!(start.cancel_signal.notified());
    if let Some(ticket) = start.queued {
        let mut placed = pin!(ticket.wait_for_place());
        let has_place = poll_fn(|cx| {
            if cancelled.as_mut().poll(cx).is_ready() {
                return Poll::Ready(false);
            }
            placed.as_mut().poll(cx).map(|()| true)
        });
        if !has_place.await {
            return finish(run, RunEnd::Cancelled, storage).await;
        }
        let RunOutput { slot, run_id, .. } = &*run.output;
        slot.apply(|worker| worker.start_queued(*run_id));
    }
    let mut engine = EngineFuture::new(engine, start.turn, run.output());
    let mut deadline = pin!(sync::sleep(run_time));
    let RunOutput { slot, run_id, .. } = &*run.output;
    let mut drafts = storage
        .as_ref()
        .map(|storage| Drafts::new(slot, *run_id, storage));
    // The timers are set when they are first polled. A run that never waits needs none.
    let mut waits = false;
    let end = poll_fn(|cx| {
        // The engine is polled last: one that is always ready, or uses up the task's budget,
        // can't keep its run from being ended.
        if cancelled.as_mut().poll(cx).is_ready() {
            return Poll::Ready(RunEnd::Cancelled);
        }
        let mut poll_timers = |cx: &mut Context<'_>| {
            if let Some(drafts) = &mut drafts {
                drafts.poll(cx);
            }
            deadline.as_mut().poll(cx).map(|()| RunEnd::TimedOut)
        };
        if waits && let Poll::Ready(end) = poll_timers(cx) {
            return Poll::Ready(end);
        }
        let end = engine.poll(cx);
        if !waits && end.is_pending() {
            waits = true;
            return poll_timers(cx);
        }
        end
    });
    let end = end.await;
    let end = engine.discard(end);
    if let Some(drafts) = drafts {
        Box::pin(drafts.finish()).await;
    }
    finish(run, end, storage).await;
}

/// Ends a run, and sees to it that the store, if there is one, gets its end.
async fn finish(run: RunGuard, end: RunEnd, storage: Option<RunStorage>) {
    match storage {
        None => run.end(end),
        // Boxed, so that runs that no store keeps are small.
        Some(storage) => Box::pin(finish_stored(run, end, storage)).await,
    }
}

async fn finish_stored(run: RunGuard, end: RunEnd, storage: RunStorage) {
    if let Some(slot) = run.end_stored(end, &storage).await {
        save_later(&slot, &storage).await;
    }
}

/// Tries to store what the store lacks of the end of a run until it has that, or the runtime ends.
async fn save_later(slot: &Slot, RunStorage { storage, executor }: &RunStorage) {
    while !storage.is_closed() {
        sync::sleep(UNSAVED_RETRY).await;
        match slot.begin_unsaved() {
            None => return,
            Some(Attempt::Done(changes)) => {
                let committed = storage.commit(executor, changes).await;
                // Nothing changes in memory, which has it.
                let _ = slot.apply_change(committed, |_| ());
            }
            Some(Attempt::Wait) => {}
        }
    }
}
