//! Sending inputs to a worker, and cancelling their runs.

use tracing::debug;

use super::Runtime;
use super::run_task::{RunGuard, drive};
use super::slot::Started;
use crate::command::{Accepted, Cancellation, Input};
use crate::core::NewRun;
use crate::error::{CancelError, InputError};
use crate::fingerprint::Fingerprint;
use crate::id::{RunId, WorkerId};
use crate::sync::{self, Executor};

impl Runtime {
    /// Sends an input to a worker: commits it to the transcript and starts a run. If bytes are
    /// short, the workers that have been stopped for longest are forgotten.
    ///
    /// # Errors
    /// See [`InputError`]; the worker has not changed then. When several apply, the first in
    /// this order is returned: unknown, conflict, stopped, busy, empty, too large, stopping,
    /// capacity. A replay succeeds in every state.
    ///
    /// # Panics
    /// Outside of a tokio runtime; nothing has changed then.
    ///
    /// # Ordering
    /// The run's first event follows `input_accepted` directly.
    pub fn send_input(&self, id: WorkerId, input: Input) -> Result<Accepted, InputError> {
        let executor = Executor::current();
        let slot = self.inner.slot(id)?;
        // Hashed outside of the worker's lock.
        let keyed = |key| (key, Fingerprint::new(&[Some(&input.content)]));
        let input = NewRun {
            run_id: RunId::generate(),
            key: input.idempotency_key.map(keyed),
            content: input.content.into(),
        };
        let now = slot.now();
        let start = loop {
            match slot.start(input.clone(), now, || self.inner.accepting()) {
                Err(InputError::Capacity(error))
                    if self.inner.forget_oldest_stopped(error.limit) => {}
                result => break result?,
            }
        };
        let (accepted, start) = match start {
            Started::Replayed(accepted) => return Ok(accepted),
            Started::New(accepted, start) => (accepted, start),
        };
        // Before anything else: with the guard the run ends whatever happens.
        let run_id = accepted.run_id;
        let run = RunGuard::new(slot, run_id);
        debug!(worker_id = %id, %run_id, "input accepted");
        let engine = self.inner.engine.clone();
        executor.spawn(drive(run, engine, start, self.inner.limits.run_time));
        Ok(accepted)
    }

    /// Cancels the active run, or the one that is named if it is the active one, and
    /// waits until it has ended.
    ///
    /// # Errors
    /// [`CancelError::StillEnding`] when the engine doesn't let go of the run within
    /// [`Limits::cancel_wait`](crate::Limits); it ends as `cancelled` all the same.
    ///
    /// # Cancellation
    /// The cancel is accepted before the first `.await`; dropping the future only gives
    /// up waiting for it.
    pub async fn cancel(
        &self,
        id: WorkerId,
        expected: Option<RunId>,
    ) -> Result<Cancellation, CancelError> {
        let slot = self.inner.slot(id)?;
        let Some(run_id) = slot.apply(|worker| worker.cancel(expected))? else {
            return Ok(Cancellation::NotRunning);
        };
        let deadline = sync::after(self.inner.limits.cancel_wait);
        slot.ended(run_id, deadline).await?;
        Ok(Cancellation::Cancelled { run_id })
    }
}
