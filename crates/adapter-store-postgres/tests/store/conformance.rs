//! The store against the contract suite.

use std::sync::Arc;

use adapter_store_postgres::PostgresStore;
use async_trait::async_trait;
use tokio::sync::Mutex;
use worker_runtime::store::WorkerStore;
use worker_runtime::store::conformance::Subject;

use crate::fixture::Workspace;

struct InDatabase {
    workspace: Workspace,
    opened: Mutex<Option<Arc<PostgresStore>>>,
}

impl InDatabase {
    fn new() -> Self {
        Self {
            workspace: Workspace::new(),
            opened: Mutex::default(),
        }
    }

    async fn open(&self) -> Arc<dyn WorkerStore> {
        let store = Arc::new(self.workspace.open().await);
        *self.opened.lock().await = Some(Arc::clone(&store));
        store
    }
}

#[async_trait]
impl Subject for InDatabase {
    async fn store(&self) -> Arc<dyn WorkerStore> {
        self.open().await
    }

    async fn reopen(&self, store: Arc<dyn WorkerStore>) -> Arc<dyn WorkerStore> {
        drop(store);
        let opened = self.opened.lock().await.take();
        opened.expect("it was opened here").close().await;
        self.open().await
    }
}

worker_runtime::store_conformance_suite!(InDatabase::new());
