//! What happens to the database and on the way to it while a store is open.

use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::join_all;
use tokio::time::timeout;
use worker_runtime::store::{StoreErrorKind, WorkerStore as _};

use crate::fixture::{
    OpenTransaction, SOON, Workspace, conversation, create, exchange, failure, load, sql, variable,
    worker_id,
};
use crate::proxy::{Network, behind_a_network};

#[tokio::test]
async fn connections_that_were_cut_while_nobody_used_them_are_not_noticed() {
    let workspace = Workspace::new();
    let (proxy, store) = behind_a_network(&workspace).await;
    let id = conversation(&store, 1).await;
    load(&store, id).await;
    for exchanges in 1..4 {
        proxy.cut().await;
        store.commit(exchange(id, exchanges)).await.unwrap();
        assert_eq!(
            load(&store, id).await.entries.len() as u64,
            2 * exchanges + 2
        );
    }
}

#[tokio::test]
async fn without_a_network_requests_fail_and_nothing_is_lost_when_it_is_back() {
    let workspace = Workspace::new();
    let (proxy, store) = behind_a_network(&workspace).await;
    let id = conversation(&store, 1).await;
    proxy.set(Network::Down);
    assert_eq!(failure(&store).await, StoreErrorKind::Failed);
    let read = store.index().await.unwrap_err();
    assert_eq!(read.kind(), StoreErrorKind::Failed);
    assert!(store.metrics().failed_failed >= 2);
    proxy.set(Network::Up);
    store.commit(exchange(id, 1)).await.unwrap();
    assert_eq!(load(&store, id).await.entries.len(), 4);
    assert_eq!(store.index().await.unwrap().workers.len(), 1);
}

#[tokio::test]
async fn what_is_sent_into_a_silent_network_is_done_when_that_is_back() {
    let workspace = Workspace::new();
    let (proxy, store) = behind_a_network(&workspace).await;
    let id = conversation(&store, 1).await;
    proxy.set(Network::Silent);
    let commit = store.commit(exchange(id, 1));
    let mut commit = std::pin::pin!(commit);
    // Well below the 10 s after which a transaction is given up.
    assert!(timeout(Duration::from_secs(3), &mut commit).await.is_err());
    proxy.set(Network::Up);
    timeout(SOON, commit).await.expect("an answer").unwrap();
    assert_eq!(load(&store, id).await.entries.len(), 4);
}

#[tokio::test]
async fn a_commit_without_an_answer_is_looked_for() {
    for (network, is_committed) in [
        (Network::LosesAnswersOfCommits, true),
        (Network::LosesCommits, false),
    ] {
        let workspace = Workspace::new();
        let (proxy, store) = behind_a_network(&workspace).await;
        let id = conversation(&store, 1).await;
        proxy.set(network);
        let commit = timeout(SOON, store.commit(exchange(id, 1)))
            .await
            .expect("an answer");
        assert_eq!(commit.is_ok(), is_committed, "{network:?} {commit:?}");
        proxy.set(Network::Up);
        let exchanges = 1 + u64::from(is_committed);
        assert_eq!(load(&store, id).await.entries.len() as u64, 2 * exchanges);
        store.commit(exchange(id, exchanges)).await.unwrap();
    }
}

#[tokio::test]
async fn a_commit_whose_outcome_is_not_known_when_the_store_is_closed_has_no_answer() {
    let workspace = Workspace::with_lease("6");
    let (proxy, store) = behind_a_network(&workspace).await;
    let id = conversation(&store, 1).await;
    proxy.set(Network::DownAfterCommit);
    let mut commit = std::pin::pin!(store.commit(exchange(id, 1)));
    // The server ends as it does when its lease is over.
    tokio::select! {
        answer = &mut commit => panic!("{answer:?}, and nobody knows"),
        () = store.lost() => {}
    }
    store.close().await;
    assert!(commit.now_or_never().is_none(), "it was made, or not");
    let next = workspace.open().await;
    assert_eq!(load(&next, id).await.entries.len(), 4);
}

#[tokio::test]
async fn a_commit_without_an_answer_is_found_even_by_a_server_that_was_replaced() {
    let workspace = Workspace::new();
    let (proxy, store) = behind_a_network(&workspace).await;
    let id = conversation(&store, 1).await;
    proxy.set(Network::LosesAnswersOfCommits);
    // Another server takes over at the very moment, and commits something of its own.
    let taken_over = async {
        workspace.expire().await;
        let next = workspace.open().await;
        conversation(&next, 1).await;
        next
    };
    let client = sql(&workspace.address).await;
    let second = async {
        let seen = "SELECT batch = 2 FROM yoi.progress JOIN yoi.workspace ON workspace = number
             WHERE name = $1";
        while !client
            .query_one_scalar::<bool, _>(seen, &[&workspace.name])
            .await
            .unwrap()
        {}
        taken_over.await
    };
    let (commit, next) = tokio::join!(store.commit(exchange(id, 1)), second);
    commit.expect("it was committed, whoever owns the workspace now");
    assert_eq!(load(&next, id).await.entries.len(), 4);
    proxy.set(Network::Up);
    assert_eq!(failure(&store).await, StoreErrorKind::Lost);
}

