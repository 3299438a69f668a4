//! Creating, stopping and forgetting workers, and shutting the runtime down.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tracing::{debug, info};

use super::{Inner, Runtime, Slot};
use crate::command::{ActiveRun, CreateWorker, ShutdownReport};
use crate::core::{Worker, WorkerMetadata, WorkerSnapshot};
use crate::display_name::DisplayName;
use crate::error::{
    CapacityExhausted, CreateError, DeleteError, RenameError, StopError, UnknownWorker,
};
use crate::fingerprint::Fingerprint;
use crate::id::{IdempotencyKey, WorkerId};
use crate::limits::LimitName;
use crate::profile::{Profile, ProfileSet};
use crate::sync::{self, Ordering};

/// A validated request to create a worker.
struct NewWorker<'a> {
    display_name: Option<DisplayName>,
    /// Its profile and the name of its model. An error counts only if the worker isn't there
    /// already: its profile may have gone since it was created.
    choice: Result<(&'a Profile, Option<Arc<str>>), CreateError>,
    key: Option<IdempotencyKey>,
    fingerprint: Fingerprint,
}

/// A worker that exists now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created {
    /// The worker as it is now, also when it was created earlier.
    pub worker: WorkerSnapshot,
    /// Whether an earlier request with the same key created it.
    pub replayed: bool,
}

impl Runtime {
    /// Creates a worker, or finds the one that was created under the same key. If there
    /// is no capacity, the workers that have been stopped for longest are forgotten.
    ///
    /// # Errors
    /// See [`CreateError`]; no worker is created then.
    pub fn create(&self, request: CreateWorker) -> Result<Created, CreateError> {
        let profiles = self.profiles();
        let (name, profile) = (request.display_name.as_deref(), request.profile.as_deref());
        let model = request.model.as_deref();
        let request = NewWorker {
            display_name: name.map(str::parse).transpose()?,
            choice: self.inner.choose(&profiles, profile, model),
            fingerprint: Fingerprint::new(&[name, profile, model]),
            key: request.idempotency_key,
        };
        loop {
            match self.inner.create(&request) {
                Err(CreateError::Capacity(error))
                    if self.inner.forget_oldest_stopped(error.limit) => {}
                result => return result,
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

    /// Gives a worker another name, also when it runs or is stopped.
    ///
    /// # Errors
    /// See [`RenameError`]; the worker keeps its name then.
    pub async fn rename(&self, id: WorkerId, name: &str) -> Result<WorkerSnapshot, RenameError> {
        let slot = self.inner.slot(id)?;
        let name = name.parse()?;
        slot.apply(|worker| worker.rename(name));
        Ok(slot.snapshot())
    }

    /// Deletes a worker with everything that belongs to it, and cancels its run first. It is
    /// unknown afterwards, and so is the idempotency key that it was created under.
    ///
    /// # Errors
    /// [`DeleteError::StillEnding`] when the engine doesn't let go of the run in time; the worker
    /// is stopped as soon as it does, and can be deleted then.
    ///
    /// # Cancellation
    /// As with [`stop`](Self::stop): the worker ends up stopped, or deleted.
    pub async fn delete(&self, id: WorkerId) -> Result<(), DeleteError> {
        self.stop(id).await.map_err(|error| match error {
            StopError::UnknownWorker(error) => DeleteError::UnknownWorker(error),
            StopError::StillEnding(error) => DeleteError::StillEnding(error),
        })?;
        let slot = self.inner.directory.with(|directory| directory.remove(id));
        let slot = slot.ok_or(UnknownWorker { worker_id: id })?;
        self.inner.totals.remove_stopped(id);
        self.inner.totals.leave(slot.read(Worker::state));
        slot.wake();
        debug!(worker_id = %id, "worker deleted");
        Ok(())
    }

    /// Refuses new work, cancels the active runs, and wakes every waiting reader. Returns
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
    /// The profile and the model of a new worker.
    fn choose<'a>(
        &self,
        profiles: &'a ProfileSet,
        profile: Option<&str>,
        model: Option<&str>,
    ) -> Result<(&'a Profile, Option<Arc<str>>), CreateError> {
        let profile = match profile {
            None => profiles.default_profile(),
            Some(id) => profiles.get(id).ok_or(CreateError::UnknownProfile)?,
        };
        Ok((profile, self.model(model.or(profile.model()))?))
    }

    /// The name of a worker's model: the one that is wanted, or the default one.
    fn model(&self, wanted: Option<&str>) -> Result<Option<Arc<str>>, CreateError> {
        let found = match wanted {
            None => self.models.first(),
            Some(name) => {
                let found = self.models.iter().find(|model| model.name == name);
                Some(found.ok_or(CreateError::UnknownModel)?)
            }
        };
        Ok(found.map(|model| model.name.as_str().into()))
    }

    fn create(&self, request: &NewWorker<'_>) -> Result<Created, CreateError> {
        let created_at = self.clock.now();
        let slot = self.directory.with(|directory| {
            let known = request
                .key
                .as_ref()
                .and_then(|key| directory.find_by_key(key));
            if let Some((fingerprint, slot)) = known {
                return if fingerprint == request.fingerprint {
                    Ok((slot, true))
                } else {
                    Err(CreateError::IdempotencyConflict)
                };
            }
            let (profile, model) = request.choice.as_ref().map_err(|error| *error)?;
            self.accepting()?;
            if directory.len() >= self.limits.workers {
                let limit = LimitName::Workers;
                return Err(CapacityExhausted { limit }.into());
            }
            // Generated under the lock, so that ids have the order of the creations.
            let id = WorkerId::generate();
            let metadata = WorkerMetadata {
                id,
                epoch: self.epoch,
                profile: profile.id().clone(),
                model: model.clone(),
                key: request.key.clone(),
                created_at,
            };
            let display_name = request.display_name.clone();
            let display_name = display_name.unwrap_or_else(|| DisplayName::default_for(id));
            let (limits, totals) = (&self.limits, &self.totals);
            let slot = Slot::new(metadata, display_name, profile, limits, totals, &self.clock)?;
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
    /// limit. Returns false when there is nothing to forget.
    pub(super) fn forget_oldest_stopped(&self, limit: LimitName) -> bool {
        if !matches!(limit, LimitName::Workers | LimitName::TotalBytes) {
            return false;
        }
        let Some(id) = self.totals.pop_oldest_stopped() else {
            return false;
        };
        let slot = self.directory.with(|directory| directory.remove(id));
        if let Some(slot) = slot {
            self.totals.leave(slot.read(Worker::state));
            debug!(worker_id = %id, "worker forgotten");
        }
        true
    }
}
