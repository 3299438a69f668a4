//! The shell around the rules: the handle, its locks, tasks, timers and notifications.
//!
//! Locks: one for the [directory], one in each [slot], one for the order of stopping in the
//! [totals]. The only section that enters another one is a slot's: it enters the order of
//! stopping, so that a caller that sees a worker stopped can have it forgotten. None contains an
//! `.await`.

use std::sync::Arc;

use crate::core::WorkerSnapshot;
use crate::cursor::Epoch;
use crate::engine::{ModelInfo, TurnEngine};
use crate::error::{Stopping, UnknownWorker};
use crate::id::WorkerId;
use crate::limits::Limits;
use crate::profile::ProfileSet;
use crate::status::{Phase, RuntimeStatus};
use crate::sync::{AtomicBool, Mutex, Ordering};

mod builder;
mod clock;
mod directory;
mod engine_future;
mod interaction;
mod lifecycle;
mod list;
mod reading;
mod reply;
mod run_task;
mod slot;
mod totals;
mod usage_counter;

pub use builder::RuntimeBuilder;
use clock::MillisClock;
pub use clock::{Clock, SystemClock};
use directory::Directory;
pub use lifecycle::Created;
pub use list::{ListQuery, WorkerPage};
pub use reply::{Reply, ReplyError};
use slot::Slot;
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
    clock: MillisClock,
    epoch: Epoch,
    stopping: AtomicBool,
    directory: Mutex<Directory>,
    totals: Arc<Totals>,
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
            active_runs: totals.runs.used(),
            waiting_pollers: totals.pollers.used(),
            held_bytes: totals.bytes.used(),
        }
    }

    /// The worker with this id.
    ///
    /// # Errors
    /// [`UnknownWorker`].
    pub fn get(&self, id: WorkerId) -> Result<WorkerSnapshot, UnknownWorker> {
        Ok(self.inner.slot(id)?.snapshot())
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

    fn slot(&self, worker_id: WorkerId) -> Result<Arc<Slot>, UnknownWorker> {
        self.directory
            .with(|directory| directory.get(worker_id))
            .ok_or(UnknownWorker { worker_id })
    }

    fn slots(&self) -> Vec<Arc<Slot>> {
        self.directory.with(|directory| directory.all())
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        for slot in self.slots() {
            slot.cancel();
        }
    }
}

#[cfg(test)]
#[cfg(feature = "shuttle")]
mod schedules;
#[cfg(test)]
#[cfg(not(feature = "shuttle"))]
mod tests;
