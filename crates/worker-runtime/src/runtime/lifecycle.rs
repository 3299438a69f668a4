//! Creating, stopping and forgetting workers, and shutting the runtime down.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tracing::{debug, info};

use super::{Inner, Runtime, Slot};
use crate::command::{ActiveRun, CreateWorker, Created, ShutdownReport};
use crate::core::{Birth, Fingerprint, Worker};
use crate::display_name::DisplayName;
use crate::error::{CapacityExhausted, CreateError, StopError};
use crate::id::{IdempotencyKey, WorkerId};
use crate::limits::LimitName;
use crate::profile::Profile;
use crate::snapshot::WorkerSnapshot;
use crate::sync::{self, Ordering};

/// A request to create a worker, found to be in order.
struct NewWorker<'a> {
    display_name: Option<DisplayName>,
    profile: &'a Profile,
    key: Option<IdempotencyKey>,
    fingerprint: Fingerprint,
}

impl Runtime {
    /// Creates a worker, or finds the one that was created under the same key. If there
    /// is no room, the workers that have been stopped for longest are forgotten.
    ///
    /// # Errors
    /// See [`CreateError`]; no worker is created then.
    pub fn create(&self, request: CreateWorker) -> Result<Created, CreateError> {
        let profiles = &self.inner.profiles;
        let (name, profile) = (request.display_name.as_deref(), request.profile.as_deref());
        let request = NewWorker {
            display_name: name.map(str::parse).transpose()?,
            profile: match profile {
                None => profiles.default_profile(),
                Some(id) => profiles.get(id).ok_or(CreateError::UnknownProfile)?,
            },
            fingerprint: Fingerprint::of(&[name, profile]),
            key: request.idempotency_key,
        };
        loop {
            match self.inner.create(&request) {
                Err(CreateError::Capacity(short)) if self.inner.make_room(short.limit) => {}
                done => return done,
            }
        }
    }

    /// Stops a worker for good, and cancels its run first. Stopping it again changes
    /// nothing.
    ///
    /// # Errors
    /// [`StopError::StillEnding`] when the engine doesn't let go of the run in time; the
    /// worker stops as soon as it does.
    ///
    /// # Cancellation
    /// The stop is accepted before the first `.await`; dropping the future only gives up
    /// waiting for it.
    pub async fn stop(&self, id: WorkerId) -> Result<WorkerSnapshot, StopError> {
        let slot = self.inner.slot(id)?;
        let now = slot.now();
        if let Some(run_id) = slot.apply(|worker| worker.stop(now)) {
            let deadline = sync::after(self.inner.limits.cancel_wait);
            slot.ended(run_id, deadline).await?;
        }
        debug!(worker_id = %id, "worker stopped");
        Ok(slot.snapshot())
    }

    /// Takes no more work, cancels the active runs, and wakes everybody who waits. Ends
    /// when all runs have ended, at the latest after `deadline`. Reading still works
    /// afterwards.
    ///
    /// # Cancellation
    /// The runs are cancelled before the first `.await`; dropping the future only gives
    /// up waiting for them.
    pub async fn shutdown(&self, deadline: Duration) -> ShutdownReport {
        self.inner.stopping.store(true, Ordering::SeqCst);
        let deadline = sync::after(deadline);
        let mut active = Vec::new();
        for slot in self.inner.slots() {
            if let Some(run_id) = slot.cancel() {
                active.push((Arc::clone(&slot), run_id));
            }
            slot.wake();
        }
        let ends = active
            .iter()
            .map(|(slot, run_id)| slot.ended(*run_id, deadline));
        let ends = join_all(ends).await;

        let mut report = ShutdownReport::default();
        for ((slot, run_id), end) in active.iter().zip(ends) {
            let list = match end {
                Ok(()) => &mut report.cancelled,
                Err(_) => &mut report.abandoned,
            };
            list.push(ActiveRun {
                worker_id: slot.id(),
                run_id: *run_id,
            });
        }
        info!(
            cancelled = report.cancelled.len(),
            abandoned = report.abandoned.len(),
            "runtime shut down"
        );
        report
    }
}

impl Inner {
    fn create(&self, request: &NewWorker<'_>) -> Result<Created, CreateError> {
        let at = self.clock.now();
        let slot = self.directory.write(|directory| {
            let known = request
                .key
                .as_ref()
                .and_then(|key| directory.created_under(key));
            if let Some((fingerprint, slot)) = known {
                return if fingerprint == request.fingerprint {
                    Ok((slot, true))
                } else {
                    Err(CreateError::IdempotencyConflict)
                };
            }
            self.accepting()?;
            if directory.len() >= self.limits.workers {
                let limit = LimitName::Workers;
                return Err(CapacityExhausted { limit }.into());
            }
            // Made in here, so that the order of the ids is that of the creations.
            let id = WorkerId::mint();
            let birth = Birth {
                id,
                epoch: self.epoch,
                display_name: match &request.display_name {
                    Some(name) => name.clone(),
                    None => DisplayName::default_for(id),
                },
                profile: request.profile.id().clone(),
                key: request.key.clone(),
                at,
            };
            let slot = Slot::new(
                birth,
                request.profile,
                &self.limits,
                &self.ledger,
                &self.clock,
            )?;
            let slot = Arc::new(slot);
            directory.insert(Arc::clone(&slot), request.fingerprint);
            Ok((slot, false))
        });
        let (slot, replayed) = slot?;
        debug!(worker_id = %slot.id(), replayed, "worker created");
        let worker = slot.snapshot();
        Ok(Created { worker, replayed })
    }

    /// Forgets the worker that has been stopped for longest, if that can help with this
    /// limit and there is one; says whether it did.
    pub(super) fn make_room(&self, limit: LimitName) -> bool {
        if !matches!(limit, LimitName::Workers | LimitName::TotalBytes) {
            return false;
        }
        let Some(id) = self.ledger.take_oldest_stopped() else {
            return false;
        };
        let slot = self.directory.write(|directory| directory.remove(id));
        if let Some(slot) = slot {
            self.ledger.leave(slot.read(Worker::state));
            debug!(worker_id = %id, "worker forgotten");
        }
        true
    }
}
