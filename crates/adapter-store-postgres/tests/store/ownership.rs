//! Who owns a workspace: leases, and what an earlier owner can still do.

use std::time::Duration;

use adapter_store_postgres::OpenError;
use tokio::time::timeout;
use worker_runtime::store::{StoreErrorKind, WorkerStore as _};

use crate::fixture::{
    ALL, OpenTransaction, SOON, Workspace, conversation, create, exchange, failure, load,
    once_free, sql, worker_id,
};
use crate::proxy::{Network, behind_a_network};

#[tokio::test]
async fn a_workspace_belongs_to_one_server_until_that_gives_it_back() {
    let (workspace, other) = (Workspace::new(), Workspace::new());
    let store = workspace.open().await;
    let id = conversation(&store, 1).await;
    let mut candidate = workspace.candidate();
    for _ in 0..2 {
        let refused = candidate.acquire().await;
        assert!(matches!(refused, Err(OpenError::InUse)));
    }
    // Another workspace in the same database is nobody's concern.
    let neighbour = other.open().await;
    assert!(neighbour.index().await.unwrap().workers.is_empty());

    store.close().await;
    let next = once_free(&mut candidate).await;
    assert_eq!(load(&next, id).await.entries.len(), 2);
    assert_eq!(failure(&store).await, StoreErrorKind::Lost);
}

#[tokio::test]
async fn dropping_a_store_commits_what_was_handed_in_and_gives_the_workspace_back() {
    let workspace = Workspace::new();
    let store = workspace.open().await;
    let id = conversation(&store, 3).await;
    drop(store);
    let next = workspace.open().await;
    assert_eq!(load(&next, id).await.entries.len(), 6);
}

#[tokio::test]
async fn a_workspace_that_is_given_back_into_a_silent_network_is_free_when_that_is_back() {
    let workspace = Workspace::new();
    let (proxy, store) = behind_a_network(&workspace).await;
    let id = conversation(&store, 1).await;
    proxy.set(Network::Silent);
    // It waits for an answer, and ends without one.
    store.close().await;
    drop(store);
    assert!(matches!(workspace.try_open().await, Err(OpenError::InUse)));
    proxy.set(Network::Up);
    assert_eq!(load(&workspace.open().await, id).await.entries.len(), 2);
}

#[tokio::test]
async fn an_owner_whose_lease_has_passed_writes_and_reads_nothing_more() {
    let workspace = Workspace::new();
    let store = workspace.open().await;
    let id = conversation(&store, 1).await;
    workspace.expire().await;
    let next = workspace.open().await;
    next.commit(exchange(id, 1)).await.unwrap();

    let refused = store.commit(exchange(id, 1)).await.unwrap_err();
    assert_eq!(refused.kind(), StoreErrorKind::Lost);
    timeout(SOON, store.lost()).await.expect("it knows");
    let read = store.load(id, ALL, 0).await;
    assert_eq!(read.unwrap_err().kind(), StoreErrorKind::Lost);
    // What it leaves behind doesn't free the workspace of the next one.
    store.close().await;
    assert!(matches!(workspace.try_open().await, Err(OpenError::InUse)));
    next.commit(exchange(id, 2)).await.unwrap();
    assert_eq!(load(&next, id).await.entries.len(), 6);
}

#[tokio::test]
async fn an_owner_that_writes_nothing_renews_its_lease_and_learns_of_its_loss() {
    let workspace = Workspace::with_lease("9");
    let store = workspace.open().await;
    let past =
        "SELECT expires_at > $2::timestamptz AND owner = 'test' FROM yoi.workspace WHERE name = $1";
    let client = sql(&workspace.address).await;
    let first = "SELECT expires_at FROM yoi.workspace WHERE name = $1";
    let first: std::time::SystemTime = client
        .query_one_scalar(first, &[&workspace.name])
        .await
        .unwrap();
    timeout(SOON, async {
        while !client
            .query_one_scalar::<bool, _>(past, &[&workspace.name, &first])
            .await
            .unwrap()
        {}
    })
    .await
    .expect("it is renewed");
    workspace
        .row("owner = 'other', generation = generation + 1")
        .await;
    timeout(SOON, store.lost()).await.expect("it finds out");
    assert_eq!(failure(&store).await, StoreErrorKind::Lost);
}

#[tokio::test]
async fn an_owner_that_cannot_reach_the_database_gives_up_when_its_lease_is_over() {
    let workspace = Workspace::with_lease("3");
    let (proxy, store) = behind_a_network(&workspace).await;
    let lost = store.lost();
    proxy.set(Network::Down);
    timeout(SOON, lost).await.expect("it gives up");
    workspace.open().await;
}

#[tokio::test]
async fn an_owner_that_was_paused_while_it_renewed_asks_whether_its_lease_is_its_own() {
    let workspace = Workspace::with_lease("5");
    let (proxy, store) = behind_a_network(&workspace).await;
    proxy.set(Network::Silent);
    timeout(SOON, proxy.holds()).await.expect("a renewal");
    // The whole process stands still until its lease has ended.
    std::thread::sleep(Duration::from_secs(6));
    proxy.set(Network::Up);
    timeout(SOON, async { while workspace.is_expired().await {} })
        .await
        .expect("it is renewed");
    store.commit(vec![create(worker_id())]).await.unwrap();
}

#[tokio::test]
async fn a_candidate_that_was_cut_off_too_leaves_the_owner_time_to_come_back() {
    let workspace = Workspace::with_lease("15");
    let (proxy, store) = behind_a_network(&workspace).await;
    let mut candidate = workspace.by_port(proxy.port).candidate();
    assert!(matches!(candidate.acquire().await, Err(OpenError::InUse)));
    proxy.set(Network::Down);
    while !matches!(candidate.acquire().await, Err(OpenError::Unreachable)) {}
    // As if the database had been away for longer than the lease.
    workspace.expire().await;
    proxy.set(Network::Up);
    assert!(matches!(candidate.acquire().await, Err(OpenError::InUse)));
    // The owner is back with its next renewal, and stays the owner.
    timeout(SOON, async { while workspace.is_expired().await {} })
        .await
        .expect("it is renewed");
    store.commit(vec![create(worker_id())]).await.unwrap();
    assert!(matches!(candidate.acquire().await, Err(OpenError::InUse)));
}

#[tokio::test]
async fn a_transaction_that_takes_longer_than_the_lease_does_not_cost_it() {
    let workspace = Workspace::with_lease("6");
    let store = workspace.open().await;
    let mut candidate = workspace.candidate();
    // Somebody else has what the store wants to write, for twice as long as a lock is waited for: 10 s.
    let other = OpenTransaction::of(&workspace).await;
    for _ in 0..2 {
        assert_eq!(failure(&store).await, StoreErrorKind::Failed);
    }
    assert!(matches!(candidate.acquire().await, Err(OpenError::InUse)));
    other.end().await;
    store.commit(vec![create(worker_id())]).await.unwrap();
}
