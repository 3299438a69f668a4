//! Building a runtime, in memory or on a store.

use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use tracing::{info, warn};

use super::clock::MillisClock;
use super::directory::Directory;
use super::retention::delete_stopped;
use super::slot::{Persistence, Shared};
use super::storage::Storage;
use super::totals::Totals;
use super::{Clock, Inner, Runtime, SystemClock};
use crate::cursor::Epoch;
use crate::engine::{OfflineEngine, TurnEngine};
use crate::error::{BuildError, OpenError};
use crate::limits::{Limits, RESERVATION_STEP_BYTES};
use crate::profile::ProfileSet;
use crate::store::{Index, WorkerStore};
use crate::sync::{AtomicBool, Executor, Mutex};

/// Interrupted runs that are ended at once when a runtime is opened: a store commits them together.
const INTERRUPTED_AT_ONCE: usize = 64;

/// Builds a [`Runtime`]; made by [`Runtime::builder`].
#[must_use]
pub struct RuntimeBuilder {
    engine: Arc<dyn TurnEngine>,
    limits: Limits,
    profiles: ProfileSet,
    clock: Arc<dyn Clock>,
    delete_stopped_after: Option<Duration>,
    reservation_step: usize,
}

impl Default for RuntimeBuilder {
    fn default() -> Self {
        Self {
            engine: Arc::new(OfflineEngine::default()),
            limits: Limits::default(),
            profiles: ProfileSet::default(),
            clock: Arc::new(SystemClock),
            delete_stopped_after: None,
            reservation_step: RESERVATION_STEP_BYTES,
        }
    }
}

impl RuntimeBuilder {
    /// The engine that produces the workers' text.
    pub fn engine(mut self, engine: Arc<dyn TurnEngine>) -> Self {
        self.engine = engine;
        self
    }

    /// Other limits than the default ones.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Other profiles than the built-in ones.
    pub fn profiles(mut self, profiles: ProfileSet) -> Self {
        self.profiles = profiles;
        self
    }

    /// The clock for the timestamps of entries and events. Waits and run times follow the
    /// executor's timers instead.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// How long a worker has been stopped, without activity, when it is deleted from the store;
    /// by default none is. Without a store this has no effect.
    pub fn delete_stopped_after(mut self, age: Duration) -> Self {
        self.delete_stopped_after = Some(age);
        self
    }

    /// Other steps in which the bytes of a run are reserved: small ones, for tests with small limits.
    #[cfg(test)]
    pub(super) fn reservation_step(mut self, bytes: usize) -> Self {
        self.reservation_step = bytes;
        self
    }

    /// Builds a runtime that keeps everything in memory. Needs no executor yet.
    ///
    /// # Errors
    /// [`BuildError::Limits`] when a limit can't work.
    pub fn build(self) -> Result<Runtime, BuildError> {
        let inner = self.into_inner(None, Index::default())?;
        Ok(Runtime {
            inner: Arc::new(inner),
        })
    }

    /// Builds a runtime that keeps its workers in `store`, with the workers that are there. Runs
    /// that the end of an earlier process cut off have failed as `interrupted`. Cursors of before
    /// have expired.
    ///
    /// If the store takes no writes, those runs end when their workers are next used.
    ///
    /// # Errors
    /// See [`OpenError`].
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub async fn open(self, store: Arc<dyn WorkerStore>) -> Result<Runtime, OpenError> {
        let index = store.index().await?;
        let cut_off = index.workers.iter().filter(|worker| worker.has_active_run);
        let cut_off: Vec<_> = cut_off.map(|worker| worker.id).collect();
        if index.unreadable > 0 {
            let unreadable = index.unreadable;
            warn!(
                unreadable,
                "workers in the store can't be read, and are not shown"
            );
        }
        let retention = self.delete_stopped_after;
        let inner = Arc::new(self.into_inner(Some(Storage::new(store)), index)?);

        let total = cut_off.len();
        let ends = cut_off.into_iter().map(|id| {
            let inner = Arc::clone(&inner);
            async move { inner.end_interrupted_run(id).await }
        });
        // Each takes a place in memory meanwhile.
        let at_once = INTERRUPTED_AT_ONCE.min(inner.limits.workers);
        let ends = stream::iter(ends).buffer_unordered(at_once);
        let failed = ends.filter(|end| ready(end.is_err())).count().await;
        let workers = inner.directory.with(|directory| directory.len());
        let interrupted = total - failed;
        info!(workers, interrupted, failed, "workers restored");
        if let Some(age) = retention {
            Executor::current().spawn(delete_stopped(Arc::downgrade(&inner), age));
        }
        Ok(Runtime { inner })
    }

    fn into_inner(self, storage: Option<Arc<Storage>>, index: Index) -> Result<Inner, BuildError> {
        self.limits.validate()?;
        let limits = Arc::new(self.limits);
        let totals = Arc::new(Totals::new(&limits, self.reservation_step));
        for worker in &index.workers {
            totals.enter(worker.state.into());
        }
        let directory = match &storage {
            None => Directory::default(),
            Some(_) => Directory::of_stored(index.workers),
        };
        Ok(Inner {
            models: self.engine.models(),
            engine: self.engine,
            profiles: Mutex::new(Arc::new(self.profiles)),
            epoch: Epoch::random(),
            stopping: AtomicBool::new(false),
            directory: Mutex::new(directory),
            shared: Shared {
                totals: Arc::clone(&totals),
                clock: MillisClock::new(self.clock),
                persistence: match &storage {
                    None => Persistence::Memory,
                    Some(_) => Persistence::Store,
                },
            },
            limits,
            totals,
            storage,
            unreadable_workers: index.unreadable,
        })
    }
}

impl std::fmt::Debug for RuntimeBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RuntimeBuilder")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
