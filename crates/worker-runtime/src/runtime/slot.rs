//! One worker behind its lock, with everything that has to change together with it.

use std::sync::Arc;

use jiff::Timestamp;

use super::clock::MillisClock;
use super::pollers::Poller;
use super::run_queue::RunPlace;
use super::totals::Totals;
use super::usage_counter::Reservation;
use crate::core::{CancelStep, EndReason, Worker, WorkerMetadata, WorkerSnapshot};
use crate::error::{CancelError, CapacityExhausted, StillEnding, StoreUnavailable, UnknownWorker};
use crate::fingerprint::Fingerprint;
use crate::id::{IdempotencyKey, RunId, WorkerId};
use crate::profile::Profile;
use crate::run::RunErrorCode;
use crate::status::WorkerState;
use crate::store::Change;
use crate::sync::{self, AtomicBool, Instant, Mutex, Notify, Ordering};

mod change;
mod input;
mod output;
mod run_end;

pub(super) use change::{DeleteStep, StopAttempt};
use input::PendingInput;
pub(super) use input::{InputStep, RunStart};
pub(super) use output::AddStep;
pub(super) use run_end::EndStep;

/// A worker, and the notifications about its changes.
///
/// [`apply`](Self::apply) and the steps of the modules below are the only ways to change the
/// worker: number, append, count and notify happen in one section there.
///
/// With a store, a change has three steps. One section decides about it and reserves the worker
/// for it; it is committed to the store outside of the lock; another section applies it. At most
/// one change of a worker is being committed at any time.
pub(super) struct Slot {
    metadata: Arc<WorkerMetadata>,
    profile: Profile,
    persistence: Persistence,
    guarded: Mutex<Guarded>,
    changed: Notify,
    totals: Arc<Totals>,
    clock: MillisClock,
    /// Set at each use, and cleared when the slot is considered for eviction.
    used: AtomicBool,
}

/// Where the worker is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Persistence {
    /// In memory alone: changes are applied at once.
    Memory,
    /// In a store, too: changes are committed there first.
    Store,
}

impl Persistence {
    /// Why runs end with the runtime.
    pub(super) fn end_of_runtime(self) -> EndReason {
        match self {
            Self::Memory => EndReason::Cancelled,
            Self::Store => EndReason::Interrupted,
        }
    }
}

/// What the lock guards.
struct Guarded {
    worker: Worker,
    /// The worker's bytes; while it runs, those that it holds and that the end of the run adds, in
    /// whole steps.
    bytes: Reservation,
    run: Option<RunReservation>,
    /// The change that is being committed.
    commit: Option<PendingCommit>,
    /// The end of a run, or a stop that came late, that the store didn't accept. The next commit begins
    /// with it.
    unsaved: Option<Change>,
    /// The worker was deleted or forgotten, and takes part in nothing any more.
    removed: bool,
}

/// What an active run holds, also while it is queued. It is released in the section that ends the
/// run, so that a caller that sees the end can start another.
struct RunReservation {
    place: RunPlace,
    /// The most bytes that the worker can come to count meanwhile.
    max_bytes: usize,
    cancel_signal: Arc<Notify>,
}

/// A change that is being committed.
enum PendingCommit {
    Input(PendingInput),
    Other,
}

/// A step that can't be taken while another change of the worker is being committed.
pub(super) enum Attempt<T> {
    Done(T),
    /// Try again after the next [change](Slot::changed).
    Wait,
}

/// What the slots of one runtime share.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) totals: Arc<Totals>,
    pub(super) clock: MillisClock,
    pub(super) persistence: Persistence,
}

impl Slot {
    /// A slot of `worker`, which needs these bytes. It isn't counted by its state yet.
    pub(super) fn new(
        metadata: Arc<WorkerMetadata>,
        worker: Worker,
        profile: Profile,
        shared: &Shared,
        bytes: Reservation,
    ) -> Self {
        Self {
            metadata,
            profile,
            persistence: shared.persistence,
            guarded: Mutex::new(Guarded {
                worker,
                bytes,
                run: None,
                commit: None,
                unsaved: None,
                removed: false,
            }),
            changed: Notify::new(),
            totals: Arc::clone(&shared.totals),
            clock: shared.clock.clone(),
            used: AtomicBool::new(true),
        }
    }

    pub(super) fn id(&self) -> WorkerId {
        self.metadata.id
    }

    /// The key that the worker was created under, and the fingerprint of that request.
    pub(super) fn key(&self) -> Option<&(IdempotencyKey, Fingerprint)> {
        self.metadata.key.as_ref()
    }

    pub(super) fn snapshot(&self) -> WorkerSnapshot {
        self.read(Worker::snapshot)
    }

