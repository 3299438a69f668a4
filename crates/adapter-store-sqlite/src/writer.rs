//! The thread that writes: everything that waits for it goes into one transaction.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::{Connection, params};
use tokio::sync::mpsc;
use worker_runtime::store::group_commit::{CommitRequest, answer_group};
use worker_runtime::store::{Change, StoreRecorder};

use crate::connection;
use crate::failure::Failure;
use crate::file::FileId;
use crate::owned_file::OwnedFile;
use crate::write;

/// Pages that are given back to the file system at a time after workers were deleted. Requests
/// that come meanwhile wait for that long.
const VACUUM_PAGES: u32 = 256;
/// How far the number of a transaction is from that of the one before it, and that of the one which
/// replaces it when its COMMIT fails: neither can be taken for the other.
const NEXT: i64 = 1;
const REPLACEMENT: i64 = 2;
/// How long to wait before the outcome of a COMMIT that has failed is looked for once more.
const SETTLE_PAUSE: Duration = Duration::from_millis(50);

/// The one connection that writes.
#[derive(Debug)]
pub(crate) struct Writer {
    /// None after a failure: the next transaction begins with a connection of its own. Dropped
    /// before the file, whose lock must outlast it.
    connection: Option<Connection>,
    file: Arc<OwnedFile>,
    recorder: Arc<StoreRecorder>,
    /// The number of the latest transaction, as it is in the file.
    batch: i64,
    /// The journal that the connection writes to, once it has.
    journal: Option<[FileId; 2]>,
    /// Whether there may be pages to give back.
    has_deleted: bool,
}

type Outcomes = Vec<Result<(), Failure>>;

/// What has become of a transaction whose COMMIT has failed.
#[derive(Debug, Clone, Copy)]
enum Outcome {
    /// It is in the file after all, and durable.
    Committed,
    /// It is not. What it has left in the journal is overwritten by one that only has a number, so that
    /// no start after a crash can take it for a transaction.
    Replaced,
    /// It is not: for lack of space it was not written to its end.
    NotWritten,
    /// Somebody else has written since, so that nobody can tell.
    Unknown,
}

impl Writer {
    pub(crate) fn new(
        file: Arc<OwnedFile>,
        recorder: Arc<StoreRecorder>,
        connection: Connection,
    ) -> rusqlite::Result<Self> {
        Ok(Self {
            file,
            recorder,
            batch: read_batch(&connection)?,
            journal: None,
            connection: Some(connection),
            has_deleted: true,
        })
    }

