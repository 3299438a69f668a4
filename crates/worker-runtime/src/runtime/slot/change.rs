//! Changes between runs: a new name, the stop, the deletion.

use jiff::Timestamp;

use super::{Attempt, PendingCommit, Persistence, Slot};
use crate::core::{StopStep, Worker};
use crate::error::UnknownWorker;
use crate::id::RunId;
use crate::runtime::commit::Committed;
use crate::store::Change;

/// What a stop has come to.
pub(in crate::runtime) enum StopAttempt {
    /// The worker is stopped.
    Stopped,
    /// This run has to end first.
    Ending(RunId),
    /// The worker is reserved for the stop.
    Commit(Vec<Change>),
    /// Another change of the worker is being committed.
    Wait,
}

/// What a deletion has come to.
pub(in crate::runtime) enum DeleteStep {
    /// The slot is removed.
    Removed,
    /// This run has to end first.
    Ending(RunId),
    /// The worker is reserved for the deletion.
    Commit(Vec<Change>),
    /// Another change of the worker is being committed.
    Wait,
}

impl Slot {
    /// Begins a change that is possible at any time. Returns what to commit before `step` is
    /// applied; without a store it is applied at once, and there is nothing to commit.
    pub(in crate::runtime) fn begin_change(
        &self,
        change: &Change,
        step: impl FnOnce(&mut Worker),
    ) -> Result<Attempt<Option<Vec<Change>>>, UnknownWorker> {
        self.guarded.with(|guarded| {
            guarded.present(self.id())?;
            if guarded.commit.is_some() {
                return Ok(Attempt::Wait);
            }
            Ok(Attempt::Done(match self.persistence {
                Persistence::Memory => {
                    self.step(guarded, step);
                    None
                }
                Persistence::Store => {
                    guarded.commit = Some(PendingCommit::Other);
                    Some(guarded.changes(change.clone()))
                }
            }))
        })
    }

    /// Ends the reservation for a change, and applies `step` if its commit succeeded.
    pub(in crate::runtime) fn apply_change(
        &self,
        committed: Committed,
        step: impl FnOnce(&mut Worker),
    ) -> Committed {
        self.guarded.with(|guarded| {
            guarded.commit = None;
            if committed.is_ok() {
                guarded.unsaved = None;
                self.step(guarded, step);
            }
            self.changed.notify_waiters();
            committed
        })
    }

    pub(in crate::runtime) fn begin_stop(
        &self,
        now: Timestamp,
    ) -> Result<StopAttempt, UnknownWorker> {
        self.guarded.with(|guarded| {
            guarded.present(self.id())?;
            if let Some(PendingCommit::Input(_)) = guarded.commit {
                return Ok(StopAttempt::Wait);
            }
            Ok(match self.step(guarded, Worker::stop) {
                StopStep::Stopped if guarded.unsaved.is_none() => StopAttempt::Stopped,
                StopStep::Ending(run_id) => StopAttempt::Ending(run_id),
                StopStep::Stopped | StopStep::Idle if guarded.commit.is_some() => StopAttempt::Wait,
                // The stop is part of the end that the store didn't accept.
                StopStep::Stopped => {
                    guarded.commit = Some(PendingCommit::Other);
                    StopAttempt::Commit(guarded.unsaved_changes())
                }
                StopStep::Idle => match self.persistence {
                    Persistence::Memory => {
                        self.step(guarded, |worker| worker.stopped(now));
                        StopAttempt::Stopped
                    }
                    Persistence::Store => {
                        guarded.commit = Some(PendingCommit::Other);
                        let worker_id = self.id();
                        let at = now;
                        StopAttempt::Commit(guarded.changes(Change::Stop { worker_id, at }))
                    }
                },
            })
        })
    }

    pub(in crate::runtime) fn begin_delete(&self) -> Result<DeleteStep, UnknownWorker> {
        self.guarded.with(|guarded| {
            guarded.present(self.id())?;
            if let Some(PendingCommit::Input(_)) = guarded.commit {
                return Ok(DeleteStep::Wait);
            }
            Ok(match self.step(guarded, Worker::stop) {
                StopStep::Ending(run_id) => DeleteStep::Ending(run_id),
                StopStep::Idle | StopStep::Stopped if guarded.commit.is_some() => DeleteStep::Wait,
                StopStep::Idle | StopStep::Stopped => match self.persistence {
                    Persistence::Memory => {
                        guarded.removed = true;
                        self.changed.notify_waiters();
                        DeleteStep::Removed
                    }
                    Persistence::Store => {
                        guarded.commit = Some(PendingCommit::Other);
                        // An end that is still unsaved goes with the rest.
                        let worker_id = self.id();
                        DeleteStep::Commit(vec![Change::Delete { worker_id }])
                    }
                },
            })
        })
    }

    /// Ends the reservation for the deletion, and removes the slot if its commit succeeded.
    pub(in crate::runtime) fn apply_delete(&self, committed: Committed) -> Committed {
        self.guarded.with(|guarded| {
            guarded.commit = None;
            guarded.removed = committed.is_ok();
            self.changed.notify_waiters();
            committed
        })
    }
}