#[tokio::test]
async fn a_lock_that_somebody_holds_is_not_waited_for_without_end() {
    let workspace = Workspace::new();
    let (_proxy, store) = behind_a_network(&workspace).await;
    let id = conversation(&store, 0).await;
    let other = OpenTransaction::of(&workspace).await;
    assert_eq!(failure(&store).await, StoreErrorKind::Failed);
    other.end().await;
    store.commit(exchange(id, 0)).await.unwrap();
    assert_eq!(load(&store, id).await.entries.len(), 2);
}

#[tokio::test]
async fn a_request_that_does_not_fit_fails_alone() {
    let store = Workspace::new().open().await;
    let workers: Vec<_> = (0..60).map(|_| worker_id()).collect();
    let commits = workers.iter().enumerate().map(|(at, id)| {
        // Every third creates its worker twice.
        let times = if at % 3 == 0 { 2 } else { 1 };
        store.commit(vec![create(*id); times])
    });
    let results = join_all(commits).await;
    for (at, result) in results.iter().enumerate() {
        assert_eq!(result.is_err(), at % 3 == 0, "{at}");
    }
    assert_eq!(store.index().await.unwrap().workers.len(), 40);
    let metrics = store.metrics();
    assert_eq!((metrics.commits, metrics.failed_failed), (40, 20));
    assert!(metrics.batch_size.count < 60, "some went together");
}

#[tokio::test]
async fn requests_beyond_the_queue_wait() {
    let store = Workspace::new().open().await;
    let workers: Vec<_> = (0..1_000).map(|_| worker_id()).collect();
    let commits = workers.iter().map(|id| store.commit(vec![create(*id)]));
    // Many more than there are readers, and few enough that a busy machine reads them in the time in which
    // one gives up.
    let reads = workers[..100]
        .iter()
        .map(|id| store.workers(std::slice::from_ref(id)));
    let (committed, read) = futures_util::future::join(join_all(commits), join_all(reads)).await;
    assert!(committed.iter().all(Result::is_ok) && read.iter().all(Result::is_ok));
    let metrics = store.metrics();
    assert_eq!((metrics.commits, metrics.queue_depth), (1_000, 0));
}

#[tokio::test]
async fn a_worker_that_cannot_be_read_hinders_no_other() {
    let workspace = Workspace::new();
    let store = workspace.open().await;
    let (good, odd) = (conversation(&store, 1).await, conversation(&store, 1).await);
    let client = sql(&workspace.address).await;
    let spoil = "UPDATE yoi.worker SET state = 'odd' WHERE id = $1";
    client.execute(spoil, &[&odd.as_uuid()]).await.unwrap();
    let index = store.index().await.unwrap();
    assert_eq!((index.workers.len(), index.unreadable), (1, 1));
    assert_eq!(store.workers(&[good, odd]).await.unwrap().len(), 1);
    assert_eq!(load(&store, good).await.entries.len(), 2);
    // It can still be got rid of.
    let delete = worker_runtime::store::Change::Delete { worker_id: odd };
    store.commit(vec![delete]).await.unwrap();
    assert_eq!(store.index().await.unwrap().unreadable, 0);
}

#[tokio::test]
async fn a_full_disk_refuses_and_takes_again_what_fits() {
    let directory = variable("YOI_TEST_POSTGRES_SMALL");
    let mut workspace = Workspace::new();
    let client = sql(&workspace.address).await;
    let place = format!("CREATE TABLESPACE small LOCATION '{directory}/tablespace'");
    client.batch_execute(&place).await.unwrap();
    client
        .batch_execute("CREATE DATABASE small TABLESPACE small")
        .await
        .unwrap();
    workspace.address = workspace.address.replace("/postgres", "/small");
    assert!(workspace.address.ends_with("/small"));
    let ballast = std::path::Path::new(&directory).join("ballast");
    std::fs::write(&ballast, vec![1; 4 * 1024 * 1024]).unwrap();
    let store = workspace.open().await;
    let id = conversation(&store, 0).await;
    let mut exchanges = 0;
    let full = loop {
        match store
            .commit(
                (0..50)
                    .flat_map(|more| exchange(id, exchanges + more))
                    .collect(),
            )
            .await
        {
            Ok(()) => exchanges += 50,
            Err(error) => break error,
        }
    };
    assert_eq!(full.kind(), StoreErrorKind::Full);
    assert_eq!(
        full.code(),
        Some(tokio_postgres::error::SqlState::DISK_FULL.code())
    );
    assert!(store.metrics().failed_full > 0);
    assert_eq!(load(&store, id).await.worker.last_sequence, 2 * exchanges);
    std::fs::remove_file(&ballast).unwrap();
    store.commit(exchange(id, exchanges)).await.unwrap();
    assert_eq!(
        load(&store, id).await.worker.last_sequence,
        2 * exchanges + 2
    );
}
