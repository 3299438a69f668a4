//! What happens to a file while its store is open.

use std::fs;

use adapter_store_sqlite::{Options, SqliteStore};
use futures_util::future::{join, join_all};
use worker_runtime::TranscriptPosition;
use worker_runtime::store::{Change, StoreErrorKind, WorkerStore};

use crate::fixture::{
    ALL, Files, PAGE, conversation, create, exchange, failure, ids, load, worker_id,
};

#[tokio::test]
async fn a_full_store_refuses_and_takes_again_what_fits() {
    let files = Files::new();
    let options = Options {
        max_bytes: Some(100 * PAGE as u64),
        ..Options::default()
    };
    let store = SqliteStore::open(&files.path(), options).unwrap();
    let first = conversation(&store, 20).await;
    let id = conversation(&store, 0).await;
    let mut exchanges = 0;
    let full = loop {
        match store.commit(exchange(id, exchanges).to_vec()).await {
            Ok(()) => exchanges += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(full.kind(), StoreErrorKind::Full);
    let code = rusqlite::ffi::SQLITE_FULL.to_string();
    assert_eq!(full.code(), Some(&*code));
    assert!(exchanges > 10, "{exchanges}");
    assert_eq!(load(&store, id).await.worker.last_sequence, 2 * exchanges);
    assert!(store.metrics().failed_full > 0);
    // A worker less is room for more.
    store
        .commit(vec![Change::Delete { worker_id: first }])
        .await
        .unwrap();
    store
        .commit(exchange(id, exchanges).to_vec())
        .await
        .unwrap();
    drop(store);
    let loaded = load(&files.open(), id).await;
    assert_eq!(loaded.entries.len() as u64, 2 * (exchanges + 1));
}

#[tokio::test]
async fn a_store_whose_file_is_gone_is_lost_until_it_is_back() {
    let files = Files::new();
    let store = files.open();
    let id = conversation(&store, 1).await;
    let aside = files.directory().join("aside");
    fs::rename(files.path(), &aside).unwrap();
    assert_eq!(
        failure(&store, create(worker_id())).await,
        StoreErrorKind::Lost
    );
    let read = store.transcript(id, TranscriptPosition::Newest, ALL).await;
    assert_eq!(read.unwrap_err().kind(), StoreErrorKind::Lost);
    // Another file is not it.
    fs::copy(&aside, files.path()).unwrap();
    assert_eq!(
        failure(&store, create(worker_id())).await,
        StoreErrorKind::Lost
    );
    fs::rename(&aside, files.path()).unwrap();
    store.commit(exchange(id, 1).to_vec()).await.unwrap();
    assert_eq!(load(&store, id).await.entries.len(), 4);
    drop(store);
    assert_eq!(load(&files.open(), id).await.entries.len(), 4);
}

#[tokio::test]
async fn a_lock_that_was_removed_is_taken_again_or_the_store_is_lost() {
    let files = Files::new();
    let store = files.open();
    let lock = files.directory().join("workers.sqlite3.lock");
    fs::remove_file(&lock).unwrap();
    let id = conversation(&store, 1).await;
    assert!(files.try_open().is_err(), "it was taken again");
    // Another process is faster. It doesn't get the store, but it has the lock.
    fs::remove_file(&lock).unwrap();
    assert!(files.try_open().is_err(), "the file has a lock as well");
    let other = fs::File::create(&lock).unwrap();
    other.lock().unwrap();
    assert_eq!(
        failure(&store, create(worker_id())).await,
        StoreErrorKind::Lost
    );
    // Closing it would not be enough: a child of another test may have a copy until it runs its program.
    other.unlock().unwrap();
    store.commit(exchange(id, 1).to_vec()).await.unwrap();
}

#[tokio::test]
async fn a_damaged_page_costs_what_is_on_it() {
    let files = Files::new();
    let store = files.open();
    let mut workers = Vec::new();
    for _ in 0..10 {
        workers.push(conversation(&store, 10).await);
    }
    drop(store);
    let leaves = files.leaves("entry");
    let store = files.open();
    files.damage(leaves[leaves.len() / 2]);
    let mut failed = 0;
    for id in &workers {
        match store.load(*id, ALL, 0).await {
            Ok(loaded) => assert_eq!(loaded.unwrap().entries.len(), 20),
            Err(error) => {
                assert_eq!(error.kind(), StoreErrorKind::Failed);
                failed += 1;
            }
        }
    }
    assert!((1..=2).contains(&failed), "{failed}");
    assert_eq!(ids(&store).await, workers);
    conversation(&store, 1).await;
}

#[tokio::test]
async fn a_store_that_is_cut_off_fails_and_does_not_hang() {
    let files = Files::new();
    let store = files.open();
    let id = conversation(&store, 200).await;
    drop(store);
    let store = files.open();
    let file = fs::OpenOptions::new()
        .write(true)
        .open(files.path())
        .unwrap();
    file.set_len(2 * PAGE as u64).unwrap();
    let error = store.load(id, ALL, 0).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Failed);
    let commit = store.commit(exchange(id, 200).to_vec()).await;
    assert_eq!(commit.unwrap_err().kind(), StoreErrorKind::Failed);
    assert_eq!(store.metrics().failed_failed, 2);
}

#[tokio::test]
async fn a_worker_that_cannot_be_read_hinders_no_other() {
    let files = Files::new();
    let store = files.open();
    let mut workers = Vec::new();
    for _ in 0..3 {
        workers.push(conversation(&store, 1).await);
    }
    drop(store);
    files.sql("UPDATE worker SET state = 'odd' WHERE number = 2");
    let store = files.open();
    let index = store.index().await.unwrap();
    assert_eq!((index.workers.len(), index.unreadable), (2, 1));
    assert_eq!(store.workers(&workers).await.unwrap().len(), 2);
    let error = store.load(workers[1], ALL, 0).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Failed);
    assert_eq!(load(&store, workers[2]).await.entries.len(), 2);
    // It can still be got rid of.
    let delete = Change::Delete {
        worker_id: workers[1],
    };
    store.commit(vec![delete]).await.unwrap();
    assert_eq!(store.index().await.unwrap().unreadable, 0);
}

