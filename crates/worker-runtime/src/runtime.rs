//! The shell around the rules: the handle, its locks, tasks, timers and wake-ups.
//!
//! Locks: one for the [directory], which readers share, one in each [slot], one for the order
//! of stopping in the [ledger]. They are entered in this order alone. A section that reads the
//! directory may enter slots, one after the other, so that a list reads its workers where they
//! are; a slot's section may enter the ledger's, so that whoever sees a worker stopped can have
//! its place. No other section enters another one, and none contains an `.await`.

use std::sync::Arc;

use crate::cursor::Epoch;
use crate::engine::{ModelInfo, TurnEngine};
use crate::error::{Stopping, UnknownWorker};
use crate::id::WorkerId;
use crate::limits::Limits;
use crate::profile::ProfileSet;
use crate::query::{ListQuery, WorkerPage};
use crate::snapshot::{ListedWorker, Phase, RuntimeStatus, WorkerSnapshot};
use crate::sync::{AtomicBool, Ordering, RwLock};

mod builder;
mod changes;
mod clock;
mod contained;
mod directory;
mod interaction;
mod ledger;
mod lifecycle;
mod meter;
mod observation;
mod run;
mod slot;

pub use builder::RuntimeBuilder;
use clock::MillisClock;
pub use clock::{Clock, SystemClock};
use directory::Directory;
use ledger::Ledger;
use slot::Slot;

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

/// What the handles share. Run tasks hold slots, never this, so that the last handle
/// going away is seen.
struct Inner {
    engine: Arc<dyn TurnEngine>,
    limits: Arc<Limits>,
    profiles: ProfileSet,
    clock: MillisClock,
    epoch: Epoch,
    stopping: AtomicBool,
    directory: RwLock<Directory>,
    ledger: Arc<Ledger>,
}

impl Runtime {
    /// A builder with the [`OfflineEngine`](crate::OfflineEngine), the built-in profiles
    /// and the default limits.
    pub fn builder() -> RuntimeBuilder {
        RuntimeBuilder::default()
    }

    /// The bounds that it was built with.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    /// What answers its workers, for people.
    #[must_use]
    pub fn model(&self) -> Option<ModelInfo> {
        self.inner.engine.model()
    }

    /// The profiles that it was built with.
    #[must_use]
    pub fn profiles(&self) -> &ProfileSet {
        &self.inner.profiles
    }

    /// What it is doing. Costs the same however many workers there are.
    #[must_use]
    pub fn status(&self) -> RuntimeStatus {
        let ledger = &self.inner.ledger;
        RuntimeStatus {
            phase: match self.inner.accepting() {
                Ok(()) => Phase::Accepting,
                Err(Stopping) => Phase::Stopping,
            },
            epoch: self.inner.epoch,
            workers: ledger.counts(),
            active_runs: ledger.runs.used(),
            waiting_pollers: ledger.pollers.used(),
            held_bytes: ledger.bytes.used(),
        }
    }

    /// The worker with this id.
    ///
    /// # Errors
    /// [`UnknownWorker`].
    pub fn get(&self, id: WorkerId) -> Result<WorkerSnapshot, UnknownWorker> {
        Ok(self.inner.slot(id)?.snapshot())
    }

    /// Some workers, newest first. A page costs what is on it, and with a filter at most
    /// [`Limits::list_scan`] workers.
    ///
    /// # Ordering
    /// Pages read one after the other show every worker that exists all the while
    /// exactly once, whatever is created or forgotten in between.
    #[must_use]
    pub fn list(&self, query: ListQuery) -> WorkerPage {
        self.page(query, |slot| {
            slot.read_if_in(query.state, |worker| worker.snapshot(slot.birth()))
        })
    }

    /// The same as [`list`](Self::list), each worker as what the caller makes of it, which is
    /// looked at where it is.
    ///
    /// `show` has to be quick, and must not call the runtime. Workers can be read meanwhile, by
    /// lists as well, but whoever creates or forgets one waits until the page is made, and who
    /// comes after that waits with them: until at most [`Limits::list_scan`] workers have been
    /// looked at, and a page of them shown.
    #[must_use]
    pub fn list_as<W>(
        &self,
        query: ListQuery,
        mut show: impl FnMut(ListedWorker<'_>) -> W,
    ) -> WorkerPage<W> {
        self.page(query, |slot| {
            let seen = slot.read_if_in(query.state, |worker| worker.listed(slot.birth()));
            // Outside of the worker's own section; the directory's is still open.
            seen.map(&mut show)
        })
    }

    /// The workers that `show` makes something of: those in the state that is asked for. It is
    /// called within the directory's section, and may enter the slot's.
    // Inlined, so that what is seen of a worker is not moved before it is shown.
    #[inline(always)]
    fn page<W>(&self, query: ListQuery, mut show: impl FnMut(&Slot) -> Option<W>) -> WorkerPage<W> {
        let limits = &self.inner.limits;
        let limit = limits.page(query.limit);
        let scan = match query.state {
            None => limit,
            Some(_) => limits.list_scan,
        };
        self.inner.directory.read(|directory| {
            let mut workers = Vec::with_capacity(limit.min(directory.len()));
            let (mut last, mut next) = (None, None);
            for (looked_at, slot) in directory.older_than(query.after).enumerate() {
                // One more than is looked at tells that the list goes on.
                if looked_at == scan || workers.len() == limit {
                    next = last;
                    break;
                }
                last = Some(slot);
                if let Some(worker) = show(slot) {
                    workers.push(worker);
                }
            }
            WorkerPage {
                workers,
                next: next.map(Slot::id),
            }
        })
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
    /// Whether new work is taken. Looked at inside the section that commits the work:
    /// then the shutdown, which raises the flag before it enters that section, either
    /// sees the work or prevents it.
    fn accepting(&self) -> Result<(), Stopping> {
        if self.stopping.load(Ordering::SeqCst) {
            Err(Stopping)
        } else {
            Ok(())
        }
    }

    fn slot(&self, worker_id: WorkerId) -> Result<Arc<Slot>, UnknownWorker> {
        self.directory
            .read(|directory| directory.get(worker_id))
            .ok_or(UnknownWorker { worker_id })
    }

    fn slots(&self) -> Vec<Arc<Slot>> {
        self.directory.read(Directory::all)
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
