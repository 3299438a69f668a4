//! Copying between files and workspaces of a database, in both directions.

use std::sync::Arc;

use adapter_store_postgres::{OpenError, WorkspaceCopy};
use adapter_store_sqlite::maintenance::FileCopy;
use adapter_store_sqlite::{Options, SqliteStore};
use async_trait::async_trait;
use tempfile::TempDir;
use tokio::time::timeout;
use worker_runtime::store::conformance::copying::{CopySubject, Facts, facts, fill};
use worker_runtime::store::copy::{Copied, CopyError, CopySource, copy};
use worker_runtime::store::{StoreErrorKind, WorkerStore as _};

use crate::fixture::{SOON, Workspace, conversation, exchange, sql};
use crate::proxy::{Network, Proxy};

fn file(directory: &TempDir) -> SqliteStore {
    let path = directory.path().join("workers.sqlite3");
    SqliteStore::open(&path, Options::default()).expect("a store")
}

async fn begin(workspace: &Workspace) -> WorkspaceCopy {
    begin_once_free(workspace)
        .await
        .expect("one without workers")
}

/// The same as [`once_free`](crate::fixture::once_free), for a copy; none if the workspace has workers.
async fn begin_once_free(workspace: &Workspace) -> Option<WorkspaceCopy> {
    let begun = timeout(SOON, async {
        loop {
            match WorkspaceCopy::begin(workspace.candidate()).await {
                Err(OpenError::InUse) => {}
                begun => return begun.expect("a workspace"),
            }
        }
    });
    begun.await.expect("it is free")
}

/// Copies a store into a workspace.
async fn copy_to(workspace: &Workspace, source: &dyn CopySource) -> Copied {
    let mut target = begin(workspace).await;
    let copied = copy(source, &mut target, |_, _| ()).await;
    target.close().await;
    copied.expect("a copy")
}

struct FileToDatabase {
    directory: TempDir,
    workspace: Workspace,
}

#[async_trait]
impl CopySubject for FileToDatabase {
    type Target = WorkspaceCopy;

    async fn source(&self) -> Arc<dyn CopySource> {
        Arc::new(file(&self.directory))
    }

    async fn target(&self) -> WorkspaceCopy {
        begin(&self.workspace).await
    }

    async fn open(&self, target: WorkspaceCopy) -> Arc<dyn CopySource> {
        target.close().await;
        Arc::new(self.workspace.open().await)
    }
}

mod file_to_database {
    use super::*;

    worker_runtime::copy_conformance_suite!(FileToDatabase {
        directory: TempDir::new().unwrap(),
        workspace: Workspace::new(),
    });
}

struct DatabaseToFile {
    workspace: Workspace,
    directory: TempDir,
}

#[async_trait]
impl CopySubject for DatabaseToFile {
    type Target = FileCopy;

    async fn source(&self) -> Arc<dyn CopySource> {
        Arc::new(self.workspace.open().await)
    }

    async fn target(&self) -> FileCopy {
        let path = self.directory.path().join("workers.sqlite3");
        let created = FileCopy::create(&path);
        created.expect("a place").expect("one without workers")
    }

    async fn open(&self, target: FileCopy) -> Arc<dyn CopySource> {
        drop(target);
        Arc::new(file(&self.directory))
    }
}

mod database_to_file {
    use super::*;

    worker_runtime::copy_conformance_suite!(DatabaseToFile {
        workspace: Workspace::new(),
        directory: TempDir::new().unwrap(),
    });
}

#[tokio::test]
async fn there_and_back_and_through_another_workspace_it_is_the_same_store() {
    let (first, last) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let source = file(&first);
    fill(&source).await;
    let before = facts(&source).await;
    let workspaces = [Workspace::new(), Workspace::new()];
    copy_to(&workspaces[0], &source).await;
    let store = workspaces[0].open().await;
    copy_to(&workspaces[1], &store).await;
    let store = workspaces[1].open().await;
    let mut target = FileCopy::create(&last.path().join("workers.sqlite3"))
        .unwrap()
        .unwrap();
    copy(&store, &mut target, |_, _| ()).await.unwrap();
    drop(target);
    assert_eq!(facts(&file(&last)).await, before);
}

