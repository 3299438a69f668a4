//! The store of a runtime, and whether it accepts changes.

use std::sync::Arc;
use std::time::Duration;

use tracing::{debug, info, warn};

use crate::error::StoreUnavailable;
use crate::store::{Change, StoreError, StoreErrorKind, WorkerStore};
use crate::sync::{self, AtomicBool, Executor, Mutex, Ordering};

/// How long the store is left alone after it failed, before it is tried again without a request.
const PROBE_INTERVAL: Duration = Duration::from_secs(2);

/// A store, and what became of the latest commit.
pub(super) struct Storage {
    store: Arc<dyn WorkerStore>,
    failure: Mutex<Option<StoreErrorKind>>,
    probing: AtomicBool,
    closed: AtomicBool,
}

impl Storage {
    pub(super) fn new(store: Arc<dyn WorkerStore>) -> Arc<Self> {
        Arc::new(Self {
            store,
            failure: Mutex::new(None),
            probing: AtomicBool::new(false),
            closed: AtomicBool::new(false),
        })
    }

    /// The store, to read from.
    pub(super) fn reader(&self) -> &dyn WorkerStore {
        &*self.store
    }

    /// What was wrong with the latest commit, if it failed.
    pub(super) fn failure(&self) -> Option<StoreErrorKind> {
        self.failure.with(|failure| *failure)
    }

    /// Commits changes. After a failure the store is probed until it accepts changes again.
    pub(super) async fn commit(
        self: &Arc<Self>,
        executor: &Executor,
        changes: Vec<Change>,
    ) -> Result<(), StoreUnavailable> {
        let result = self.try_commit(changes).await;
        if result.is_err() && !self.probing.swap(true, Ordering::SeqCst) {
            executor.spawn(Arc::clone(self).probe());
        }
        result
    }

    /// Nothing is committed any more, so there is no use in probing.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    async fn try_commit(&self, changes: Vec<Change>) -> Result<(), StoreUnavailable> {
        let result = self.store.commit(changes).await;
        let kind = result.as_ref().err().map(StoreError::kind);
        let before = self
            .failure
            .with(|failure| std::mem::replace(failure, kind));
        match (before, &result) {
            (Some(_), Ok(())) => info!("the store accepts changes again"),
            (before, Err(error)) => {
                if before != kind {
                    warn!(reason = %error.kind(), code = error.code(), "the store does not accept changes");
                }
                debug!(cause = ?error.cause(), "commit failed");
            }
            (None, Ok(())) => {}
        }
        result.map_err(|error| StoreUnavailable { kind: error.kind() })
    }

    async fn probe(self: Arc<Self>) {
        loop {
            while !self.is_closed() {
                sync::sleep(PROBE_INTERVAL).await;
                if self.failure().is_none() || self.try_commit(Vec::new()).await.is_ok() {
                    break;
                }
            }
            self.probing.store(false, Ordering::SeqCst);
            // A commit may have failed just before, and relied on this task.
            let goes_on = !self.is_closed() && self.failure().is_some();
            if !goes_on || self.probing.swap(true, Ordering::SeqCst) {
                return;
            }
        }
    }
}

/// The error of a read.
pub(super) fn read_error(error: &StoreError) -> StoreUnavailable {
    warn!(reason = %error.kind(), code = error.code(), "the store can not be read");
    debug!(cause = ?error.cause(), "read failed");
    StoreUnavailable { kind: error.kind() }
}
