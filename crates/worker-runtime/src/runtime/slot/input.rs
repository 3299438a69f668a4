//! Accepting an input.

use std::sync::Arc;

use jiff::Timestamp;

use super::{Guarded, PendingCommit, Persistence, RunReservation, Slot};
use crate::command::Accepted;
use crate::core::{Admission, NewRun, RunTurn};
use crate::engine::Turn;
use crate::error::{CapacityExhausted, InputError, Stopping};
use crate::fingerprint::Fingerprint;
use crate::id::{IdempotencyKey, RunId};
use crate::limits::LimitName;
use crate::runtime::commit::Committed;
use crate::runtime::run_queue::Ticket;
use crate::store::{AcceptedInput, Change};
use crate::sync::Notify;

/// What becomes of an input.
pub(in crate::runtime) enum InputStep {
    /// It was accepted before.
    Replayed(Accepted),
    /// It is accepted, and its run starts or is queued.
    Started(Accepted, RunStart),
    /// The worker is reserved for it; after the commit of the changes follows
    /// [`apply_input`](Slot::apply_input).
    Commit(Box<AcceptedInput>, Vec<Change>),
    /// Another change of the worker is being committed.
    Wait,
    /// There is no capacity for so many bytes more.
    LacksBytes(usize),
}

/// What is needed to run an accepted input.
pub(in crate::runtime) struct RunStart {
    pub(in crate::runtime) turn: Turn,
    /// What it has to wait for first.
    pub(in crate::runtime) queued: Option<Arc<Ticket>>,
    /// Notified once when the run is to end early.
    pub(in crate::runtime) cancel_signal: Arc<Notify>,
}

/// An input that is being committed.
pub(super) struct PendingInput {
    run_id: RunId,
    key: Option<(IdempotencyKey, Fingerprint)>,
}

/// How an input stands to the one that is being committed.
enum Relation {
    /// It is a repetition of the same.
    Same,
    /// It came under the same key, but is another.
    Conflicting,
    /// It is another.
    Other,
}

impl Slot {
    /// Accepts an input if there is capacity for its run, now or after others; with a store, decides
    /// to.
    pub(in crate::runtime) fn begin_input(
        &self,
        input: &NewRun,
        now: Timestamp,
        accepting: impl FnOnce() -> Result<(), Stopping>,
    ) -> Result<InputStep, InputError> {
        self.guarded.with(|guarded| {
            guarded.present(self.id())?;
            let (accepted, bytes) = match guarded.worker.admit(input, now) {
                Ok(Admission::Replay(accepted)) => return Ok(InputStep::Replayed(accepted)),
                Err(error @ InputError::IdempotencyConflict { .. }) => return Err(error),
                admission => {
                    if let Some(step) = self.meet_pending(guarded, input, admission.is_err())? {
                        return Ok(step);
                    }
                    match admission? {
                        Admission::Replay(accepted) => return Ok(InputStep::Replayed(accepted)),
                        Admission::Start { input, bytes } => (input, bytes),
                    }
                }
            };
            accepting()?;
            let place = self.totals.runs.enter();
            let limit = LimitName::QueuedRuns;
            let place = place.ok_or(CapacityExhausted { limit })?;
            let reserved = self.totals.in_steps(bytes.now, bytes.max);
            // A run starts only while there is room for a reply of any size.
            if !guarded.bytes.resize_with_headroom(reserved, bytes.max) {
                let more = bytes.max.saturating_sub(guarded.bytes.amount());
                return Ok(InputStep::LacksBytes(more));
            }
            guarded.run = Some(RunReservation {
                place,
                max_bytes: bytes.max,
                cancel_signal: Arc::new(Notify::new()),
            });
            Ok(match self.persistence {
                Persistence::Memory => {
                    let (accepted, start) = self.start_run(guarded, accepted);
                    InputStep::Started(accepted, start)
                }
                Persistence::Store => {
                    guarded.commit = Some(PendingCommit::Input(PendingInput {
                        run_id: input.run_id,
                        key: input.key.clone(),
                    }));
                    let accepted = Box::new(accepted);
                    let changes = guarded.changes(Change::Accept(accepted.clone()));
                    InputStep::Commit(accepted, changes)
                }
            })
        })
    }

    /// Accepts the input, if its commit succeeded.
    pub(in crate::runtime) fn apply_input(
        &self,
        input: AcceptedInput,
        committed: Committed,
    ) -> Result<(Accepted, RunStart), InputError> {
        self.guarded.with(|guarded| {
            guarded.commit = None;
            if let Err(error) = committed {
                // Gives the run's reservations back, and lets those who wait try.
                self.step(guarded, |_| ());
                self.changed.notify_waiters();
                return Err(error.into());
            }
            guarded.unsaved = None;
            Ok(self.start_run(guarded, input))
        })
    }

    /// What becomes of an input because of the change that is being committed; nothing when there
    /// is none. A refusal stands whatever comes of an `Other` change.
    fn meet_pending(
        &self,
        guarded: &Guarded,
        input: &NewRun,
        refused: bool,
    ) -> Result<Option<InputStep>, InputError> {
        let worker_id = self.id();
        match &guarded.commit {
            None => Ok(None),
            Some(PendingCommit::Other) if refused => Ok(None),
            Some(PendingCommit::Other) => Ok(Some(InputStep::Wait)),
            Some(PendingCommit::Input(pending)) => match pending.relation(input) {
                Relation::Same => Ok(Some(InputStep::Wait)),
                Relation::Conflicting => Err(InputError::IdempotencyConflict { worker_id }),
                Relation::Other => Err(InputError::Busy {
                    worker_id,
                    run_id: pending.run_id,
                }),
            },
        }
    }

    fn start_run(&self, guarded: &mut Guarded, input: AcceptedInput) -> (Accepted, RunStart) {
        let (run_id, content) = (input.entry.run_id, Arc::clone(&input.entry.content));
        let reservation = guarded.run.as_ref();
        let reservation = reservation.expect("a run is reserved before its input is accepted");
        let cancel_signal = Arc::clone(&reservation.cancel_signal);
        let queued = reservation.place.queued().cloned();
        let run_turn = match queued {
            None => RunTurn::Now,
            Some(_) => RunTurn::Later,
        };
        let accepted = self.step(guarded, |worker| worker.accept(input, run_turn));
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
            queued,
            cancel_signal,
        };
        (accepted, start)
    }
}

impl PendingInput {
    fn relation(&self, input: &NewRun) -> Relation {
        match (&self.key, &input.key) {
            (Some((key, fingerprint)), Some((other, of_other))) if key == other => {
                if fingerprint == of_other {
                    Relation::Same
                } else {
                    Relation::Conflicting
                }
            }
            _ => Relation::Other,
        }
    }
}
