//! What an operator does with a file.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use adapter_store_sqlite::maintenance::{
    Lost, MaintenanceError, Problem, backup, check, compact, recover,
};
use adapter_store_sqlite::{OpenError, Options, SqliteStore};
use rusqlite::Connection;
use worker_runtime::store::conformance::facts;
use worker_runtime::store::{Change, WorkerStore};

use crate::fixture::{
    Files, PAGE, accept, conversation, create, draft, exchange, ids, input, load, worker_id,
};

#[tokio::test]
async fn a_sound_store_has_no_problems_also_while_it_is_used() {
    let files = Files::new();
    let store = files.open();
    let id = conversation(&store, 3).await;
    let active = input(id, 7);
    store
        .commit(vec![accept(&active), draft(&active, "so far")])
        .await
        .unwrap();
    conversation(&store, 0).await;
    let report = check(&files.path()).unwrap();
    assert_eq!(report.problems, []);
    assert_eq!((report.version, report.workers, report.entries), (1, 2, 7));
    assert!(report.file_bytes > PAGE as u64);
    // The check has taken no lock from the store.
    store.commit(vec![create(worker_id())]).await.unwrap();
    drop(store);
    drop(files.open());
}

#[tokio::test]
async fn every_problem_is_found() {
    use Problem::*;
    let cases: &[(&str, &[Problem])] = &[
        (
            "UPDATE worker SET state = 'odd' WHERE number = 1",
            &[UnreadableWorker],
        ),
        (
            "UPDATE entry SET at = 1 << 62 WHERE key & 3 = 3",
            &[UnreadableEntry],
        ),
        (
            "UPDATE worker SET last_sequence = 7 WHERE number = 1",
            &[SequenceGap],
        ),
        (
            "UPDATE entry SET key = key + 1 WHERE key & 7 = 6; UPDATE worker SET last_sequence = 7",
            &[SequenceGap, ReplyWithoutInput, WrongMark],
        ),
        ("PRAGMA foreign_keys = OFF; DELETE FROM worker", &[NoWorker]),
        ("DELETE FROM run WHERE key & 7 = 3", &[RunWithoutInput]),
        (
            "UPDATE run SET worker = 9 WHERE key & 7 = 3",
            &[RunWithoutInput],
        ),
        (
            "UPDATE entry SET run = x'00' WHERE key & 7 = 4",
            &[UnreadableEntry, ReplyWithoutInput],
        ),
        (
            "UPDATE entry SET unanswered = 1 WHERE key & 7 = 3",
            &[WrongMark],
        ),
        (
            "UPDATE run SET outcome = NULL WHERE key & 7 = 3",
            &[ActiveRunInThePast],
        ),
        ("UPDATE worker SET last_run = NULL", &[OtherLastRun]),
        (
            "INSERT INTO draft VALUES ((1 << 32) + 1, 'x')",
            &[DraftWithoutRun],
        ),
        ("DROP INDEX run_keyed", &[OtherTables]),
    ];
    for (statements, expected) in cases {
        let files = Files::new();
        conversation(&files.open(), 3).await;
        files.sql(statements);
        let found = check(&files.path()).unwrap().problems;
        let found: Vec<_> = found.iter().map(|(problem, _)| *problem).collect();
        assert_eq!(found, *expected, "{statements}");
    }
    let files = Files::new();
    conversation(&files.open(), 30).await;
    files.damage(files.leaves("entry")[1]);
    let report = check(&files.path()).unwrap();
    assert_eq!(report.problems[0].0, DamagedPages);
    assert!(!report.is_sound());
}

#[tokio::test]
async fn a_backup_is_an_instant_of_a_store_that_is_written_to() {
    let files = Files::new();
    let store = Arc::new(files.open());
    let id = conversation(&store, 50).await;
    let stop = Arc::new(AtomicBool::new(false));
    let writer = tokio::spawn({
        let (store, stop) = (Arc::clone(&store), Arc::clone(&stop));
        async move {
            let mut exchanges = 50;
            while !stop.load(Ordering::Relaxed) {
                store
                    .commit(exchange(id, exchanges).to_vec())
                    .await
                    .unwrap();
                exchanges += 1;
            }
            exchanges
        }
    });
    let (from, to) = (files.path(), files.directory().join("copy"));
    let mut copies = Vec::new();
    for _ in 0..3 {
        let (from, to) = (from.clone(), to.clone());
        let copied = tokio::task::spawn_blocking(move || {
            backup(&from, &to).unwrap();
            let again = backup(&from, &to);
            assert!(matches!(again, Err(MaintenanceError::TargetExists)));
            let report = check(&to).unwrap();
            assert_eq!(report.problems, []);
            assert_eq!(
                fs::metadata(&to).unwrap().permissions().mode() & 0o777,
                0o600
            );
            fs::remove_file(&to).unwrap();
            report.entries
        });
        copies.push(copied.await.unwrap());
    }
    stop.store(true, Ordering::Relaxed);
    let exchanges = writer.await.unwrap();
    assert!(copies.is_sorted() && copies.iter().all(|entries| entries % 2 == 0));
    assert!((100..=2 * exchanges).contains(&copies[2]));
    // It is a store.
    backup(&from, &to).unwrap();
    let copy = SqliteStore::open(&to, Options::default()).unwrap();
    assert_eq!(load(&copy, id).await, load(&store, id).await);
}

