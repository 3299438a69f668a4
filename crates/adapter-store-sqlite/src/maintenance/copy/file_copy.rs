//! The copy of a store, in a file.

use std::path::Path;

use async_trait::async_trait;
use rusqlite::{Connection, params};
use tokio::task::spawn_blocking;
use worker_runtime::WorkerId;
use worker_runtime::store::columns::{RunEndColumns, diagnostics_words};
use worker_runtime::store::copy::{CopyTarget, Fact, StoredRun};
use worker_runtime::store::{StoreError, StoreErrorKind};

use super::OPTIONS;
use crate::connection;
use crate::failure::Failure;
use crate::file;
use crate::maintenance::compact::empty_journal;
use crate::maintenance::{MaintenanceError, Target, existing};
use crate::open::{self, Absent, Contents};
use crate::owned_file::OwnedFile;
use crate::schema::Header;
use crate::translate::{self, key, milliseconds};
use crate::write;

/// A file that gets the workers of another store. It is written beside its place, where a store
/// without workers keeps the lock meanwhile, and moved there when it is whole.
pub struct FileCopy(Option<Box<Unfinished>>);

struct Unfinished {
    // In the order in which they end.
    writer: Connection,
    file: Target,
    place: Place,
}

/// Where the copy will be, and the store without workers that is there until then.
struct Place {
    // In the order in which they end: the file's lock must outlast the connection.
    store: Option<Connection>,
    owned: OwnedFile,
    /// Whether it was created for the copy, and goes with one that isn't finished.
    is_new: bool,
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.is_new {
            self.store = None;
            file::remove(self.owned.path());
        }
    }
}

impl FileCopy {
    /// A copy at `path`, where nothing is, or a store without workers; none if that has some. No
    /// server may have it open.
    ///
    /// # Errors
    /// What is there is as it was.
    pub fn create(path: &Path) -> Result<Option<Self>, MaintenanceError> {
        let is_new = match existing(path) {
            // Before it is opened, which would bring one of an older version to the newest.
            Ok(path) if has_workers(&path)? => return Ok(None),
            Ok(_) => false,
            Err(MaintenanceError::Missing) => true,
            Err(error) => return Err(error),
        };
        let (owned, store) = open::open(path, OPTIONS, Absent::Created)?;
        let mut place = Place {
            store: Some(store),
            owned,
            is_new,
        };
        if place
            .store
            .as_ref()
            .is_some_and(|it| any_worker(it).unwrap_or(true))
        {
            place.is_new = false;
            return Ok(None);
        }
        let file = Target::create_successor(place.owned.path())?;
        let mut writer = connection::for_writing(&file.path, &OPTIONS)?;
        open::prepare(&mut writer)?;
        // A power cut leaves a file that nobody uses. The whole one is synced before it is moved.
        writer.pragma_update(None, "synchronous", "OFF")?;
        let unfinished = Unfinished {
            writer,
            file,
            place,
        };
        Ok(Some(Self(Some(Box::new(unfinished)))))
    }

    /// Does some work on a thread that may block. After a failure nothing more can be done.
    async fn work(
        &mut self,
        work: impl FnOnce(Box<Unfinished>) -> Result<Option<Box<Unfinished>>, StoreError>
        + Send
        + 'static,
    ) -> Result<(), StoreError> {
        let failed = || StoreError::new(StoreErrorKind::Failed);
        let unfinished = self.0.take().ok_or_else(failed)?;
        let worked = spawn_blocking(move || work(unfinished)).await;
        self.0 = worked.map_err(|_| failed())??;
        Ok(())
    }
}

#[async_trait]
impl CopyTarget for FileCopy {
    async fn add(&mut self, facts: Vec<Fact>) -> Result<(), StoreError> {
        self.work(move |mut unfinished| {
            unfinished
                .write(|connection| facts.iter().try_for_each(|it| insert(connection, it)))?;
            Ok(Some(unfinished))
        })
        .await
    }

