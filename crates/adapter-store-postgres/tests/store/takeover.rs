//! A server that takes over while a transaction of the owner before is still open.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use adapter_store_postgres::OpenError;
use tokio::time::timeout;
use worker_runtime::store::WorkerStore as _;

use crate::fixture::{OpenTransaction, SOON, Workspace, create, sql, worker_id};
use crate::proxy::{Network, behind_a_network};

#[tokio::test]
async fn an_owner_that_hangs_in_a_transaction_keeps_the_next_one_waiting_for_its_lease_alone() {
    let workspace = Workspace::with_lease("5");
    let (proxy, store) = behind_a_network(&workspace).await;
    proxy.set(Network::HoldsCommits);
    let hanging = tokio::spawn(async move { store.commit(vec![create(worker_id())]).await });
    let client = sql(&workspace.address).await;
    let free = "SELECT FROM yoi.progress JOIN yoi.workspace ON workspace = number
         WHERE name = $1 FOR UPDATE OF progress SKIP LOCKED";
    let is_free = async || client.query_opt(free, &[&workspace.name]).await.unwrap();
    timeout(SOON, async { while is_free().await.is_some() {} })
        .await
        .expect("its transaction is open");
    proxy.set(Network::Silent);
    let mut candidate = workspace.candidate();
    // The database ends any session's transaction that hangs for 10 s.
    let next = timeout(Duration::from_secs(9), async {
        loop {
            if let Ok(store) = candidate.acquire().await {
                return store;
            }
        }
    });
    let next = next.await.expect("it is free after the lease");
    proxy.set(Network::Up);
    hanging.await.unwrap().expect_err("it was taken back");
    assert!(next.index().await.unwrap().workers.is_empty());
}

#[tokio::test]
async fn a_lease_begins_after_the_last_transaction_of_the_owner_before() {
    let workspace = Arc::new(Workspace::new());
    workspace.open().await.close().await;
    let last = OpenTransaction::of(&workspace).await;
    let waiting = Arc::clone(&workspace);
    let next = tokio::spawn(async move { waiting.open().await });
    last.is_waited_for().await;
    let ended = last.end().await;
    let _next = next.await.unwrap();
    let client = sql(&workspace.address).await;
    let expiry = "SELECT expires_at FROM yoi.workspace WHERE name = $1";
    let expiry: SystemTime = client
        .query_one_scalar(expiry, &[&workspace.name])
        .await
        .unwrap();
    assert!(expiry >= ended + workspace.lease.get());
}

#[tokio::test]
async fn an_owner_that_renews_its_lease_while_the_next_one_waits_keeps_the_workspace() {
    let workspace = Workspace::new();
    let _store = workspace.open().await;
    let last = OpenTransaction::of(&workspace).await;
    workspace.expire().await;
    let mut candidate = workspace.candidate();
    let next = tokio::spawn(async move { candidate.acquire().await });
    last.is_waited_for().await;
    let lock = "SELECT FROM yoi.workspace WHERE name = $1 FOR UPDATE NOWAIT";
    let client = sql(&workspace.address).await;
    let locked = client.query_one(lock, &[&workspace.name]).await;
    locked.expect("nobody has locked the lease");
    workspace
        .row("expires_at = now() + interval '1 hour'")
        .await;
    last.end().await;
    assert!(matches!(next.await.unwrap(), Err(OpenError::InUse)));
}
