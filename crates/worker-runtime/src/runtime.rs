//! The shell around the rules: the handle, its locks, tasks, timers and notifications.
//!
//! Locks: one for the [directory], one in each [slot], and in the [totals] one each for the order of
//! stopping, for the [runs](run_queue) and for the [readers that wait](pollers). Two sections enter
//! another one: the directory's enters a slot's, to see whether the worker can make way for others; a
//! slot's enters those of the totals, so that a caller that sees a worker stopped can have it
//! forgotten, and one that sees a run ended can start another. None contains an `.await`.
//!
//! With a [store](storage), operations [commit] their change before anybody can see it.

use std::sync::Arc;

use crate::core::WorkerSnapshot;
use crate::cursor::{Cursor, Epoch};
use crate::engine::{ModelInfo, TurnEngine};
use crate::error::{ReadError, Stopping, StoreUnavailable};
use crate::id::WorkerId;
use crate::limits::Limits;
use crate::profile::ProfileSet;
use crate::status::{Phase, RuntimeStatus, StoreStatus};
use crate::sync::{AtomicBool, Mutex, Ordering};

mod builder;
mod capacity;
mod clock;
mod commit;
mod create;
mod directory;
mod drafts;
mod engine_future;
mod interaction;
mod lifecycle;
mod list;
mod pollers;
mod polling;
mod reading;
mod reply;
mod residency;
mod retention;
mod run_queue;
mod run_task;
mod slot;
mod storage;
mod totals;
mod usage_counter;

pub use builder::RuntimeBuilder;
pub use clock::{Clock, SystemClock};
pub use create::Created;
use directory::Directory;
pub use list::{ListQuery, WorkerPage};
pub use reply::{Reply, ReplyError};
use residency::Lookup;
use slot::{Shared, Slot};
use storage::{Storage, read_error};
use totals::Totals;

/// Workers that hold conversations inside this process. A clone is a cheap handle on
/// the same runtime.
///
/// Build it anywhere; call its operations within a tokio runtime whose timers are
/// enabled. Dropping the last handle cancels the runs that are active; for an orderly
/// end use [`shutdown`](Self::shutdown).
#[derive(Clone)]
pub struct Runtime {
    inner: Arc<Inner>,
}

/// What the handles share. Run tasks hold slots, never this, so that dropping the last handle
/// drops it.
struct Inner {
    engine: Arc<dyn TurnEngine>,
    limits: Arc<Limits>,
    models: Vec<ModelInfo>,
    profiles: Mutex<Arc<ProfileSet>>,
    epoch: Epoch,
    stopping: AtomicBool,
    directory: Mutex<Directory>,
    totals: Arc<Totals>,
    /// What the slots share with this.
    shared: Shared,
    storage: Option<Arc<Storage>>,
    /// Workers of the store that can't be read.
    unreadable_workers: usize,
}

impl Runtime {
    /// A builder with the [`OfflineEngine`](crate::OfflineEngine), the built-in profiles
    /// and the default limits.
    pub fn builder() -> RuntimeBuilder {
        RuntimeBuilder::default()
    }

    /// The limits that it was built with.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    /// The models that workers may choose from, the default one first.
    #[must_use]
    pub fn models(&self) -> &[ModelInfo] {
        &self.inner.models
    }

    /// The profiles that new workers may choose from.
    #[must_use]
    pub fn profiles(&self) -> Arc<ProfileSet> {
        self.inner.profiles.with(|profiles| Arc::clone(profiles))
    }

    /// Replaces the profiles that new workers may choose from. A worker keeps the profile that it
    /// was created with.
    pub fn set_profiles(&self, profiles: ProfileSet) {
        self.inner.profiles.with(|held| *held = Arc::new(profiles));
    }

    /// What it is doing. Costs the same however many workers there are.
    #[must_use]
    pub fn status(&self) -> RuntimeStatus {
        let totals = &self.inner.totals;
        RuntimeStatus {
            phase: match self.inner.accepting() {
                Ok(()) => Phase::Accepting,
                Err(Stopping) => Phase::Stopping,
            },
            epoch: self.inner.epoch,
            workers: totals.worker_counts(),
            active_runs: totals.runs.running(),
            queued_runs: totals.runs.waiting(),
            waiting_pollers: totals.pollers.waiting(),
            held_bytes: totals.bytes.used(),
            resident_workers: self.inner.directory.with(|directory| directory.resident()),
            store: self.inner.storage.as_ref().map(|storage| StoreStatus {
                failure: storage.failure(),
                unreadable_workers: self.inner.unreadable_workers,
            }),
        }
    }

    /// The worker with this id. One that is not in memory is read from the store, and stays there.
    ///
    /// # Errors
    /// See [`ReadError`].
    ///
    /// # Cancellation
    /// Dropping the future only gives up the result.
    pub async fn get(&self, id: WorkerId) -> Result<WorkerSnapshot, ReadError> {
        loop {
            let stored = match self.inner.lookup(id)? {
                Lookup::Resident(slot) => return Ok(slot.snapshot()),
                Lookup::Stored(stored, _) => stored,
            };
            let reader = self.inner.expect_storage().reader();
            let read = reader.workers(&[id]).await;
            let mut read = read.map_err(|error| read_error(&error))?;
            match self.inner.lookup(id)? {
                Lookup::Stored(now, loading) if now == stored => match (read.pop(), loading) {
                    (Some(worker), _) => {
                        let cursor = Cursor::new(self.inner.epoch, stored.latest_event);
                        return Ok(WorkerSnapshot::of_stored(worker, cursor));
                    }
                    // The store may have deleted it, and the directory not yet.
                    (None, Some(loading)) => self.inner.loading_ended(id, &loading).await,
                    (None, None) => return Err(StoreUnavailable::FAILED.into()),
                },
                // Read again: it was loaded meanwhile, and may have changed since.
                Lookup::Resident(_) | Lookup::Stored(..) => {}
            }
        }
    }
}

impl std::fmt::Debug for Runtime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runtime")
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}

impl Inner {
    /// Whether new work is taken. Called inside the section that commits the work: the shutdown,
    /// which sets the flag before it enters that section, then either sees the work or
    /// prevents it.
    fn accepting(&self) -> Result<(), Stopping> {
        if self.stopping.load(Ordering::SeqCst) {
            Err(Stopping)
        } else {
            Ok(())
        }
    }

    /// The slots of the workers in memory.
    fn slots(&self) -> Vec<Arc<Slot>> {
        self.directory.with(|directory| directory.slots())
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        for slot in self.slots() {
            // A run whose input is still being committed goes on until its task is dropped.
            let _ = slot.cancel(None, self.shared.persistence.end_of_runtime());
        }
        if let Some(storage) = &self.storage {
            storage.close();
        }
    }
}

#[cfg(test)]
#[cfg(feature = "shuttle")]
mod schedules;
#[cfg(test)]
#[cfg(not(feature = "shuttle"))]
pub(crate) mod tests;