#[tokio::test]
async fn a_request_that_does_not_fit_fails_alone() {
    let files = Files::new();
    let store = files.open();
    let workers: Vec<_> = (0..60).map(|_| worker_id()).collect();
    let commits = workers.iter().enumerate().map(|(at, id)| {
        // Every third creates its worker twice.
        let changes = if at % 3 == 0 {
            vec![create(*id); 2]
        } else {
            vec![create(*id)]
        };
        store.commit(changes)
    });
    let results = join_all(commits).await;
    let mut expected = Vec::new();
    for (at, result) in results.iter().enumerate() {
        assert_eq!(result.is_err(), at % 3 == 0, "{at}");
        expected.extend(result.is_ok().then_some(workers[at]));
    }
    assert_eq!(ids(&store).await, expected);
    let metrics = store.metrics();
    assert_eq!((metrics.commits, metrics.failed_failed), (40, 20));
    assert!(metrics.batch_size.count < 60, "some went together");
}

#[tokio::test]
async fn requests_beyond_the_queue_wait() {
    let files = Files::new();
    let store = files.open();
    let workers: Vec<_> = (0..1_000).map(|_| worker_id()).collect();
    let commits = workers.iter().map(|id| store.commit(vec![create(*id)]));
    let reads = workers.iter().map(|_| store.index());
    let (committed, read) = join(join_all(commits), join_all(reads)).await;
    assert!(committed.iter().all(Result::is_ok) && read.iter().all(Result::is_ok));
    assert_eq!(ids(&store).await, workers);
    let metrics = store.metrics();
    assert_eq!((metrics.commits, metrics.queue_depth), (1_000, 0));
}

#[tokio::test]
async fn pages_of_deleted_workers_are_given_back() {
    let files = Files::new();
    let store = files.open();
    let id = conversation(&store, 400).await;
    drop(store);
    let before = files.bytes().len();
    let store = files.open();
    store
        .commit(vec![Change::Delete { worker_id: id }])
        .await
        .unwrap();
    drop(store);
    // It is closed only after the pages are gone.
    let after = files.bytes().len();
    assert!(after * 4 < before, "{before} {after}");
}

#[tokio::test]
async fn a_file_that_somebody_else_has_written_to_is_lost_until_it_is_opened_again() {
    let files = Files::new();
    let store = files.open();
    store.commit(vec![create(worker_id())]).await.unwrap();
    files.sql("UPDATE meta SET batch = batch + 1");
    for _ in 0..2 {
        let error = store.commit(vec![create(worker_id())]).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Lost);
    }
    drop(store);
    let store = files.open();
    store.commit(vec![create(worker_id())]).await.unwrap();
}

#[tokio::test]
async fn a_file_that_gives_no_pages_back_is_no_endless_work() {
    let files = Files::new();
    let store = files.open();
    conversation(&store, 1_000).await;
    drop(store);
    files.sql(
        "PRAGMA journal_mode = DELETE; PRAGMA auto_vacuum = 0; VACUUM;
         DELETE FROM entry; DELETE FROM run; UPDATE worker SET last_sequence = 0",
    );
    let store = files.open();
    store.commit(vec![create(worker_id())]).await.unwrap();
    // It waits for the thread that would give them back.
    drop(store);
}

#[tokio::test]
async fn a_journal_that_is_removed_takes_nothing_along() {
    for suffix in ["-wal", "-shm"] {
        let files = Files::new();
        let store = files.open();
        let id = conversation(&store, 3).await;
        let mut journal = files.path().into_os_string();
        journal.push(suffix);
        fs::remove_file(journal).unwrap();
        let error = store.commit(vec![create(worker_id())]).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Lost);
        // As after a crash: the store doesn't get to close its file.
        let copy = Files::new();
        fs::copy(files.path(), copy.path()).unwrap();
        let store = copy.open();
        assert_eq!(load(&store, id).await.entries.len(), 6);
    }
}
