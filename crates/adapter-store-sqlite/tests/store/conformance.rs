//! The store against the contract suite.

use std::sync::Arc;

use adapter_store_sqlite::{Options, SqliteStore};
use async_trait::async_trait;
use tempfile::TempDir;
use worker_runtime::store::WorkerStore;
use worker_runtime::store::conformance::Subject;

struct OnDisk(TempDir);

impl OnDisk {
    fn open(&self) -> Arc<dyn WorkerStore> {
        let path = self.0.path().join("data/workers.sqlite3");
        Arc::new(SqliteStore::open(&path, Options::default()).expect("a store"))
    }
}

#[async_trait]
impl Subject for OnDisk {
    async fn store(&self) -> Arc<dyn WorkerStore> {
        self.open()
    }

    async fn reopen(&self, store: Arc<dyn WorkerStore>) -> Arc<dyn WorkerStore> {
        drop(store);
        self.open()
    }
}

worker_runtime::store_conformance_suite!(OnDisk(TempDir::new().unwrap()));
