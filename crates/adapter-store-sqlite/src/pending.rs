//! A store whose file can't be written yet, for want of space: it is empty, takes nothing, and
//! becomes the real one as soon as it can.

use std::fmt;
use std::path::PathBuf;

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::OnceCell;
use tokio::task::spawn_blocking;
use worker_runtime::store::{
    Change, Index, StoreError, StoreErrorKind, StoreMetrics, StoredConversation, StoredPage,
    StoredWorker, Window, WorkerStore,
};
use worker_runtime::{TranscriptPosition, WorkerId};

use crate::open::OpenError;
use crate::options::Options;
use crate::store::SqliteStore;

/// A store that [`SqliteStore::open`] has refused with [`OpenError::NoSpace`]. Every commit tries
/// to open it again; until that works, commits fail with [`StoreErrorKind::Full`].
pub struct PendingStore {
    path: PathBuf,
    options: Options,
    opened: OnceCell<SqliteStore>,
}

impl PendingStore {
    /// The store at `path`. Touches no file.
    #[must_use]
    pub fn new(path: PathBuf, options: Options) -> Self {
        Self {
            path,
            options,
            opened: OnceCell::new(),
        }
    }

    /// What was counted since the store was opened; nothing before that.
    #[must_use]
    pub fn metrics(&self) -> Option<StoreMetrics> {
        self.opened.get().map(SqliteStore::metrics)
    }

    async fn open(&self) -> Result<SqliteStore, StoreError> {
        let (path, options) = (self.path.clone(), self.options);
        let opened = spawn_blocking(move || SqliteStore::open(&path, options)).await;
        let opened = opened.map_err(|_| StoreError::new(StoreErrorKind::Failed))?;
        let store = opened.map_err(|error| {
            let kind = match error {
                OpenError::NoSpace | OpenError::Full => StoreErrorKind::Full,
                OpenError::InUse
                | OpenError::TooNew { .. }
                | OpenError::NotAStore
                | OpenError::NotAFile
                | OpenError::SymbolicLink
                | OpenError::Damaged
                | OpenError::JournalUnusable
                | OpenError::OnNetwork
                | OpenError::UnwritableOnNetwork
                | OpenError::Io(_)
                | OpenError::Database(_)
                | OpenError::LibraryTooOld { .. } => StoreErrorKind::Failed,
            };
            StoreError::with_cause(kind, error)
        })?;
        // The runtime goes by an empty store: somebody else has put another one there.
        let index = store.index().await?;
        if !index.workers.is_empty() || index.unreadable > 0 {
            return Err(StoreError::new(StoreErrorKind::Lost));
        }
        tracing::info!("the store has space now");
        Ok(store)
    }
}

impl fmt::Debug for PendingStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_opened = self.opened.initialized();
        let mut shown = f.debug_struct("PendingStore");
        shown.field("is_opened", &is_opened).finish_non_exhaustive()
    }
}

#[async_trait]
impl WorkerStore for PendingStore {
    async fn commit(&self, changes: Vec<Change>) -> Result<(), StoreError> {
        let store = self.opened.get_or_try_init(|| self.open()).await?;
        store.commit(changes).await
    }

    async fn index(&self) -> Result<Index, StoreError> {
        match self.opened.get() {
            Some(store) => store.index().await,
            None => Ok(Index::default()),
        }
    }

    async fn workers(&self, ids: &[WorkerId]) -> Result<Vec<StoredWorker>, StoreError> {
        match self.opened.get() {
            Some(store) => store.workers(ids).await,
            None => Ok(Vec::new()),
        }
    }

    async fn load(
        &self,
        id: WorkerId,
        window: Window,
        input_keys: usize,
    ) -> Result<Option<StoredConversation>, StoreError> {
        match self.opened.get() {
            Some(store) => store.load(id, window, input_keys).await,
            None => Ok(None),
        }
    }

    async fn transcript(
        &self,
        id: WorkerId,
        position: TranscriptPosition,
        window: Window,
    ) -> Result<Option<StoredPage>, StoreError> {
        match self.opened.get() {
            Some(store) => store.transcript(id, position, window).await,
            None => Ok(None),
        }
    }

    async fn stopped_before(
        &self,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<WorkerId>, StoreError> {
        match self.opened.get() {
            Some(store) => store.stopped_before(before, limit).await,
            None => Ok(Vec::new()),
        }
    }
}