    async fn remove(&mut self, id: WorkerId) -> Result<(), StoreError> {
        self.work(move |mut unfinished| {
            unfinished.write(|connection| write::delete(connection, &id))?;
            Ok(Some(unfinished))
        })
        .await
    }

    async fn finish(&mut self) -> Result<(), StoreError> {
        self.work(|unfinished| {
            let finished = unfinished.finish();
            finished.map_err(|error| StoreError::with_cause(StoreErrorKind::Failed, error))?;
            Ok(None)
        })
        .await
    }
}

impl Unfinished {
    fn write(
        &mut self,
        write: impl FnOnce(&Connection) -> Result<(), Failure>,
    ) -> Result<(), StoreError> {
        let in_transaction = || -> Result<(), Failure> {
            let transaction = self.writer.transaction()?;
            write(&transaction)?;
            Ok(transaction.commit()?)
        };
        in_transaction().map_err(|failure| failure.with_space_checked(&self.file.path).into())
    }

    fn finish(self) -> Result<(), MaintenanceError> {
        let Self {
            writer,
            file,
            mut place,
        } = self;
        // The journal becomes part of the file, which is made durable as one.
        writer.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(()))?;
        writer.close().map_err(|(_, error)| error)?;
        if let Some(store) = place.store.take() {
            empty_journal(&store)?;
        }
        file.replace()?;
        place.is_new = false;
        Ok(())
    }
}

/// Whether there is a store with workers at `path`, where something is.
fn has_workers(path: &Path) -> Result<bool, MaintenanceError> {
    // Whoever uses it may do so under another name, and with a journal of that name.
    let _lock = open::lock_file(path)?;
    let connection = connection::for_reading(path)?;
    match open::contents(&Header::read(&connection)?)? {
        Contents::Blank => Ok(false),
        Contents::Store => Ok(any_worker(&connection)?),
    }
}

fn any_worker(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("SELECT EXISTS (SELECT 1 FROM worker)", (), |row| row.get(0))
}

fn insert(connection: &Connection, fact: &Fact) -> Result<(), Failure> {
    match fact {
        Fact::Worker(worker) => write::create(connection, worker).map(drop),
        Fact::Entries(id, entries) => {
            let worker = write::number(connection, id)?;
            entries.iter().try_for_each(|entry| {
                write::insert_entry(connection, key(worker, entry.sequence)?, entry)
            })
        }
        Fact::Runs(id, runs) => {
            let worker = write::number(connection, id)?;
            let mut runs = runs.iter();
            runs.try_for_each(|run| insert_run(connection, worker, run))
        }
        Fact::Draft(id, run) => write::draft(connection, id, &run.run_id, &run.text),
    }
}

fn insert_run(connection: &Connection, worker: i64, run: &StoredRun) -> Result<(), Failure> {
    let (input_key, fingerprint) = write::keyed(run.key.as_ref());
    let end = RunEndColumns::of(run.end.as_ref());
    let mut insert = connection.prepare_cached(
        "INSERT INTO run (key, worker, id, accepted_at, cursor_epoch, cursor_sequence, input_key,
             input_fingerprint, outcome, error_code, error_detail, retry_after, finished_at,
             input_tokens, output_tokens, diagnostics)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
    )?;
    insert.execute(params![
        key(worker, run.sequence)?,
        worker,
        translate::run_id(&run.run_id),
        milliseconds(run.accepted_at),
        run.cursor.epoch().get().cast_signed(),
        run.cursor.sequence().cast_signed(),
        input_key,
        fingerprint,
        end.outcome,
        end.error_code,
        end.error_detail,
        end.retry_after,
        end.finished_at.map(milliseconds),
        run.usage.input_tokens.map(u64::cast_signed),
        run.usage.output_tokens.map(u64::cast_signed),
        diagnostics_words(run.diagnostics),
    ])?;
    Ok(())
}
