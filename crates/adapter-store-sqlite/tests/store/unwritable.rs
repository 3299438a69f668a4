//! Stores that lie where nothing can be written.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use adapter_store_sqlite::OpenError;
use adapter_store_sqlite::maintenance::{
    FileCopy, MaintenanceError, backup, check, open_to_copy, recover,
};
use tempfile::TempDir;
use worker_runtime::store::WorkerStore as _;
use worker_runtime::store::conformance::copying::facts;
use worker_runtime::store::copy::copy;

use crate::fixture::{Files, as_another_user, conversation, create, ids, worker_id};

/// Lets everybody read the file, and nobody write.
fn make_unwritable(files: &Files) {
    for entry in fs::read_dir(files.directory()).expect("a directory") {
        let path = entry.expect("an entry").path();
        fs::set_permissions(path, Permissions::from_mode(0o444)).expect("an own file");
    }
    let read_only = Permissions::from_mode(0o555);
    fs::set_permissions(files.directory(), read_only).expect("an own directory");
}

/// A directory that everybody can write to.
fn writable() -> TempDir {
    let directory = TempDir::new().expect("a directory");
    let all = Permissions::from_mode(0o777);
    fs::set_permissions(directory.path(), all).expect("an own directory");
    directory
}

/// Why each operation that reads the store refuses to.
fn refusals(files: &Files) -> Vec<(&'static str, Option<MaintenanceError>)> {
    let to = writable();
    let name = |name| to.path().join(name);
    as_another_user(|| {
        vec![
            ("check", check(&files.path()).err()),
            ("backup", backup(&files.path(), &name("backup")).err()),
            ("recover", recover(&files.path(), &name("recovered")).err()),
            ("copy", open_to_copy(&files.path()).err()),
        ]
    })
}

#[tokio::test]
async fn a_store_without_a_journal_can_be_read_in_every_way() {
    let files = Files::new();
    let store = files.open();
    for exchanges in 0..3 {
        conversation(&store, exchanges).await;
    }
    let (expected, workers) = (facts(&store).await, ids(&store).await);
    drop(store);
    make_unwritable(&files);
    let before = fs::read_dir(files.directory()).unwrap().count();
    let to = writable();
    let name = |name| to.path().join(name);
    let report = as_another_user(|| check(&files.path())).unwrap();
    assert_eq!((report.problems, report.workers), (vec![], 3));
    as_another_user(|| backup(&files.path(), &name("backup"))).unwrap();
    let salvage = as_another_user(|| recover(&files.path(), &name("recovered"))).unwrap();
    assert!(salvage.is_whole());
    for copied in ["backup", "recovered"] {
        let report = check(&name(copied)).unwrap();
        assert_eq!((report.problems, report.workers), (vec![], 3));
    }
    let source = as_another_user(|| open_to_copy(&files.path())).unwrap();
    assert_eq!(ids(&source).await, workers);
    let mut target = FileCopy::create(&name("copied")).unwrap().unwrap();
    copy(&source, &mut target, |_, _| ()).await.unwrap();
    drop((source, target));
    let copied = open_to_copy(&name("copied")).unwrap();
    assert_eq!(facts(&copied).await, expected);
    assert_eq!(fs::read_dir(files.directory()).unwrap().count(), before);
}

#[tokio::test]
async fn what_is_copied_from_takes_no_changes() {
    let files = Files::new();
    conversation(&files.open(), 1).await;
    make_unwritable(&files);
    let source = as_another_user(|| open_to_copy(&files.path())).unwrap();
    source.commit(vec![create(worker_id())]).await.unwrap_err();
}

#[tokio::test]
async fn a_store_with_a_journal_is_to_be_copied_first() {
    for suffix in ["-wal", "-journal"] {
        let files = Files::new();
        conversation(&files.open(), 1).await;
        let mut journal = files.path().into_os_string();
        journal.push(suffix);
        fs::write(journal, "changes").unwrap();
        make_unwritable(&files);
        for (operation, refused) in refusals(&files) {
            let is_told = matches!(
                refused,
                Some(MaintenanceError::Open(OpenError::JournalUnusable))
            );
            assert!(is_told, "{operation}, {suffix}: {refused:?}");
        }
    }
}

/// Locks are those of the file, whatever directory or mount another process knows it by.
#[tokio::test]
async fn a_store_that_somebody_may_write_to_is_in_use_and_one_that_is_read_is_not() {
    let files = Files::new();
    conversation(&files.open(), 1).await;
    make_unwritable(&files);
    let other = fs::File::open(files.path()).unwrap();
    other.lock().unwrap();
    for (operation, refused) in refusals(&files) {
        let is_told = matches!(refused, Some(MaintenanceError::Open(OpenError::InUse)));
        assert!(is_told, "{operation}: {refused:?}");
    }
    other.unlock().unwrap();
    other.lock_shared().unwrap();
    for (operation, refused) in refusals(&files) {
        assert!(refused.is_none(), "{operation}: {refused:?}");
    }
}
