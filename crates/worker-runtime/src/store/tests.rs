//! The store in memory is one, and the scripted store does to a store what it is told to.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;

use super::conformance::Subject;
use super::memory_store::MemoryStore;
use super::scripted_store::{Fault, Operation, ScriptedStore, When};
use super::{Change, StoreErrorKind, StoredState, StoredWorker, WorkerStore};
use crate::id::WorkerId;
use crate::profile::ProfileSet;
use crate::run::{RunDiagnostics, UsageTotals};

/// Opens nothing again: a store in memory is gone with its process.
struct InMemory;

#[async_trait]
impl Subject for InMemory {
    async fn store(&self) -> Arc<dyn WorkerStore> {
        Arc::new(MemoryStore::new())
    }

    async fn reopen(&self, store: Arc<dyn WorkerStore>) -> Arc<dyn WorkerStore> {
        store
    }
}

crate::store_conformance_suite!(InMemory);

fn store() -> Arc<ScriptedStore> {
    Arc::new(ScriptedStore::new(Arc::new(MemoryStore::new())))
}

fn create(id: WorkerId) -> Vec<Change> {
    vec![Change::Create(Box::new(StoredWorker {
        id,
        display_name: "Ada".parse().unwrap(),
        profile: ProfileSet::builtin().default_profile().clone(),
        model: None,
        state: StoredState::Idle,
        created_at: Timestamp::UNIX_EPOCH,
        last_activity_at: Timestamp::UNIX_EPOCH,
        create_key: None,
        last_sequence: 0,
        usage: UsageTotals::default(),
        last_run: None,
        diagnostics: RunDiagnostics::default(),
    }))]
}

fn ids<const N: usize>() -> [WorkerId; N] {
    std::array::from_fn(|_| WorkerId::generate())
}

async fn stored(store: &ScriptedStore) -> Vec<WorkerId> {
    let index = store.index().await.unwrap();
    index.workers.iter().map(|worker| worker.id).collect()
}

#[tokio::test]
async fn the_second_commit_fails_and_the_others_do_not() {
    let (store, [one, two, three]) = (store(), ids());
    let kind = StoreErrorKind::Full;
    store.disturb(Operation::Commit, When::Nth(2), Fault::Fail(kind));
    store.commit(create(one)).await.unwrap();
    assert_eq!(store.commit(create(two)).await.unwrap_err().kind(), kind);
    store.commit(create(three)).await.unwrap();
    assert_eq!(stored(&store).await, [one, three]);
    assert_eq!((store.commits(), store.committed().len()), (3, 2));
}

#[tokio::test]
async fn reads_fail_until_the_script_is_cleared() {
    let store = store();
    let kind = StoreErrorKind::Lost;
    store.disturb(Operation::Read, When::Every, Fault::Fail(kind));
    assert_eq!(store.index().await.unwrap_err().kind(), kind);
    assert_eq!(store.workers(&[]).await.unwrap_err().kind(), kind);
    store.clear();
    assert_eq!(stored(&store).await, []);
}

#[tokio::test]
async fn commits_hang_until_released_and_the_newest_can_overtake() {
    let (store, [one, two]) = (store(), ids());
    store.disturb(Operation::Commit, When::Nth(1), Fault::Hang);
    store.disturb(Operation::Commit, When::Nth(2), Fault::HangAfterwards);
    let commit = |id| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.commit(create(id)).await })
    };
    let first = commit(one);
    store.hanging(1).await;
    let second = commit(two);
    store.hanging(2).await;
    assert_eq!(stored(&store).await, [two], "done, but not yet answered");
    store.release_newest();
    second.await.unwrap().unwrap();
    assert!(!first.is_finished());
    store.release();
    first.await.unwrap().unwrap();
    assert_eq!(stored(&store).await.len(), 2);
}

#[tokio::test]
async fn a_dropped_operation_hangs_no_longer() {
    let store = store();
    store.disturb(Operation::Read, When::Every, Fault::Hang);
    let read = tokio::spawn({
        let store = Arc::clone(&store);
        async move { store.index().await }
    });
    store.hanging(1).await;
    read.abort();
    assert!(read.await.unwrap_err().is_cancelled());
    assert!(store.script.with(|script| script.hanging.is_empty()));
}

#[tokio::test]
async fn violations_can_be_planted() {
    let (store, [one, two, three]) = (store(), ids());
    let kind = StoreErrorKind::Failed;
    store.disturb(Operation::Commit, When::Nth(1), Fault::FailAfterwards(kind));
    store.disturb(Operation::Commit, When::Nth(2), Fault::Tear(1));
    assert_eq!(store.commit(create(one)).await.unwrap_err().kind(), kind);
    let both = [create(two), create(three)].concat();
    store.commit(both).await.unwrap();
    assert_eq!(stored(&store).await, [one, two]);
}
