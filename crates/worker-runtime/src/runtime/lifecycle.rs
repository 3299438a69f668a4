//! Renaming, stopping, deleting and forgetting workers, and shutting the runtime down.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tracing::{debug, info};

use super::commit::{Committed, commit_and_apply};
use super::slot::{Attempt, DeleteStep, Slot, StopAttempt};
use super::{Inner, Runtime};
use crate::command::{ActiveRun, ShutdownReport};
use crate::core::{CancelStep, EndReason, Worker, WorkerSnapshot};
use crate::display_name::DisplayName;
use crate::error::{DeleteError, RenameError, StopError, StoreUnavailable};
use crate::id::{RunId, WorkerId};
use crate::store::Change;
use crate::sync::{self, Executor, Instant, Ordering};

impl Runtime {
    /// Stops a worker for good, and cancels its run first. Stopping it again changes
    /// nothing. With a store, the stop is durable when this returns.
    ///
    /// # Errors
    /// [`StopError::StillEnding`] when the engine doesn't let go of the run in time, or its end
    /// isn't stored by then; the worker stops as soon as it is.
    ///
    /// # Cancellation
    /// Dropping the future only gives up waiting, once a run is being cancelled or the stop is
    /// being stored.
    pub async fn stop(&self, id: WorkerId) -> Result<WorkerSnapshot, StopError> {
        let slot = self.inner.slot(id).await?;
        let deadline = sync::after(self.inner.limits.cancel_wait);
        loop {
            let changed = slot.changed();
            let now = slot.now();
            match slot.begin_stop(now)? {
                StopAttempt::Stopped => break,
                StopAttempt::Wait => changed.await,
                StopAttempt::Ending(run_id) => slot.ended(run_id, deadline).await?,
                StopAttempt::Commit(changes) => {
                    let stop = move |worker: &mut Worker| worker.stopped(now);
                    self.inner.commit_change(&slot, changes, stop).await?;
                }
            }
        }
        debug!(worker_id = %id, "worker stopped");
        Ok(slot.snapshot())
    }

    /// Gives a worker another name, also when it runs or is stopped. With a store, the name is
    /// durable when this returns. It is no event.
    ///
    /// # Errors
    /// See [`RenameError`]; the worker keeps its name then.
    ///
    /// # Cancellation
    /// A name that is being stored is the worker's all the same when the future is dropped.
    pub async fn rename(&self, id: WorkerId, name: &str) -> Result<WorkerSnapshot, RenameError> {
        let slot = self.inner.slot(id).await?;
        let display_name: DisplayName = name.parse()?;
        let change = Change::Rename {
            worker_id: id,
            display_name: display_name.clone(),
        };
        let rename = move |worker: &mut Worker| worker.rename(display_name);
        loop {
            let changed = slot.changed();
            match slot.begin_change(&change, rename.clone())? {
                Attempt::Wait => changed.await,
                Attempt::Done(None) => break,
                Attempt::Done(Some(changes)) => {
                    self.inner.commit_change(&slot, changes, rename).await?;
                    break;
                }
            }
        }
        Ok(slot.snapshot())
    }

    /// Deletes a worker with everything that belongs to it, and cancels its run first. It is
    /// unknown afterwards, and so is the idempotency key that it was created under. With a store,
    /// it is gone there when this returns.
    ///
    /// # Errors
    /// [`DeleteError::StillEnding`] when the engine doesn't let go of the run in time, or its end
    /// isn't stored by then; the worker is stopped as soon as it is, and can be deleted then.
    ///
    /// # Cancellation
    /// As with [`stop`](Self::stop): the worker ends up stopped, or deleted.
    pub async fn delete(&self, id: WorkerId) -> Result<(), DeleteError> {
        if self.inner.delete_stored(id).await? {
            return Ok(());
        }
        let slot = self.inner.slot(id).await?;
        let deadline = sync::after(self.inner.limits.cancel_wait);
        loop {
            let changed = slot.changed();
            match slot.begin_delete()? {
                DeleteStep::Wait => changed.await,
                DeleteStep::Ending(run_id) => slot.ended(run_id, deadline).await?,
                DeleteStep::Removed => {
                    self.inner.remove(&slot);
                    return Ok(());
                }
                DeleteStep::Commit(changes) => {
                    drop(changed);
                    let inner = Arc::clone(&self.inner);
                    let apply = move |committed| {
                        let committed = slot.apply_delete(committed);
                        if committed.is_ok() {
                            inner.remove(&slot);
                        }
                        committed
                    };
                    let (executor, storage) = (Executor::current(), self.inner.expect_storage());
                    commit_and_apply(&executor, storage, changes, apply).await?;
                    return Ok(());
                }
            }
        }
    }

