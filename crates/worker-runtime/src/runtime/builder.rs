//! Building a runtime.

use std::sync::Arc;

use super::clock::MillisClock;
use super::directory::Directory;
use super::totals::Totals;
use super::{Clock, Inner, Runtime, SystemClock};
use crate::cursor::Epoch;
use crate::engine::{OfflineEngine, TurnEngine};
use crate::error::BuildError;
use crate::limits::Limits;
use crate::profile::ProfileSet;
use crate::sync::{AtomicBool, Mutex};

/// Builds a [`Runtime`]; made by [`Runtime::builder`].
#[must_use]
pub struct RuntimeBuilder {
    engine: Arc<dyn TurnEngine>,
    limits: Limits,
    profiles: ProfileSet,
    clock: Arc<dyn Clock>,
}

impl Default for RuntimeBuilder {
    fn default() -> Self {
        Self {
            engine: Arc::new(OfflineEngine::default()),
            limits: Limits::default(),
            profiles: ProfileSet::default(),
            clock: Arc::new(SystemClock),
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

    /// Builds the runtime. Needs no executor yet.
    ///
    /// # Errors
    /// [`BuildError::Limits`] when a limit can't work.
    pub fn build(self) -> Result<Runtime, BuildError> {
        self.limits.validate()?;
        let totals = Arc::new(Totals::new(&self.limits));
        Ok(Runtime {
            inner: Arc::new(Inner {
                models: self.engine.models(),
                engine: self.engine,
                limits: Arc::new(self.limits),
                profiles: Mutex::new(Arc::new(self.profiles)),
                clock: MillisClock::new(self.clock),
                epoch: Epoch::random(),
                stopping: AtomicBool::new(false),
                directory: Mutex::new(Directory::default()),
                totals,
            }),
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
