//! A runtime on a store: what is kept, what a failing store does, and what is in memory.

use super::*;
use crate::store::memory_store::MemoryStore;
use crate::store::scripted_store::{Fault, Operation, ScriptedStore, When};
use crate::store::{Change, StoreErrorKind};
use crate::{InputError, StoreUnavailable};

mod cut_off;
mod failing;
mod hanging;
mod late_stop;
mod residency;
mod restart;
mod unreadable;

/// A runtime on a store, with the verbs of [`Fixture`] that wait for the store.
struct Stored {
    store: Arc<ScriptedStore>,
    limits: Limits,
    fixture: Fixture,
}

impl Stored {
    async fn new() -> Self {
        Self::with(Limits::default()).await
    }

    async fn with(limits: Limits) -> Self {
        let store = ScriptedStore::new(Arc::new(MemoryStore::new()));
        Self::open(Arc::new(store), limits).await
    }

    async fn open(store: Arc<ScriptedStore>, limits: Limits) -> Self {
        let scripted = Arc::new(ScriptedEngine::default());
        let engine: Arc<dyn TurnEngine> = scripted.clone();
        let builder = Runtime::builder().engine(engine).limits(limits.clone());
        let runtime = builder.open(Arc::clone(&store) as _).await;
        Self {
            store,
            limits,
            fixture: Fixture {
                runtime: runtime.unwrap(),
                engine: scripted,
            },
        }
    }

    /// What another process finds after this one has ended in the middle of what it does: a second
    /// runtime on the same store. The first one has to be kept, because it ends its runs as it is
    /// dropped.
    async fn after_a_crash(&self) -> Self {
        Self::open(Arc::clone(&self.store), self.limits.clone()).await
    }

    fn runtime(&self) -> &Runtime {
        &self.fixture.runtime
    }

    async fn worker(&self) -> WorkerId {
        let created = self.runtime().create(CreateWorker::default()).await;
        created.unwrap().worker.id
    }

    async fn send(&self, worker: WorkerId, input: &str) -> Accepted {
        let accepted = self.runtime().send_input(worker, Input::new(input)).await;
        accepted.unwrap()
    }

    /// Sends an input, and waits until its run has ended.
    async fn complete(&self, worker: WorkerId, input: &str) -> RunEnd {
        let run = self.send(worker, input).await;
        self.fixture.wait_for_end(worker, &run).await
    }

    async fn snapshot(&self, worker: WorkerId) -> WorkerSnapshot {
        self.runtime().get(worker).await.unwrap()
    }

    /// The newest page of the transcript, as [`Fixture::transcript_lines`] writes it.
    async fn lines(&self, worker: WorkerId) -> Vec<String> {
        let page = self
            .runtime()
            .transcript(worker, TranscriptQuery::default());
        transcript_lines(&page.await.unwrap().entries)
    }

    fn fail(&self, when: When, kind: StoreErrorKind) {
        self.store
            .disturb(Operation::Commit, when, Fault::Fail(kind));
    }
}

fn unavailable(kind: StoreErrorKind) -> StoreUnavailable {
    StoreUnavailable { kind }
}