    /// Refuses new work, ends the active runs, and wakes every waiting reader. Returns
    /// when all runs have ended, at the latest after `deadline`. Reading still works
    /// afterwards. The runs end as `cancelled`; with a store, which keeps their workers, they fail
    /// as `interrupted`, because nobody cancelled them.
    ///
    /// # Cancellation
    /// Dropping the future only gives up waiting for the runs, once it was polled.
    pub async fn shutdown(&self, deadline: Duration) -> ShutdownReport {
        self.inner.stopping.store(true, Ordering::SeqCst);
        let deadline = sync::after(deadline);
        let reason = self.inner.shared.persistence.end_of_runtime();
        let mut ends = Vec::new();
        for slot in self.inner.slots() {
            match slot.cancel(None, reason) {
                // Deleted meanwhile, or idle: nothing is to be waited for.
                Err(_) | Ok(Attempt::Done(CancelStep::NotRunning)) => {}
                Ok(begun) => ends.push(end_run(Arc::clone(&slot), begun, reason, deadline)),
            }
            slot.wake();
        }
        let mut report = ShutdownReport::default();
        for (run, ended) in join_all(ends).await.into_iter().flatten() {
            let list = if ended {
                &mut report.cancelled
            } else {
                &mut report.abandoned
            };
            list.push(run);
        }
        if let Some(storage) = &self.inner.storage {
            storage.close();
        }
        info!(
            ended = report.cancelled.len(),
            abandoned = report.abandoned.len(),
            "runtime shut down"
        );
        report
    }
}

/// Ends the run that a slot has, or is about to have, and waits until it has ended. Returns the
/// run and whether it ended in time; nothing when it ended by itself.
async fn end_run(
    slot: Arc<Slot>,
    begun: Attempt<CancelStep>,
    reason: EndReason,
    deadline: Option<Instant>,
) -> Option<(ActiveRun, bool)> {
    let active = |run_id: RunId| ActiveRun {
        worker_id: slot.id(),
        run_id,
    };
    let mut begun = begun;
    loop {
        match begun {
            Attempt::Done(CancelStep::NotRunning) => return None,
            Attempt::Done(CancelStep::Cancelling(run_id)) => {
                let ended = slot.ended(run_id, deadline).await.is_ok();
                return Some((active(run_id), ended));
            }
            Attempt::Done(CancelStep::TooLate(run_id)) => {
                let ended = slot.ended(run_id, deadline).await.is_ok();
                return (!ended).then(|| (active(run_id), ended));
            }
            Attempt::Wait => {
                let changed = slot.changed();
                begun = slot.cancel(None, reason).ok()?;
                if let Attempt::Wait = begun
                    && sync::until(deadline, changed).await.is_err()
                {
                    return None;
                }
            }
        }
    }
}

impl Inner {
    /// Commits the changes that a slot is reserved for, and applies `step`.
    async fn commit_change(
        &self,
        slot: &Arc<Slot>,
        changes: Vec<Change>,
        step: impl FnOnce(&mut Worker) + Send + 'static,
    ) -> Result<(), StoreUnavailable> {
        let slot = Arc::clone(slot);
        let apply = move |committed| slot.apply_change(committed, step);
        let (executor, storage) = (Executor::current(), self.expect_storage());
        commit_and_apply(&executor, storage, changes, apply).await
    }

    /// Deletes a worker that is in the store alone, without reading it: it may be unreadable.
    /// Returns false when it is in memory, or somebody else is about to load it.
    async fn delete_stored(self: &Arc<Self>, id: WorkerId) -> Result<bool, DeleteError> {
        let Some(guard) = self.reserve_stored(id) else {
            return Ok(false);
        };
        let inner = Arc::clone(self);
        let apply = move |committed: Committed| {
            if committed.is_ok() {
                let state = inner
                    .directory
                    .with(|directory| directory.remove_loading(id));
                if let Some(state) = state {
                    inner.totals.leave(state);
                    debug!(worker_id = %id, "worker deleted");
                }
            }
            drop(guard);
            committed
        };
        let changes = vec![Change::Delete { worker_id: id }];
        let (executor, storage) = (Executor::current(), self.expect_storage());
        commit_and_apply(&executor, storage, changes, apply).await?;
        Ok(true)
    }

    /// Removes a deleted worker.
    fn remove(&self, slot: &Slot) {
        let id = slot.id();
        let removed = self.directory.with(|directory| directory.remove(id));
        if removed.is_some() {
            self.totals.remove_stopped(id);
            self.totals.leave(slot.read(Worker::state));
            debug!(worker_id = %id, "worker deleted");
        }
        slot.wake();
    }
}
