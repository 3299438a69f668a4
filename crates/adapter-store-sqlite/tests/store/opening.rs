//! What is opened, what is refused, and that a refusal changes nothing.

use std::ffi::OsStr;
use std::fs::{self, TryLockError};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;

use adapter_store_sqlite::maintenance::{MaintenanceError, compact, recover};
use adapter_store_sqlite::{OpenError, Options, SqliteStore};
use rusqlite::Connection;
use worker_runtime::store::WorkerStore;

use crate::fixture::{Files, PAGE, conversation, create, ids, load, worker_id};

#[tokio::test]
async fn a_new_store_is_for_its_owner_alone() {
    let files = Files::new();
    let directory = files.directory().join("data/yoi");
    let path = directory.join("workers.sqlite3");
    let store = SqliteStore::open(&path, Options::default()).unwrap();
    conversation(&store, 1).await;
    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(directory.clone()), 0o700);
    assert_eq!(mode(files.directory().join("data")), 0o700);
    let mut names = Vec::new();
    for entry in fs::read_dir(&directory).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(mode(entry.path()), 0o600, "{:?}", entry.file_name());
        names.push(entry.file_name().into_string().unwrap());
    }
    names.sort();
    let suffixes = ["", "-shm", "-wal", ".lock"];
    assert_eq!(names, suffixes.map(|it| format!("workers.sqlite3{it}")));
    drop(store);
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 2, "no journal");
}

#[tokio::test]
async fn one_opener_has_a_store_until_it_is_dropped() {
    let files = Files::new();
    // Left behind by a process that is no more.
    fs::write(files.directory().join("workers.sqlite3.lock"), "").unwrap();
    let store = files.open();
    assert!(matches!(files.try_open(), Err(OpenError::InUse)));
    let id = conversation(&store, 1).await;
    drop(store);
    assert_eq!(ids(&files.open()).await, [id]);
}

#[tokio::test]
async fn a_store_is_in_use_whatever_name_its_file_has() {
    let files = Files::new();
    let store = files.open();
    let id = conversation(&store, 1).await;
    let other_name = files.directory().join("link");
    fs::hard_link(files.path(), &other_name).unwrap();
    let open = || SqliteStore::open(&other_name, Options::default());
    let to = files.directory().join("to");
    for _ in 0..2 {
        assert!(matches!(open(), Err(OpenError::InUse)));
        for failed in [compact(&other_name).err(), recover(&other_name, &to).err()] {
            let in_use = matches!(failed, Some(MaintenanceError::Open(OpenError::InUse)));
            assert!(in_use, "{failed:?}");
        }
    }
    // It goes with the file.
    let away = files.directory().join("away");
    fs::rename(files.path(), &away).unwrap();
    assert!(matches!(open(), Err(OpenError::InUse)));
    fs::rename(&away, files.path()).unwrap();
    store.commit(vec![create(worker_id())]).await.unwrap();
    // As another process sees it. Closing the file ends SQLite's locks, not this one.
    let file = fs::File::open(&other_name).unwrap();
    assert!(matches!(file.try_lock(), Err(TryLockError::WouldBlock)));
    drop(store);
    file.lock().unwrap();
    assert!(matches!(files.try_open(), Err(OpenError::InUse)));
    // A child of another test may have a copy of the file until it runs its program, so that closing
    // this one would not unlock it.
    file.unlock().unwrap();
    assert_eq!(ids(&open().unwrap()).await.len(), 2);
    assert_eq!(ids(&files.open()).await[0], id);
}

#[tokio::test]
async fn a_path_is_only_a_path() {
    let files = Files::new();
    let name = OsStr::from_bytes(b"a?mode=memory&b%41#'\xff.sqlite3");
    let path = files.directory().join(name);
    let store = SqliteStore::open(&path, Options::default()).unwrap();
    let id = conversation(&store, 1).await;
    drop(store);
    assert!(path.is_file());
    let store = SqliteStore::open(&path, Options::default()).unwrap();
    assert_eq!(ids(&store).await, [id]);
}

/// Demands that the store isn't opened, and that its file stays as it is.
fn refuse(files: &Files) -> OpenError {
    let before = files.bytes();
    let error = files.try_open().expect_err("it isn't opened");
    assert!(files.bytes() == before, "the file was changed: {error}");
    let directory = files.directory().display().to_string();
    for text in [error.to_string(), format!("{error:?}")] {
        assert!(!text.contains(&directory), "{text}");
    }
    error
}

