//! Sending inputs to a worker, and cancelling their runs.

use std::sync::{Arc, Weak};

use tracing::debug;

use super::capacity::Capacity;
use super::commit::commit_and_apply;
use super::residency::Lookup;
use super::run_task::{RunGuard, RunStorage, drive};
use super::slot::{Attempt, InputStep, RunStart, Slot};
use super::{Inner, Runtime};
use crate::command::{Accepted, Cancellation, Input};
use crate::core::{CancelStep, EndReason, NewRun};
use crate::engine::TurnEngine;
use crate::error::{CancelError, InputError};
use crate::fingerprint::Fingerprint;
use crate::id::{RunId, WorkerId};
use crate::sync::{self, Executor};

/// What starts a run.
#[derive(Clone)]
struct Starter {
    inner: Weak<Inner>,
    engine: Arc<dyn TurnEngine>,
    run_time: std::time::Duration,
    executor: Executor,
    storage: Option<RunStorage>,
}

impl Runtime {
    /// Sends an input to a worker: commits it to the transcript and starts a run, or queues it
    /// until one of those in progress ends. Whoever came first starts first. With a store, the
    /// input is durable when this returns. If bytes are short, and that helps, workers are put out of
    /// memory, or, without a store, those that have been stopped for longest are forgotten.
    ///
    /// # Errors
    /// See [`InputError`]; the worker has not changed then. When several apply, the first in
    /// this order is returned: unknown, conflict, stopped, busy, empty, too large, stopping,
    /// capacity, store. A replay succeeds in every state.
    ///
    /// # Cancellation
    /// Without a store there is nothing to wait for. With one, an input that is being stored is
    /// accepted all the same when the future is dropped; its idempotency key tells.
    ///
    /// # Panics
    /// Outside of a tokio runtime; nothing has changed then.
    ///
    /// # Ordering
    /// The run's first event follows `input_accepted` directly.
    pub async fn send_input(&self, id: WorkerId, input: Input) -> Result<Accepted, InputError> {
        let executor = Executor::current();
        let slot = self.inner.slot(id).await?;
        // Hashed outside of the worker's lock.
        let keyed = |key| (key, Fingerprint::new(&[Some(&input.content)]));
        let input = NewRun {
            run_id: RunId::generate(),
            key: input.idempotency_key.map(keyed),
            content: input.content.into(),
        };
        let now = slot.now();
        let starter = self.inner.starter(executor);
        loop {
            let changed = slot.changed();
            match slot.begin_input(&input, now, || self.inner.accepting()) {
                Err(error) => return Err(error),
                Ok(InputStep::LacksBytes(bytes)) => self.inner.make_room(Capacity::bytes(bytes))?,
                Ok(InputStep::Wait) => changed.await,
                Ok(InputStep::Replayed(accepted)) => return Ok(accepted),
                Ok(InputStep::Started(accepted, start)) => {
                    drop(changed);
                    starter.start(slot, &accepted, start);
                    return Ok(accepted);
                }
                Ok(InputStep::Commit(input, changes)) => {
                    drop(changed);
                    let starts = starter.clone();
                    let apply = move |committed| {
                        let (accepted, start) = slot.apply_input(*input, committed)?;
                        starts.start(slot, &accepted, start);
                        Ok(accepted)
                    };
                    let storage = self.inner.expect_storage();
                    return commit_and_apply(&starter.executor, storage, changes, apply).await;
                }
            }
        }
    }

    /// Cancels the active run, or the one that is named if it is the active one, and
    /// waits until it has ended.
    ///
    /// # Errors
    /// [`CancelError::StillEnding`] when the engine doesn't let go of the run within
    /// [`Limits::cancel_wait`](crate::Limits), or its end isn't stored by then; it ends as
    /// `cancelled` all the same, unless it had ended otherwise before. [`CancelError::Store`] when
    /// the store didn't accept its end for so long that it has failed.
    ///
    /// # Cancellation
    /// Dropping the future only gives up waiting for the end of the run.
    pub async fn cancel(
        &self,
        id: WorkerId,
        expected: Option<RunId>,
    ) -> Result<Cancellation, CancelError> {
        if let Lookup::Stored(..) = self.inner.lookup(id)? {
            // Workers with a run are in memory.
            return Ok(Cancellation::NotRunning);
        }
        let slot = self.inner.slot(id).await?;
        let deadline = sync::after(self.inner.limits.cancel_wait);
        loop {
            let changed = slot.changed();
            match slot.cancel(expected, EndReason::Cancelled)? {
                Attempt::Wait => changed.await,
                Attempt::Done(CancelStep::NotRunning) => return Ok(Cancellation::NotRunning),
                Attempt::Done(CancelStep::Cancelling(run_id)) => {
                    slot.ended(run_id, deadline).await?;
                    return match slot.lacks_stored_end(run_id) {
                        None => Ok(Cancellation::Cancelled { run_id }),
                        Some(error) => Err(error.into()),
                    };
                }
                Attempt::Done(CancelStep::TooLate(run_id)) => {
                    slot.ended(run_id, deadline).await?;
                    return Ok(Cancellation::NotRunning);
                }
            }
        }
    }
}

impl Inner {
    fn starter(self: &Arc<Self>, executor: Executor) -> Starter {
        let storage = self.storage.as_ref().map(|storage| RunStorage {
            storage: Arc::clone(storage),
            executor: executor.clone(),
        });
        Starter {
            inner: Arc::downgrade(self),
            engine: Arc::clone(&self.engine),
            run_time: self.limits.run_time,
            executor,
            storage,
        }
    }
}

impl Starter {
    fn start(self, slot: Arc<Slot>, accepted: &Accepted, start: RunStart) {
        // Before anything else: with the guard the run ends whatever happens.
        let run_id = accepted.run_id;
        let worker_id = slot.id();
        let run = RunGuard::new(slot, run_id, self.inner);
        debug!(%worker_id, %run_id, "input accepted");
        let (engine, run_time) = (self.engine, self.run_time);
        let executor = self.executor;
        executor.spawn(drive(run, engine, start, run_time, self.storage));
    }
}
