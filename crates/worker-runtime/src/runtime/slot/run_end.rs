//! What a run in progress leaves in the store: drafts of its reply, and its end.

use jiff::Timestamp;

use super::{Attempt, Guarded, PendingCommit, Persistence, Slot};
use crate::core::{RunEnd, Worker};
use crate::id::RunId;
use crate::run::{RunErrorCode, RunOutcome};
use crate::runtime::commit::Committed;
use crate::store::{Change, FinishedRun, StoredState};

/// What the end of a run has come to.
pub(in crate::runtime) enum EndStep {
    /// It has ended.
    Ended,
    /// Its end is decided; after the commit of the changes follows [`apply_end`](Slot::apply_end).
    Commit(Box<FinishedRun>, Vec<Change>),
    /// Another change of the worker is being committed.
    Wait,
}

impl Slot {
    /// Reserves the worker for a draft of the run's reply from `offset` on. Nothing when it hasn't
    /// grown, or another change is being committed. [`end_draft`](Self::end_draft) follows.
    pub(in crate::runtime) fn begin_draft(
        &self,
        run_id: RunId,
        offset: usize,
    ) -> Option<(Change, usize)> {
        self.guarded.with(|guarded| {
            if guarded.commit.is_some() {
                return None;
            }
            let text = guarded.worker.reply_after(run_id, offset)?;
            guarded.commit = Some(PendingCommit::Other);
            let end = offset + text.len();
            let draft = Change::Draft {
                worker_id: self.id(),
                run_id,
                text: text.into(),
            };
            Some((draft, end))
        })
    }

    pub(in crate::runtime) fn end_draft(&self) {
        self.guarded.with(|guarded| {
            guarded.commit = None;
            self.changed.notify_waiters();
        });
    }

    /// Ends a run; with a store, decides how.
    pub(in crate::runtime) fn begin_end(
        &self,
        run_id: RunId,
        end: RunEnd,
        now: Timestamp,
    ) -> EndStep {
        self.guarded.with(|guarded| {
            if guarded.commit.is_some() {
                return EndStep::Wait;
            }
            let decide = |worker: &mut Worker| worker.decide_end(run_id, end, now);
            match self.persistence {
                Persistence::Memory => {
                    self.step(guarded, |worker| {
                        if let Some(finished) = decide(worker) {
                            worker.finish(finished);
                        }
                    });
                    EndStep::Ended
                }
                Persistence::Store => {
                    let Some(finished) = self.step(guarded, decide).map(Box::new) else {
                        return EndStep::Ended;
                    };
                    guarded.commit = Some(PendingCommit::Other);
                    let changes = guarded.changes(Change::Finish(finished.clone()));
                    EndStep::Commit(finished, changes)
                }
            }
        })
    }

    /// The changes for the next attempt to commit an end, with the stop that came meanwhile.
    pub(in crate::runtime) fn end_changes(&self, finished: &mut FinishedRun) -> Vec<Change> {
        self.guarded.with(|guarded| {
            guarded.add_stop(finished);
            guarded.changes(Change::Finish(Box::new(finished.clone())))
        })
    }

    /// Ends a run whose end is committed. If a stop came too late to be part of it, the worker is
    /// reserved for that: what is returned is to be committed, and
    /// [`apply_late_stop`](Self::apply_late_stop) follows.
    pub(in crate::runtime) fn apply_end(
        &self,
        finished: FinishedRun,
        now: Timestamp,
    ) -> Option<Vec<Change>> {
        self.guarded.with(|guarded| {
            let is_stop_missing =
                guarded.worker.stops_after_end() && finished.state != StoredState::Stopped;
            guarded.commit = None;
            guarded.unsaved = None;
            self.step(guarded, |worker| worker.finish(finished));
            is_stop_missing.then(|| {
                guarded.commit = Some(PendingCommit::Other);
                let (worker_id, at) = (self.id(), now);
                vec![Change::Stop { worker_id, at }]
            })
        })
    }

    /// Ends a run whose end the store doesn't accept. The store gets it later.
    pub(in crate::runtime) fn apply_end_unsaved(&self, finished: FinishedRun) {
        let mut finished = failed(finished, RunErrorCode::StoreFailed);
        self.guarded.with(|guarded| {
            guarded.add_stop(&mut finished);
            guarded.commit = None;
            guarded.unsaved = Some(Change::Finish(Box::new(finished.clone())));
            self.step(guarded, |worker| worker.finish(finished));
        });
    }

    /// Ends a run whose task is dropped, whatever was decided about it and is being committed.
    pub(in crate::runtime) fn interrupt(
        &self,
        run_id: RunId,
        decided: Option<FinishedRun>,
        now: Timestamp,
    ) {
        let interrupted = RunEnd::Failed(RunErrorCode::Interrupted.into());
        self.guarded.with(|guarded| {
            self.step(guarded, |worker| {
                let decided = decided.map(|run| failed(run, RunErrorCode::Interrupted));
                let finished = decided.or_else(|| worker.decide_end(run_id, interrupted, now));
                if let Some(finished) = finished {
                    worker.finish(finished);
                }
            });
            guarded.commit = None;
            // Releases what the run held.
            self.step(guarded, |_| ());
        });
    }

    /// Stops the worker that [`apply_end`](Self::apply_end) reserved. It is stopped whatever became of
    /// the commit: who asked for that was told that it stands. Returns whether the store lacks the stop.
    pub(in crate::runtime) fn apply_late_stop(&self, committed: Committed, now: Timestamp) -> bool {
        self.guarded.with(|guarded| {
            guarded.commit = None;
            let (worker_id, at) = (self.id(), now);
            guarded.unsaved = committed.err().map(|_| Change::Stop { worker_id, at });
            self.step(guarded, |worker| worker.stopped(now));
            guarded.unsaved.is_some()
        })
    }

    /// Reserves the worker for what the store didn't accept, to try again. None when it has it by now.
    pub(in crate::runtime) fn begin_unsaved(&self) -> Option<Attempt<Vec<Change>>> {
        self.guarded.with(|guarded| {
            let change = guarded.unsaved.clone().filter(|_| !guarded.removed)?;
            if guarded.commit.is_some() {
                return Some(Attempt::Wait);
            }
            guarded.commit = Some(PendingCommit::Other);
            Some(Attempt::Done(vec![change]))
        })
    }
}

impl Guarded {
    /// Makes the stop that came since the end was decided part of it.
    fn add_stop(&self, finished: &mut FinishedRun) {
        if self.worker.stops_after_end() {
            finished.state = StoredState::Stopped;
        }
    }
}

/// The same run, ended by a failure.
fn failed(mut finished: FinishedRun, code: RunErrorCode) -> FinishedRun {
    finished.run.outcome = RunOutcome::Failed;
    finished.run.error = Some(code.into());
    if let Some(reply) = &mut finished.reply {
        reply.partial = true;
    }
    finished
}