    /// Commits what comes until the other end of the queue is gone, then closes the file.
    pub(crate) fn run(mut self, mut requests: mpsc::Receiver<CommitRequest>) {
        loop {
            self.give_back_pages(&requests);
            let Some(first) = requests.blocking_recv() else {
                break;
            };
            let batch = first.group(&mut requests);
            self.commit(batch, &requests);
        }
        if let Some(connection) = self.connection.take() {
            // The journal is empty after a close in order.
            let emptied = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(()));
            if let Err(error) = emptied {
                tracing::debug!(cause = ?error, "journal of the store stays");
            }
        }
    }

    fn commit(&mut self, batch: Vec<CommitRequest>, requests: &mpsc::Receiver<CommitRequest>) {
        let begun = Instant::now();
        let outcomes = self.try_commit(&batch, requests);
        let outcomes = outcomes.map_err(|failure| failure.with_space_checked(self.file.path()));
        let outcomes = match outcomes {
            Ok(outcomes) => {
                self.recorder.committed(batch.len(), begun.elapsed());
                outcomes
            }
            Err(failure) => vec![Err(failure); batch.len()],
        };
        answer_group(batch, outcomes, &self.recorder);
    }

    /// Commits all requests that can be; those that don't fit what is stored fail alone.
    fn try_commit(
        &mut self,
        batch: &[CommitRequest],
        requests: &mpsc::Receiver<CommitRequest>,
    ) -> Result<Outcomes, Failure> {
        self.file.check_ownership()?;
        self.check_journal()?;
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => {
                self.journal = None;
                self.reopen()?
            }
        };
        let outcomes = write_all(&connection, batch, self.batch + NEXT)?;
        let has_deleted = batch.iter().any(|request| {
            let is_delete = |change: &Change| matches!(change, Change::Delete { .. });
            request.changes.iter().any(is_delete)
        });
        match connection.execute_batch("COMMIT") {
            Ok(()) => {
                self.batch += NEXT;
                self.connection = Some(connection);
                if self.journal.is_none() {
                    self.journal = FileId::of_journal(self.file.path());
                }
            }
            Err(error) => {
                drop(connection);
                let failure = Failure::from(error).with_space_checked(self.file.path());
                self.settle(failure, requests)?;
            }
        }
        self.has_deleted |= has_deleted;
        Ok(outcomes)
    }

    /// Checks that the journal is still the one that was written to. If it was removed, the next
    /// start would not find it: what is committed goes into the file while the journal is still
    /// open, and nothing more is committed.
    fn check_journal(&self) -> Result<(), Failure> {
        // After a failure there is no connection, and the last one to close removes the journal.
        let Some(connection) = &self.connection else {
            return Ok(());
        };
        if self.journal.is_none() || self.journal == FileId::of_journal(self.file.path()) {
            return Ok(());
        }
        write_back(connection)?;
        Err(Failure::Lost)
    }

    /// Finds out whether the transaction is in the file after all, though its COMMIT has failed.
    /// Until that is known nobody gets an answer, unless the store is closed meanwhile: callers
    /// have deadlines of their own.
    fn settle(
        &mut self,
        failure: Failure,
        requests: &mpsc::Receiver<CommitRequest>,
    ) -> Result<(), Failure> {
        while !requests.is_closed() {
            match self.outcome(&failure) {
                Ok(Some((connection, outcome))) => {
                    self.journal = None;
                    self.connection = Some(connection);
                    self.batch += match outcome {
                        Outcome::Committed => NEXT,
                        Outcome::Replaced => REPLACEMENT,
                        Outcome::NotWritten | Outcome::Unknown => 0,
                    };
                    return match outcome {
                        Outcome::Committed => Ok(()),
                        Outcome::Replaced | Outcome::NotWritten => Err(failure),
                        Outcome::Unknown => Err(Failure::Lost),
                    };
                }
                Ok(None) => {}
                Err(error) => tracing::debug!(cause = ?error, "outcome is not known yet"),
            }
            thread::sleep(SETTLE_PAUSE);
        }
        Err(failure)
    }

    /// What has become of the transaction that has just failed; nothing if that can't be made out
    /// yet.
    fn outcome(&self, failure: &Failure) -> Result<Option<(Connection, Outcome)>, Failure> {
        self.file.check_ownership()?;
        let connection = self.reopen()?;
        let outcome = match read_batch(&connection)? - self.batch {
            0 if failure.is_unfinished_write() => Outcome::NotWritten,
            0 => {
                replace(&connection, self.batch + REPLACEMENT)?;
                Outcome::Replaced
            }
            found @ (NEXT | REPLACEMENT) => {
                // The system may take what it failed to write for written. So the journal is not synced
                // again, but written into the file, and that is synced.
                if !write_back(&connection)? {
                    return Ok(None);
                }
                match found {
                    NEXT => Outcome::Committed,
                    // An earlier attempt's, whose own COMMIT failed.
                    _ => Outcome::Replaced,
                }
            }
            _ => Outcome::Unknown,
        };
        Ok(Some((connection, outcome)))
    }

    fn reopen(&self) -> Result<Connection, Failure> {
        Ok(connection::for_writing(
            self.file.path(),
            self.file.options(),
        )?)
    }

    /// Shortens the file after workers were deleted, as long as no request waits.
    fn give_back_pages(&mut self, requests: &mpsc::Receiver<CommitRequest>) {
        while self.has_deleted && requests.is_empty() {
            let Some(connection) = &self.connection else {
                return;
            };
            match vacuum(connection) {
                Ok(is_done) => self.has_deleted = !is_done,
                Err(error) => {
                    tracing::debug!(cause = ?error, "pages of the store are not given back");
                    self.has_deleted = false;
                }
            }
        }
    }
}

