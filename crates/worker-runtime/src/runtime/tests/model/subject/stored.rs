//! The runtime under test on a store: what processes and stores do.

use std::sync::Arc;
use std::time::Duration;

use super::{CommandResult, PROFILES, Profile, REST, ScriptedStore, Subject, builder, executor};
use crate::store::StoreErrorKind;
use crate::store::memory_store::MemoryStore;
use crate::store::scripted_store::{Fault, Operation, When};

/// How long it sleeps to let everything settle that the store keeps waiting: longer than the end
/// of a run is tried to be stored. It is a multiple of the time between two drafts, and between two
/// attempts to store an end that was refused, so that these come well inside of it and never
/// between two commands.
const LONG_REST: Duration = Duration::from_millis(10_001);

impl Subject {
    pub(super) fn with_store(mut self) -> Self {
        let store = ScriptedStore::new(Arc::new(MemoryStore::new()));
        self.store = Some(Arc::new(store));
        self.restart(PROFILES)
    }

    /// Ends the process, whatever it is doing, and begins another one.
    pub(in crate::runtime::tests::model) fn restart(mut self, profiles: &[Profile]) -> Self {
        self = self.without_executor();
        self.accept_changes();
        let builder = builder(&self.engines, &self.clock, profiles);
        let builder = builder.limits(self.runtime.limits().clone());
        let builder = builder.reservation_step(self.reservation_step);
        let executor = executor();
        let runtime = executor.block_on(builder.open(Arc::clone(self.store()) as _));
        self.runtime = runtime.unwrap();
        self.executor = Some(executor);
        for mut reader in std::mem::take(&mut self.readers).into_iter().flatten() {
            let read = reader.follow(&self.runtime, &self.numbering, None);
            assert!(!self.executor().block_on(read), "an expired cursor");
        }
        self.rest(self.pause);
        self
    }

    pub(in crate::runtime::tests::model) fn wait(&self) -> CommandResult {
        self.rest(LONG_REST);
        CommandResult::None
    }

    /// The store refuses every change from now on.
    pub(in crate::runtime::tests::model) fn refuse(&mut self) -> CommandResult {
        let full = Fault::Fail(StoreErrorKind::Full);
        self.store().disturb(Operation::Commit, When::Every, full);
        self.pause = LONG_REST;
        CommandResult::None
    }

    /// The store takes changes again.
    pub(in crate::runtime::tests::model) fn accept(&mut self) -> CommandResult {
        self.accept_changes();
        self.wait()
    }

    fn store(&self) -> &Arc<ScriptedStore> {
        self.store
            .as_ref()
            .expect("commands about the store come with one")
    }

    fn accept_changes(&mut self) {
        self.store().clear();
        self.pause = REST;
    }
}
