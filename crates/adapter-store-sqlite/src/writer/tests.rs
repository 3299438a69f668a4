//! What is made of a transaction whose COMMIT has failed.

use rusqlite::ffi;

use super::*;
use crate::open::{self, Absent};
use crate::options::Options;

fn writer(directory: &tempfile::TempDir) -> Writer {
    let path = directory.path().join("workers.sqlite3");
    let (file, connection) = open::open(&path, Options::default(), Absent::Created).unwrap();
    let recorder = Arc::new(StoreRecorder::default());
    Writer::new(Arc::new(file), recorder, connection).unwrap()
}

fn sqlite_failure(code: i32) -> Arc<rusqlite::Error> {
    Arc::new(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None))
}

/// The outcome that the writer finds, and the number of the latest transaction after it.
fn outcome(writer: &mut Writer, failure: &Failure) -> (Outcome, i64) {
    writer.connection = None;
    let (connection, outcome) = writer.outcome(failure).unwrap().unwrap();
    (outcome, read_batch(&connection).unwrap())
}

#[test]
fn a_replacement_is_not_taken_for_the_transaction_that_it_replaces() {
    let directory = tempfile::tempdir().unwrap();
    let mut writer = writer(&directory);
    let failed = Failure::Sql(sqlite_failure(ffi::SQLITE_IOERR_FSYNC));
    let before = writer.batch;
    // As an attempt leaves it whose own COMMIT failed, and was recovered since.
    replace(writer.connection.as_ref().unwrap(), before + REPLACEMENT).unwrap();
    let (outcome, number) = outcome(&mut writer, &failed);
    assert!(matches!(outcome, Outcome::Replaced), "{outcome:?}");
    assert_eq!(number, before + REPLACEMENT);
}

#[test]
fn a_transaction_that_is_in_the_file_is_committed() {
    let directory = tempfile::tempdir().unwrap();
    let mut writer = writer(&directory);
    let failed = Failure::Sql(sqlite_failure(ffi::SQLITE_IOERR_FSYNC));
    let next = writer.batch + NEXT;
    replace(writer.connection.as_ref().unwrap(), next).unwrap();
    let (outcome, number) = outcome(&mut writer, &failed);
    assert!(matches!(outcome, Outcome::Committed), "{outcome:?}");
    assert_eq!(number, next);
    // Nor is another's work the writer's own.
    replace(&writer.reopen().unwrap(), next + REPLACEMENT).unwrap();
    let (_, outcome) = writer.outcome(&failed).unwrap().unwrap();
    assert!(matches!(outcome, Outcome::Unknown), "{outcome:?}");
}

/// All of it is in the journal when its sync fails, whatever that fails for.
#[test]
fn only_a_transaction_without_room_needs_no_replacement() {
    let directory = tempfile::tempdir().unwrap();
    let mut writer = writer(&directory);
    let before = writer.batch;
    let full = Failure::Sql(sqlite_failure(ffi::SQLITE_FULL));
    let (found, number) = outcome(&mut writer, &full);
    assert!(matches!(found, Outcome::NotWritten), "{found:?}");
    assert_eq!(number, before);
    let no_space = Failure::NoSpace(sqlite_failure(ffi::SQLITE_IOERR_FSYNC));
    let (found, number) = outcome(&mut writer, &no_space);
    assert!(matches!(found, Outcome::Replaced), "{found:?}");
    assert_eq!(number, before + REPLACEMENT);
}