fn read_batch(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("SELECT batch FROM meta", (), |row| row.get(0))
}

/// Makes the changes of all requests in a transaction that stays open.
fn write_all(
    connection: &Connection,
    batch: &[CommitRequest],
    number: i64,
) -> Result<Outcomes, Failure> {
    begin(connection, number)?;
    let mut changes = batch.iter().flat_map(|request| &request.changes);
    match changes.try_for_each(|change| write::apply(connection, change)) {
        Ok(()) => Ok(vec![Ok(()); batch.len()]),
        Err(failure) if failure.is_of_one_request() => {
            run(connection, "ROLLBACK")?;
            write_each(connection, batch, number)
        }
        Err(failure) => Err(failure),
    }
}

/// Does the same when a request doesn't fit what is stored: its changes alone are taken back.
/// That costs a savepoint for each request, which the usual way is spared.
fn write_each(
    connection: &Connection,
    batch: &[CommitRequest],
    number: i64,
) -> Result<Outcomes, Failure> {
    begin(connection, number)?;
    let mut outcomes = Vec::with_capacity(batch.len());
    for request in batch {
        run(connection, "SAVEPOINT request")?;
        let changes = &mut request.changes.iter();
        let outcome = changes.try_for_each(|change| write::apply(connection, change));
        match &outcome {
            Ok(()) => {}
            Err(failure) if failure.is_of_one_request() => {
                run(connection, "ROLLBACK TO request")?;
            }
            Err(failure) => return Err(failure.clone()),
        }
        run(connection, "RELEASE request")?;
        outcomes.push(outcome);
    }
    Ok(outcomes)
}

/// Begins the transaction with this number.
///
/// # Errors
/// [`Failure::Lost`] if it has another one: somebody else has written, and what the runtime has in
/// memory is out of date.
fn begin(connection: &Connection, number: i64) -> Result<(), Failure> {
    run(connection, "BEGIN IMMEDIATE")?;
    // RETURNING would open a temporary table, which takes as long as the update.
    let sql = "UPDATE meta SET batch = ?1 WHERE batch = ?1 - 1";
    match connection.prepare_cached(sql)?.execute([number])? {
        1 => Ok(()),
        _ => Err(Failure::Lost),
    }
}

/// A transaction that has a number and nothing else.
fn replace(connection: &Connection, number: i64) -> rusqlite::Result<()> {
    let update = connection.execute("UPDATE meta SET batch = ?1", [number]);
    update.map(drop)
}

/// Writes the whole journal into the file, and syncs that. Returns false if a reader is in the way.
fn write_back(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("PRAGMA wal_checkpoint(FULL)", (), |row| {
        let (is_blocked, frames): (bool, i64) = (row.get(0)?, row.get(1)?);
        Ok(!is_blocked && frames == row.get(2)?)
    })
}

fn run(connection: &Connection, statement: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(statement)?.execute(params![])?;
    Ok(())
}

/// Gives some unused pages back. Returns whether there is no use in going on: there are no more, or
/// the file is not of the kind that gives any back.
fn vacuum(connection: &Connection) -> rusqlite::Result<bool> {
    let count =
        || connection.pragma_query_value(None, "freelist_count", |row| row.get::<_, u32>(0));
    let before = count()?;
    if before == 0 {
        return Ok(true);
    }
    // A row for each page.
    let sql = format!("PRAGMA incremental_vacuum({VACUUM_PAGES})");
    let mut vacuum = connection.prepare(&sql)?;
    let mut rows = vacuum.query(())?;
    while rows.next()?.is_some() {}
    let after = count()?;
    Ok(after == 0 || after >= before)
}

#[cfg(test)]
mod tests;