#[tokio::test]
async fn compacting_removes_gaps_and_unused_profiles() {
    let files = Files::new();
    assert!(matches!(
        compact(&files.path()),
        Err(MaintenanceError::Missing)
    ));
    let store = files.open();
    let id = conversation(&store, 20).await;
    let in_use = compact(&files.path());
    assert!(matches!(
        in_use,
        Err(MaintenanceError::Open(OpenError::InUse))
    ));
    let expected = load(&store, id).await;
    drop(store);
    // Somebody who reads would go on with the old journal.
    let reader = Connection::open(files.path()).unwrap();
    reader
        .execute_batch("BEGIN; SELECT count(*) FROM worker")
        .unwrap();
    let before = files.bytes();
    let in_use = compact(&files.path());
    assert!(matches!(
        in_use,
        Err(MaintenanceError::Open(OpenError::InUse))
    ));
    assert!(files.bytes() == before);
    drop(reader);
    files.sql("INSERT INTO profile (text) VALUES ('nobody has it')");
    files.sql("CREATE TABLE gap (x); INSERT INTO gap VALUES (zeroblob(1000000)); DROP TABLE gap");
    let done = compact(&files.path()).unwrap();
    assert_eq!(done.profiles_removed, 1);
    assert!(done.bytes_before > 1_000_000 && done.bytes_after < 200_000);
    assert_eq!(done.bytes_after, files.bytes().len() as u64);
    let report = check(&files.path()).unwrap();
    assert_eq!((report.problems, report.free_bytes), (Vec::new(), 0));
    let mode = fs::metadata(files.path()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(load(&files.open(), id).await, expected);
}

#[tokio::test]
async fn compacting_creates_no_store() {
    let files = Files::new();
    let missing = compact(&files.path());
    assert!(matches!(missing, Err(MaintenanceError::Missing)));
    assert_eq!(fs::read_dir(files.directory()).unwrap().count(), 0);
    // Empty, and as a creation that was cut off leaves it.
    for statements in ["", "PRAGMA journal_mode = WAL"] {
        fs::write(files.path(), "").unwrap();
        files.sql(statements);
        let before = files.bytes();
        let blank = compact(&files.path()).unwrap_err();
        let is_none = matches!(blank, MaintenanceError::Open(OpenError::NotAStore));
        assert!(is_none, "{blank:?}");
        assert!(files.bytes() == before);
    }
}

/// Recovers the store of `files`, whose file must stay as it is, and demands that the new one is
/// sound.
fn recovered(files: &Files) -> (SqliteStore, Vec<Lost>, u64, u64) {
    let before = files.bytes();
    let to = files.directory().join("recovered");
    let salvage = recover(&files.path(), &to).expect("a new store");
    assert!(files.bytes() == before, "the damaged file was changed");
    let report = check(&to).expect("a store");
    assert_eq!(report.problems, []);
    assert_eq!(report.workers, salvage.workers);
    let store = SqliteStore::open(&to, Options::default()).expect("a store");
    (store, salvage.lost, salvage.workers, salvage.entries)
}

#[tokio::test]
async fn a_copy_that_fails_leaves_nothing_behind() {
    let files = Files::new();
    conversation(&files.open(), 30).await;
    let names = || {
        let entries = fs::read_dir(files.directory()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    };
    let before = names();
    let nowhere = files.directory().join("nowhere/copy");
    let failed = [
        backup(&files.path(), &nowhere).err(),
        recover(&files.path(), &nowhere).err(),
    ];
    for failed in failed {
        let is_target = matches!(failed, Some(MaintenanceError::Target(_)));
        assert!(is_target, "{failed:?}");
    }
    files.damage(files.leaves("entry")[1]);
    backup(&files.path(), &files.directory().join("copy")).unwrap_err();
    let left: Vec<_> = names()
        .into_iter()
        .filter(|name| !before.contains(name))
        .filter(|name| !name.to_str().unwrap().starts_with("workers.sqlite3"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn recovering_a_sound_store_copies_it() {
    let files = Files::new();
    let store = files.open();
    let busy = conversation(&store, 3).await;
    let active = input(busy, 7);
    let parts = vec![
        accept(&active),
        draft(&active, "so "),
        draft(&active, "far"),
    ];
    store.commit(parts).await.unwrap();
    let idle = conversation(&store, 2).await;
    let stopped = conversation(&store, 1).await;
    let stop = Change::Stop {
        worker_id: stopped,
        at: facts::at(99),
    };
    store.commit(vec![stop]).await.unwrap();
    let mut expected = Vec::new();
    for id in [busy, idle, stopped] {
        expected.push(load(&store, id).await);
    }
    // As a process leaves it that is killed.
    let crashed = Files::new();
    for suffix in ["", "-wal"] {
        let name = format!("workers.sqlite3{suffix}");
        let to = crashed.directory().join(&name);
        fs::copy(files.directory().join(&name), to).unwrap();
    }
    drop(store);
    for files in [files, crashed] {
        let (store, lost, workers, entries) = recovered(&files);
        assert_eq!((lost, workers, entries), (Vec::new(), 3, 13));
        for conversation in &expected {
            assert_eq!(load(&store, conversation.worker.id).await, *conversation);
        }
    }
}

#[tokio::test]
async fn recovering_names_workers_whose_profile_or_row_is_lost() {
    let files = Files::new();
    let store = files.open();
    let mut workers = Vec::new();
    for _ in 0..2 {
        workers.push(conversation(&store, 2).await);
    }
    drop(store);
    files.sql("UPDATE profile SET text = 'x'; UPDATE worker SET state = 'odd' WHERE number = 2");
    let (store, lost, saved, entries) = recovered(&files);
    assert_eq!((saved, entries), (2, 8));
    let whats_lost = lost
        .iter()
        .map(|it| (it.worker_id, it.profile, it.metadata));
    let expected = [(workers[0], true, false), (workers[1], true, true)];
    assert!(whats_lost.eq(expected), "{lost:?}");
    let loaded = load(&store, workers[1]).await;
    assert_eq!(loaded.entries.len(), 4);
}

#[tokio::test]
async fn recovering_loses_what_is_on_damaged_pages_and_says_so() {
    let files = Files::new();
    let store = files.open();
    let mut workers = Vec::new();
    for _ in 0..150 {
        workers.push(conversation(&store, 4).await);
    }
    drop(store);
    files.damage(files.leaves("worker")[0]);
    let entries = files.leaves("entry");
    // Behind those of the workers on that page.
    for number in [1, 2, 3] {
        files.damage(entries[entries.len() / 2 + 10 * number]);
    }
    let runs = files.leaves("run");
    files.damage(runs[runs.len() - 1]);

    let (store, lost, saved, entries) = recovered(&files);
    assert_eq!((ids(&store).await, saved), (workers.clone(), 150));
    let lost_entries: u64 = lost.iter().map(|it| it.entries).sum();
    assert!((6..=12).contains(&lost_entries), "{lost_entries}");
    assert_eq!(
        entries + lost_entries,
        1200,
        "every entry is saved or listed"
    );
    let unknown = lost.iter().filter(|it| it.metadata).count();
    assert!((10..60).contains(&unknown), "{unknown}");
    let lost_runs: u64 = lost.iter().map(|it| it.runs).sum();
    assert!((10..100).contains(&lost_runs), "{lost_runs}");
    for id in workers {
        let loaded = load(&store, id).await;
        let is_listed = lost.iter().find(|it| it.worker_id == id);
        let is_unknown = is_listed.is_some_and(|it| it.metadata);
        assert_eq!(loaded.worker.display_name.as_str() != "Ada", is_unknown);
        assert!(is_listed.is_some() || loaded.entries.len() == 8);
    }
}

#[tokio::test]
async fn recovering_a_store_that_is_cut_off_saves_its_first_part() {
    let files = Files::new();
    let store = files.open();
    for _ in 0..40 {
        conversation(&store, 10).await;
    }
    drop(store);
    let whole = files.bytes();
    fs::write(files.path(), &whole[..whole.len() / 2 / PAGE * PAGE]).unwrap();
    let (_, lost, workers, entries) = recovered(&files);
    assert!(workers > 10 && entries > 200, "{workers} {entries}");
    assert!(!lost.is_empty());
}

#[tokio::test]
async fn recovering_refuses_what_is_in_use_or_no_store() {
    let files = Files::new();
    let to = files.directory().join("recovered");
    let store = files.open();
    let in_use = recover(&files.path(), &to);
    assert!(matches!(
        in_use,
        Err(MaintenanceError::Open(OpenError::InUse))
    ));
    drop(store);
    fs::write(&to, "").unwrap();
    let there = recover(&files.path(), &to);
    assert!(matches!(there, Err(MaintenanceError::TargetExists)));
    fs::write(files.path(), "no store".repeat(1000)).unwrap();
    let other = files.directory().join("other");
    let no_store = recover(&files.path(), &other);
    assert!(matches!(
        no_store,
        Err(MaintenanceError::Open(OpenError::NotAStore))
    ));
    assert!(!other.exists());
}
