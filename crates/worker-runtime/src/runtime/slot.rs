//! One worker behind its lock, with everything that has to change together with it.

use std::sync::Arc;

use jiff::Timestamp;

use super::changes::Changes;
use super::clock::MillisClock;
use super::ledger::Ledger;
use super::meter::{Meter, Share};
use crate::command::Accepted;
use crate::core::{Admission, Birth, NewRun, Worker};
use crate::engine::Turn;
use crate::error::{CapacityExhausted, InputError, StillEnding, Stopping};
use crate::id::{IdempotencyKey, RunId, WorkerId};
use crate::limits::{LimitName, Limits};
use crate::profile::Profile;
use crate::snapshot::{WorkerSnapshot, WorkerState};
use crate::sync::{self, Instant, Mutex, Notify};

/// A worker and its wake-ups.
///
/// [`apply`](Self::apply) and [`start`](Self::start) are the only ways to change the
/// worker: number, append, count and wake happen in one section there.
pub(super) struct Slot {
    birth: Birth,
    instructions: Arc<str>,
    guarded: Mutex<Guarded>,
    changes: Changes,
    pollers: Arc<Meter>,
    ledger: Arc<Ledger>,
    /// Here, so that a run needs no counted handle that all of them would share.
    clock: MillisClock,
}

/// What the lock guards.
struct Guarded {
    worker: Worker,
    /// The worker's bytes; while it runs, the most that it can come to hold.
    bytes: Share,
    run: Option<RunHold>,
}

/// What an active run holds. It is given back in the section that ends the run, so that
/// whoever sees the end finds the place free.
struct RunHold {
    _place: Share,
    signal: Arc<Notify>,
}

/// What came of an input.
pub(super) enum Start {
    Replayed(Accepted),
    Fresh(Accepted, Launch),
}

/// What is needed to run an accepted input.
pub(super) struct Launch {
    pub(super) turn: Turn,
    /// Notified once when the run is to end early.
    pub(super) signal: Arc<Notify>,
}

/// A reader's place among those that wait.
pub(super) struct Waiting {
    // Given back in this order, the reverse of how they are taken: a place on the worker is
    // free only when the sum over all workers no longer counts it.
    _server: Share,
    _worker: Share,
}

impl Slot {
    /// A new worker, or which limit has no room for it.
    pub(super) fn new(
        birth: Birth,
        profile: &Profile,
        limits: &Arc<Limits>,
        ledger: &Arc<Ledger>,
        clock: &MillisClock,
    ) -> Result<Self, CapacityExhausted> {
        let worker = Worker::new(&birth, Arc::clone(limits));
        let bytes = take(&ledger.bytes, worker.held_bytes(), LimitName::TotalBytes)?;
        ledger.enter(worker.state());
        Ok(Self {
            birth,
            instructions: Arc::clone(profile.instructions()),
            guarded: Mutex::new(Guarded {
                worker,
                bytes,
                run: None,
            }),
            changes: Changes::new(),
            pollers: Meter::new(limits.worker_pollers),
            ledger: Arc::clone(ledger),
            clock: clock.clone(),
        })
    }

    pub(super) fn id(&self) -> WorkerId {
        self.birth.id
    }

    pub(super) fn key(&self) -> Option<&IdempotencyKey> {
        self.birth.key.as_ref()
    }

    pub(super) fn birth(&self) -> &Birth {
        &self.birth
    }

    /// The worker at this instant.
    pub(super) fn snapshot(&self) -> WorkerSnapshot {
        self.read(|worker| worker.snapshot(&self.birth))
    }

    /// The time by the runtime's clock.
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Looks at the worker.
    pub(super) fn read<R>(&self, look: impl FnOnce(&Worker) -> R) -> R {
        self.guarded.with(|guarded| look(&guarded.worker))
    }

    /// Looks at the worker if it is in this state; without one, whatever its state. Both in one
    /// section.
    // Inlined, so that what is seen is not moved.
    #[inline(always)]
    pub(super) fn read_if_in<R>(
        &self,
        state: Option<WorkerState>,
        look: impl FnOnce(&Worker) -> R,
    ) -> Option<R> {
        self.read(|worker| {
            let is_in = state.is_none_or(|state| state == worker.state());
            is_in.then(|| look(worker))
        })
    }

    /// Changes the worker.
    pub(super) fn apply<R>(&self, step: impl FnOnce(&mut Worker) -> R) -> R {
        self.guarded.with(|guarded| self.step(guarded, step))
    }

    /// Accepts an input, if there is room for its run.
    pub(super) fn start(
        &self,
        input: NewRun,
        now: Timestamp,
        accepting: impl FnOnce() -> Result<(), Stopping>,
    ) -> Result<Start, InputError> {
        self.guarded.with(|guarded| {
            let ceiling_bytes = match guarded.worker.admit(&input)? {
                Admission::Replay(answer) => return Ok(Start::Replayed(answer)),
                Admission::Start { ceiling_bytes } => ceiling_bytes,
            };
            accepting()?;
            let place = take(&self.ledger.runs, 1, LimitName::ConcurrentRuns)?;
            if !guarded.bytes.resize(ceiling_bytes) {
                let limit = LimitName::TotalBytes;
                return Err(CapacityExhausted { limit }.into());
            }
            let signal = Arc::new(Notify::new());
            let (run_id, content) = (input.run_id, Arc::clone(&input.content));
            guarded.run = Some(RunHold {
                _place: place,
                signal: Arc::clone(&signal),
            });
            let accepted = self.step(guarded, |worker| worker.accept(input, now))?;
            let turn = Turn {
                worker_id: self.birth.id,
                run_id,
                instructions: Arc::clone(&self.instructions),
                transcript: guarded.worker.history(),
                input: content,
            };
            Ok(Start::Fresh(accepted, Launch { turn, signal }))
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
                    worker_id: self.birth.id,
                    run_id,
                })?;
        }
    }

    /// Ready at the next change or [`wake`](Self::wake) after this call, even if it is
    /// polled later. Take it before looking at the worker, and no change is missed.
    pub(super) fn changed(&self) -> impl Future<Output = ()> + Send + '_ {
        self.changes.next()
    }

    /// Lets everybody who waits look again.
    pub(super) fn wake(&self) {
        self.changes.wake();
    }

    /// Joins those who wait.
    pub(super) fn wait(&self) -> Result<Waiting, CapacityExhausted> {
        let worker = take(&self.pollers, 1, LimitName::WorkerPollers)?;
        Ok(Waiting {
            _server: take(&self.ledger.pollers, 1, LimitName::Pollers)?,
            _worker: worker,
        })
    }

    /// Takes a step and everything that follows from it.
    fn step<R>(&self, guarded: &mut Guarded, step: impl FnOnce(&mut Worker) -> R) -> R {
        let worker = &mut guarded.worker;
        let (old, before) = (worker.state(), worker.cursor());
        let answer = step(worker);
        let new = worker.state();
        if new != old {
            self.ledger.leave(old);
            self.ledger.enter(new);
            if new == WorkerState::Stopped {
                self.ledger.note_stopped(self.birth.id);
            }
        }
        if let (WorkerState::Cancelling, true, Some(run)) = (new, new != old, &guarded.run) {
            run.signal.notify_one();
        }
        if worker.active_run().is_none() {
            guarded.run = None;
            guarded.bytes.resize(worker.held_bytes());
        }
        if worker.cursor() != before {
            self.changes.tell();
        }
        answer
    }
}

fn take(meter: &Arc<Meter>, amount: usize, limit: LimitName) -> Result<Share, CapacityExhausted> {
    meter.take(amount).ok_or(CapacityExhausted { limit })
}