    /// The snapshot of a worker in this state, or in any; none of one in another state.
    pub(super) fn snapshot_if(&self, state: Option<WorkerState>) -> Option<WorkerSnapshot> {
        self.read(|worker| {
            let matches = state.is_none_or(|state| state == worker.state());
            matches.then(|| worker.snapshot())
        })
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(super) fn read<R>(&self, read: impl FnOnce(&Worker) -> R) -> R {
        self.guarded.with(|guarded| read(&guarded.worker))
    }

    /// Changes what no store keeps.
    pub(super) fn apply<R>(&self, step: impl FnOnce(&mut Worker) -> R) -> R {
        self.guarded.with(|guarded| self.step(guarded, step))
    }

    /// Begins to end the active run for this reason; a run that is named has to be that one.
    pub(super) fn cancel(
        &self,
        expected: Option<RunId>,
        reason: EndReason,
    ) -> Result<Attempt<CancelStep>, CancelError> {
        self.guarded.with(|guarded| {
            guarded.present(self.id())?;
            if let Some(PendingCommit::Input(_)) = guarded.commit {
                return Ok(Attempt::Wait);
            }
            self.step(guarded, |worker| worker.cancel(expected, reason))
                .map(Attempt::Done)
        })
    }

    pub(super) fn mark_used(&self) {
        self.used.store(true, Ordering::Relaxed);
    }

    /// Whether it was used since the last [`clear_used`](Self::clear_used).
    pub(super) fn is_used(&self) -> bool {
        self.used.load(Ordering::Relaxed)
    }

    pub(super) fn clear_used(&self) {
        self.used.store(false, Ordering::Relaxed);
    }

    /// Bytes that the worker counts against the sum over all workers.
    pub(super) fn counted_bytes(&self) -> usize {
        self.guarded.with(|guarded| guarded.bytes.amount())
    }

    /// Releases the bytes of a stopped worker that is removed, also if somebody still reads it.
    pub(super) fn forget(&self) {
        self.guarded.with(|guarded| {
            guarded.removed = true;
            guarded.bytes.resize(0);
        });
    }

    /// The number of the worker's latest event and its state, if nothing but this slot keeps it
    /// in memory.
    pub(super) fn rest(&self) -> Option<(u64, WorkerState)> {
        self.guarded.with(|guarded| {
            let worker = &guarded.worker;
            let busy = worker.active_run().is_some() || guarded.commit.is_some();
            let rests = !busy && guarded.unsaved.is_none();
            rests.then(|| (worker.cursor().sequence(), worker.state()))
        })
    }

    /// Waits until this run has ended.
    pub(super) async fn ended(
        &self,
        run_id: RunId,
        deadline: Option<Instant>,
    ) -> Result<(), StillEnding> {
        loop {
            let changed = self.changed();
            if self.read(Worker::active_run) != Some(run_id) {
                return Ok(());
            }
            sync::until(deadline, changed)
                .await
                .map_err(|_| StillEnding {
                    worker_id: self.metadata.id,
                    run_id,
                })?;
        }
    }

    /// Whether the worker's latest run, if it is this one, failed because the store didn't accept
    /// its end.
    pub(super) fn lacks_stored_end(&self, run_id: RunId) -> Option<StoreUnavailable> {
        let last = self
            .read(Worker::last_run)
            .filter(|last| last.run_id == run_id)?;
        let code = last.error.map(|error| error.code);
        (code == Some(RunErrorCode::StoreFailed)).then_some(StoreUnavailable::FAILED)
    }

    /// Ready at the next change or [`wake`](Self::wake) after this call, even if it is
    /// polled later. Call it before reading the worker, and no change is missed.
    pub(super) fn changed(&self) -> impl Future<Output = ()> + Send + '_ {
        self.changed.notified()
    }

    /// Wakes everybody who waits for a change, to check again.
    pub(super) fn wake(&self) {
        self.changed.notify_waiters();
    }

    /// Whether readers wait for the worker's next event.
    pub(super) fn has_readers(&self) -> bool {
        self.totals.pollers.wait_for(self.id())
    }

    /// Counts a reader that is about to wait.
    pub(super) fn enter_poller(&self) -> Result<Poller, CapacityExhausted> {
        self.totals.pollers.enter(self.id())
    }

    /// Changes the worker, and everything that depends on its state.
    fn step<R>(&self, guarded: &mut Guarded, step: impl FnOnce(&mut Worker) -> R) -> R {
        let worker = &mut guarded.worker;
        let (old, before) = (worker.state(), worker.cursor());
        let result = step(worker);
        let new = worker.state();
        if new != old {
            self.totals.leave(old);
            self.totals.enter(new);
            if new == WorkerState::Stopped && self.persistence == Persistence::Memory {
                self.totals.push_stopped(self.metadata.id);
            }
        }
        if let (WorkerState::Cancelling, true, Some(run)) = (new, new != old, &guarded.run) {
            run.cancel_signal.notify_one();
        }
        if worker.active_run().is_none() && guarded.commit.is_none() {
            guarded.run = None;
            guarded.bytes.resize(worker.held_bytes());
        }
        if worker.cursor() != before {
            self.changed.notify_waiters();
        }
        result
    }
}

impl Guarded {
    fn present(&self, worker_id: WorkerId) -> Result<(), UnknownWorker> {
        if self.removed {
            Err(UnknownWorker { worker_id })
        } else {
            Ok(())
        }
    }

    /// The changes to commit: what is still unsaved, and then this one.
    fn changes(&self, change: Change) -> Vec<Change> {
        let mut changes = self.unsaved_changes();
        changes.push(change);
        changes
    }

    fn unsaved_changes(&self) -> Vec<Change> {
        self.unsaved.iter().cloned().collect()
    }
}