#[tokio::test]
async fn a_workspace_with_workers_is_refused_and_stays_as_it_is() {
    let workspace = Workspace::new();
    let store = workspace.open().await;
    conversation(&store, 1).await;
    let before = facts(&store).await;
    let in_use = WorkspaceCopy::begin(workspace.candidate()).await;
    assert!(matches!(in_use.err(), Some(OpenError::InUse)));
    store.close().await;
    assert!(begin_once_free(&workspace).await.is_none());
    // It was given back.
    assert_eq!(facts(&workspace.open().await).await, before);
}

#[tokio::test]
async fn a_workspace_that_is_copied_to_is_no_other_server_s_even_when_its_lease_is_over() {
    let workspace = Workspace::new();
    let mut target = begin(&workspace).await;
    assert!(matches!(workspace.try_open().await, Err(OpenError::InUse)));
    workspace
        .row("expires_at = now() - interval '1 hour'")
        .await;
    assert!(matches!(workspace.try_open().await, Err(OpenError::InUse)));
    let directory = TempDir::new().unwrap();
    let source = file(&directory);
    fill(&source).await;
    copy(&source, &mut target, |_, _| ()).await.unwrap();
    target.close().await;
    assert_eq!(facts(&workspace.open().await).await, facts(&source).await);
}

#[tokio::test]
async fn a_workspace_that_nobody_had_is_not_there() {
    let workspace = Workspace::new();
    assert!(!workspace.candidate().is_workspace_there().await.unwrap());
    workspace.open().await.close().await;
    assert!(workspace.candidate().is_workspace_there().await.unwrap());
}

#[tokio::test]
async fn workers_that_cannot_be_read_are_named_and_the_others_copied() {
    for spoil in [
        "UPDATE yoi.worker SET state = 'odd' WHERE id = $1",
        "UPDATE yoi.entry SET role = 'odd' WHERE worker = $1 AND sequence = 600",
        "UPDATE yoi.run SET outcome = 'odd' WHERE worker = $1 AND sequence = 601",
    ] {
        let (from, to) = (Workspace::new(), Workspace::new());
        let store = from.open().await;
        let first = conversation(&store, 1).await;
        let bad = conversation(&store, 0).await;
        let exchanges = (0..400).flat_map(|before| exchange(bad, before));
        store.commit(exchanges.collect()).await.unwrap();
        let last = conversation(&store, 1).await;
        let client = sql(&from.address).await;
        client.execute(spoil, &[&bad.as_uuid()]).await.unwrap();
        let copied = copy_to(&to, &store).await;
        assert_eq!(copied.unreadable, [bad], "{spoil}");
        assert_eq!((copied.workers, copied.entries, copied.runs), (2, 4, 2));
        let found = facts(&to.open().await).await;
        assert!(found.keys().eq([&first, &last]), "{spoil}");
        let left = "SELECT count(*) FROM yoi.entry JOIN yoi.workspace ON workspace = number
             WHERE name = $1";
        let left: i64 = client.query_one_scalar(left, &[&to.name]).await.unwrap();
        assert_eq!(left, 4, "{spoil}");
    }
}

/// A copy to a database whose network does something when some workers are copied.
async fn copy_by(network: Network) -> (Workspace, Result<Copied, CopyError>, Facts) {
    let workspace = Workspace::new();
    let proxy = Proxy::start().await;
    let directory = TempDir::new().expect("a directory");
    let source = file(&directory);
    fill(&source).await;
    let mut target = begin(&workspace.by_port(proxy.port)).await;
    let copied = copy(&source, &mut target, |done, _| {
        if done == 10 {
            proxy.set(network);
        }
    });
    let copied = copied.await;
    proxy.set(Network::Up);
    target.close().await;
    let before = facts(&source).await;
    (workspace, copied, before)
}

#[tokio::test]
async fn a_copy_whose_connection_is_cut_is_none() {
    for network in [Network::Down, Network::LosesCommits] {
        let (workspace, copied, _) = copy_by(network).await;
        let Err(CopyError::Target(error)) = copied else {
            panic!("{network:?} {copied:?}");
        };
        assert_eq!(error.kind(), StoreErrorKind::Failed);
        assert_eq!(facts(&workspace.open().await).await, Facts::new());
    }
}

#[tokio::test]
async fn a_copy_whose_end_gets_no_answer_is_whole() {
    let (workspace, copied, before) = copy_by(Network::LosesAnswersOfCommits).await;
    assert!(matches!(copied, Err(CopyError::Target(_))), "{copied:?}");
    assert_eq!(facts(&workspace.open().await).await, before);
}
