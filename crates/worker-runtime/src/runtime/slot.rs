//! One worker behind its lock, with everything that has to change together with it.

use std::sync::Arc;

use jiff::Timestamp;

use super::clock::MillisClock;
use super::totals::Totals;
use super::usage_counter::{Reservation, UsageCounter};
use crate::command::Accepted;
use crate::core::{Admission, NewRun, Worker, WorkerMetadata, WorkerSnapshot};
use crate::display_name::DisplayName;
use crate::engine::Turn;
use crate::error::{CapacityExhausted, InputError, StillEnding, Stopping};
use crate::id::{IdempotencyKey, RunId, WorkerId};
use crate::limits::{LimitName, Limits};
use crate::profile::Profile;
use crate::status::WorkerState;
use crate::sync::{self, Instant, Mutex, Notify};

/// A worker, and the notifications about its changes.
///
/// [`apply`](Self::apply) and [`start`](Self::start) are the only ways to change the
/// worker: number, append, count and notify happen in one section there.
pub(super) struct Slot {
    metadata: Arc<WorkerMetadata>,
    profile: Profile,
    guarded: Mutex<Guarded>,
    changed: Notify,
    pollers: Arc<UsageCounter>,
    totals: Arc<Totals>,
    clock: MillisClock,
}

/// What the lock guards.
struct Guarded {
    worker: Worker,
    /// The worker's bytes; while it runs, the most that it can come to hold.
    bytes: Reservation,
    run: Option<RunReservation>,
}

/// What an active run holds. It is released in the section that ends the run, so that
/// a caller that sees the end can start another.
struct RunReservation {
    _concurrent_run: Reservation,
    cancel_signal: Arc<Notify>,
}

/// The result of an input.
pub(super) enum Started {
    Replayed(Accepted),
    New(Accepted, RunStart),
}

/// What is needed to run an accepted input.
pub(super) struct RunStart {
    pub(super) turn: Turn,
    /// Notified once when the run is to end early.
    pub(super) cancel_signal: Arc<Notify>,
}

/// A reader that waits, counted on its worker and over all workers.
pub(super) struct PollerReservation {
    // Released in this order, the reverse of how they are reserved: a worker has one free only
    // when the sum over all workers no longer counts it.
    _all: Reservation,
    _worker: Reservation,
}

impl Slot {
    /// A new worker, or the limit that is reached.
    pub(super) fn new(
        metadata: WorkerMetadata,
        display_name: DisplayName,
        profile: &Profile,
        limits: &Arc<Limits>,
        totals: &Arc<Totals>,
        clock: &MillisClock,
    ) -> Result<Self, CapacityExhausted> {
        let metadata = Arc::new(metadata);
        let worker = Worker::new(Arc::clone(&metadata), display_name, Arc::clone(limits));
        let bytes = reserve(&totals.bytes, worker.held_bytes(), LimitName::TotalBytes)?;
        totals.enter(worker.state());
        Ok(Self {
            metadata,
            profile: profile.clone(),
            guarded: Mutex::new(Guarded {
                worker,
                bytes,
                run: None,
            }),
            changed: Notify::new(),
            pollers: UsageCounter::new(limits.worker_pollers),
            totals: Arc::clone(totals),
            clock: clock.clone(),
        })
    }

    pub(super) fn id(&self) -> WorkerId {
        self.metadata.id
    }

    pub(super) fn key(&self) -> Option<&IdempotencyKey> {
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

    /// Changes the worker.
    pub(super) fn apply<R>(&self, step: impl FnOnce(&mut Worker) -> R) -> R {
        self.guarded.with(|guarded| self.step(guarded, step))
    }

    /// Accepts an input, if there is capacity for its run.
    pub(super) fn start(
        &self,
        input: NewRun,
        now: Timestamp,
        accepting: impl FnOnce() -> Result<(), Stopping>,
    ) -> Result<Started, InputError> {
        self.guarded.with(|guarded| {
            let max_bytes = match guarded.worker.admit(&input)? {
                Admission::Replay(accepted) => return Ok(Started::Replayed(accepted)),
                Admission::Start { max_bytes } => max_bytes,
            };
            accepting()?;
            let concurrent_run = reserve(&self.totals.runs, 1, LimitName::ConcurrentRuns)?;
            if !guarded.bytes.resize(max_bytes) {
                let limit = LimitName::TotalBytes;
                return Err(CapacityExhausted { limit }.into());
            }
            let cancel_signal = Arc::new(Notify::new());
            let (run_id, content) = (input.run_id, Arc::clone(&input.content));
            guarded.run = Some(RunReservation {
                _concurrent_run: concurrent_run,
                cancel_signal: Arc::clone(&cancel_signal),
            });
            let accepted = self.step(guarded, |worker| worker.accept(input, now))?;
            let turn = Turn {
                worker_id: self.metadata.id,
                run_id,
                model: self.metadata.model.clone(),
                sampling: self.profile.sampling(),
                instructions: Arc::clone(self.profile.instructions()),
                transcript: guarded.worker.history(),
                input: content,
            };
            let start = RunStart {
                turn,
                cancel_signal,
            };
            Ok(Started::New(accepted, start))
        })
    }

    /// Begins to end the active run, if there is one, and returns it.
    pub(super) fn cancel(&self) -> Option<RunId> {
        self.apply(|worker| worker.cancel(None).ok().flatten())
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
        self.pollers.used() > 0
    }

    /// Counts a reader that is about to wait.
    pub(super) fn reserve_poller(&self) -> Result<PollerReservation, CapacityExhausted> {
        let worker = reserve(&self.pollers, 1, LimitName::WorkerPollers)?;
        Ok(PollerReservation {
            _all: reserve(&self.totals.pollers, 1, LimitName::Pollers)?,
            _worker: worker,
        })
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
            if new == WorkerState::Stopped {
                self.totals.push_stopped(self.metadata.id);
            }
        }
        if let (WorkerState::Cancelling, true, Some(run)) = (new, new != old, &guarded.run) {
            run.cancel_signal.notify_one();
        }
        if worker.active_run().is_none() {
            guarded.run = None;
            guarded.bytes.resize(worker.held_bytes());
        }
        if worker.cursor() != before {
            self.changed.notify_waiters();
        }
        result
    }
}

fn reserve(
    counter: &Arc<UsageCounter>,
    amount: usize,
    limit: LimitName,
) -> Result<Reservation, CapacityExhausted> {
    counter.reserve(amount).ok_or(CapacityExhausted { limit })
}
