//! That what is saved of a damaged store and what is said to be lost are together everything.

use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use adapter_store_sqlite::maintenance::{Salvage, check, recover};
use adapter_store_sqlite::{Options, SqliteStore};
use worker_runtime::store::WorkerStore as _;

use crate::fixture::{
    Files, PAGE, accept, conversation, create, draft, exchange, ids, input, load, worker_id,
};

/// Workers with conversations of different lengths, most of them short, and some with none; so
/// many that each table and the index of ids have several pages.
async fn fill(files: &Files) {
    let store = files.open();
    for number in 0..120_u64 {
        let id = worker_id();
        let exchanges = match number {
            20 | 70 => 9,
            number => number % 4 / 2,
        };
        let mut changes = vec![create(id)];
        changes.extend((0..exchanges).flat_map(|before| exchange(id, before)));
        store.commit(changes).await.expect("a worker");
    }
}

/// Recovers a store into the new file `to`, which has to be sound.
fn recovered(files: &Files, to: &Path) -> Salvage {
    let salvage = recover(&files.path(), to).expect("a new store");
    let report = check(to).expect("a store");
    assert_eq!(report.problems, []);
    assert_eq!(report.workers, salvage.workers);
    salvage
}

/// Writes zeros over pages, the first of which has number 0.
fn zero(path: &Path, first: usize, pages: usize) {
    let file = fs::OpenOptions::new().write(true).open(path);
    let zeros = vec![0; pages * PAGE];
    let written = file
        .expect("a file")
        .write_all_at(&zeros, (first * PAGE) as u64);
    written.expect("pages");
}

#[tokio::test]
async fn every_worker_and_entry_is_saved_or_lost_or_unknown_losses_are_admitted() {
    let files = Files::new();
    fill(&files).await;
    let whole = files.bytes();
    let all = check(&files.path()).unwrap();
    let pages = whole.len() / PAGE;
    let to = files.directory().join("recovered");
    let mut admitted = 0;
    for zeroed in [1, 2] {
        // Nothing can be read without the first page.
        for first in 1..=pages - zeroed {
            fs::write(files.path(), &whole).unwrap();
            zero(&files.path(), first, zeroed);
            let salvage = recovered(&files, &to);
            fs::remove_file(&to).unwrap();
            let lost: u64 = salvage.lost.iter().map(|it| it.entries).sum();
            let workers = salvage.workers + salvage.nameless_workers;
            let found = (workers, salvage.entries + lost);
            let is_everything = found == (all.workers, all.entries);
            assert!(
                is_everything || salvage.has_unknown_losses,
                "{zeroed} pages from {first}: {found:?} of {all:?}"
            );
            admitted += usize::from(salvage.has_unknown_losses);
        }
    }
    // Not always, which would be no information.
    assert!(admitted < pages / 4, "{admitted} of {pages} pages");
}

#[tokio::test]
async fn conversations_of_workers_that_nothing_names_get_workers_with_new_ids() {
    let files = Files::new();
    let store = files.open();
    let mut expected = Vec::new();
    for exchanges in 1..4 {
        let id = conversation(&store, exchanges).await;
        expected.push(load(&store, id).await.entries);
    }
    conversation(&store, 0).await;
    drop(store);
    // The only page of each, so that nothing says which workers there were.
    for gone in ["worker", "sqlite_autoindex_worker_1"] {
        files.damage(files.leaves(gone)[0]);
    }
    let to = files.directory().join("recovered");
    let salvage = recovered(&files, &to);
    assert_eq!((salvage.workers, salvage.entries), (3, 12));
    assert!(salvage.has_unknown_losses);
    assert!(salvage.lost.iter().all(|lost| lost.id && lost.metadata));
    let store = SqliteStore::open(&to, Options::default()).unwrap();
    let mut saved = Vec::new();
    for id in ids(&store).await {
        assert!(salvage.lost.iter().any(|lost| lost.worker_id == id));
        saved.push(load(&store, id).await.entries);
    }
    assert_eq!(saved, expected);
}

#[tokio::test]
async fn rows_of_no_worker_are_no_reason_to_say_that_nothing_was_lost() {
    // Whether what is left is enough for a conversation.
    for (statements, is_saved) in [
        ("DELETE FROM worker WHERE number = 2", true),
        (
            "DELETE FROM worker WHERE number = 2; DELETE FROM entry WHERE key >> 32 = 2",
            false,
        ),
    ] {
        let files = Files::new();
        let store = files.open();
        for _ in 0..3 {
            conversation(&store, 1).await;
        }
        drop(store);
        files.sql(&format!("PRAGMA foreign_keys = OFF; {statements}"));
        let salvage = recovered(&files, &files.directory().join("recovered"));
        assert!(!salvage.is_whole());
        assert_eq!(salvage.workers, 2 + u64::from(is_saved));
        assert_eq!(salvage.lost.len(), usize::from(is_saved));
        assert_eq!(salvage.nameless_workers, u64::from(!is_saved));
    }
}

#[tokio::test]
async fn two_workers_with_one_id_are_both_saved() {
    let files = Files::new();
    let store = files.open();
    let first = conversation(&store, 1).await;
    conversation(&store, 2).await;
    drop(store);
    files.sql(
        "PRAGMA foreign_keys = OFF; CREATE TABLE other AS SELECT * FROM worker;
         UPDATE other SET id = (SELECT id FROM other WHERE number = 1);
         DROP TABLE worker; ALTER TABLE other RENAME TO worker",
    );
    let to = files.directory().join("recovered");
    let salvage = recovered(&files, &to);
    assert_eq!((salvage.workers, salvage.entries), (2, 6));
    let [lost] = &salvage.lost[..] else {
        panic!("{:?}", salvage.lost);
    };
    assert!(lost.id && lost.worker_id != first);
    let store = SqliteStore::open(&to, Options::default()).unwrap();
    assert_eq!(ids(&store).await, [first, lost.worker_id]);
}

#[tokio::test]
async fn a_lost_draft_is_admitted() {
    let files = Files::new();
    let store = files.open();
    let id = conversation(&store, 1).await;
    let active = input(id, 3);
    let parts = vec![accept(&active), draft(&active, "so far")];
    store.commit(parts).await.unwrap();
    drop(store);
    let to = files.directory().join("recovered");
    assert!(recovered(&files, &to).is_whole());
    fs::remove_file(&to).unwrap();
    files.damage(files.leaves("draft")[0]);
    let salvage = recovered(&files, &to);
    assert_eq!((salvage.workers, salvage.entries), (1, 3));
    assert!(salvage.has_unknown_losses);
}