#[tokio::test]
async fn a_newer_store_is_refused() {
    let files = Files::new();
    drop(files.open());
    files.sql("PRAGMA user_version = 4711; CREATE TABLE later (x)");
    let error = refuse(&files);
    assert!(
        matches!(error, OpenError::TooNew { found: 4711, .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn what_is_no_store_is_refused() {
    let files = Files::new();
    files.sql("PRAGMA application_id = 1; CREATE TABLE theirs (x)");
    assert!(matches!(refuse(&files), OpenError::NotAStore));
    fs::remove_file(files.path()).unwrap();
    files.sql("CREATE TABLE theirs (x)");
    assert!(matches!(refuse(&files), OpenError::NotAStore));
    fs::write(
        files.path(),
        "a text that is long enough to be read".repeat(9),
    )
    .unwrap();
    assert!(matches!(refuse(&files), OpenError::NotAStore));
}

#[tokio::test]
async fn a_place_that_cannot_be_written_is_an_error() {
    let files = Files::new();
    fs::write(files.path(), "").unwrap();
    let below_a_file = files.path().join("workers.sqlite3");
    let error = SqliteStore::open(&below_a_file, Options::default()).unwrap_err();
    assert!(matches!(error, OpenError::Io(_)), "{error:?}");
    assert!(SqliteStore::open("/proc/workers.sqlite3".as_ref(), Options::default()).is_err());
}

#[tokio::test]
async fn a_file_whose_creation_was_cut_off_becomes_a_store() {
    let files = Files::new();
    fs::write(files.path(), "").unwrap();
    drop(files.open());
    fs::remove_file(files.path()).unwrap();
    files.sql("PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL");
    let store = files.open();
    let id = conversation(&store, 1).await;
    assert_eq!(ids(&store).await, [id]);
}

#[tokio::test]
async fn a_journal_left_by_a_crash_is_no_damage() {
    let (files, copy) = (Files::new(), Files::new());
    let store = files.open();
    let id = conversation(&store, 3).await;
    // As a process leaves them that is killed.
    for suffix in ["", "-wal"] {
        let name = format!("workers.sqlite3{suffix}");
        fs::copy(files.directory().join(&name), copy.directory().join(&name)).unwrap();
    }
    let journal = fs::metadata(copy.directory().join("workers.sqlite3-wal"));
    assert!(journal.unwrap().len() > 0);
    let opened = copy.open();
    assert_eq!(load(&opened, id).await, load(&store, id).await);
}

#[tokio::test]
async fn an_emptied_or_missing_file_beside_a_journal_is_damage() {
    let (files, copy) = (Files::new(), Files::new());
    let store = files.open();
    conversation(&store, 3).await;
    let journal = copy.directory().join("workers.sqlite3-wal");
    fs::copy(files.directory().join("workers.sqlite3-wal"), &journal).unwrap();
    fs::write(copy.path(), "").unwrap();
    let before = fs::read(&journal).unwrap();
    assert!(matches!(refuse(&copy), OpenError::Damaged));
    let compacted = compact(&copy.path()).unwrap_err();
    let is_damaged = matches!(compacted, MaintenanceError::Open(OpenError::Damaged));
    assert!(is_damaged, "{compacted:?}");
    assert!(fs::read(&journal).unwrap() == before);
    fs::remove_file(copy.path()).unwrap();
    assert!(matches!(copy.try_open().err(), Some(OpenError::Damaged)));
    assert!(!copy.path().exists() && fs::read(&journal).unwrap() == before);
    // With nothing in it the journal is of no use either.
    fs::write(&journal, "").unwrap();
    drop(copy.open());
}

#[tokio::test]
async fn a_close_leaves_an_empty_journal_to_those_who_still_read() {
    let files = Files::new();
    let store = files.open();
    let reader = Connection::open(files.path()).unwrap();
    reader.execute_batch("SELECT count(*) FROM worker").unwrap();
    conversation(&store, 3).await;
    drop(store);
    let journal = files.directory().join("workers.sqlite3-wal");
    assert_eq!(fs::metadata(journal).unwrap().len(), 0);
}

#[tokio::test]
async fn a_damaged_store_is_refused() {
    let files = Files::new();
    let store = files.open();
    for _ in 0..10 {
        conversation(&store, 5).await;
    }
    drop(store);
    let whole = files.bytes();
    files.damage(files.leaves("entry")[1]);
    assert!(matches!(refuse(&files), OpenError::Damaged));
    // Half of it.
    fs::write(files.path(), &whole[..whole.len() / 2 / PAGE * PAGE]).unwrap();
    assert!(matches!(refuse(&files), OpenError::Damaged));
    // One bit in the page of the tables' names.
    let mut flipped = whole.clone();
    flipped[101] ^= 0x80;
    fs::write(files.path(), &flipped).unwrap();
    assert!(matches!(refuse(&files), OpenError::Damaged));
    fs::write(files.path(), &whole).unwrap();
    files.sql("DROP INDEX run_keyed");
    assert!(matches!(refuse(&files), OpenError::Damaged));
    fs::write(files.path(), &whole).unwrap();
    assert_eq!(ids(&files.open()).await.len(), 10);
}

#[tokio::test]
async fn the_settings_are_those_of_a_store() {
    let files = Files::new();
    drop(files.open());
    let connection = Connection::open(files.path()).unwrap();
    let text = |name| -> String {
        let read = |row: &rusqlite::Row<'_>| row.get::<_, rusqlite::types::Value>(0);
        format!(
            "{:?}",
            connection.pragma_query_value(None, name, read).unwrap()
        )
    };
    assert_eq!(text("journal_mode"), "Text(\"wal\")");
    // Incremental.
    assert_eq!(text("auto_vacuum"), "Integer(2)");
    assert_eq!(text("application_id"), format!("Integer({})", 0x796f_6977));
    assert_eq!(text("user_version"), "Integer(1)");
}

/// Each released version has a file here, which is never written again.
#[tokio::test]
async fn stores_of_every_version_are_opened() {
    let files = Files::new();
    let versions = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/schemas/v1.sqlite3");
    fs::copy(versions, files.path()).unwrap();
    let store = files.open();
    let ids = ids(&store).await;
    assert_eq!(ids.len(), 3);
    let loaded = load(&store, ids[0]).await;
    assert_eq!(loaded.worker.display_name.as_str(), "Ada");
    assert_eq!((loaded.entries.len(), loaded.worker.last_sequence), (4, 4));
    assert!(loaded.entries[1].content.starts_with("reply 2"));
    let active = load(&store, ids[1]).await.active_run.unwrap();
    assert_eq!(&*active.text, "so far");
    store.commit(vec![create(worker_id())]).await.unwrap();
}
