//! A store in a file that is copied to another one, of whatever kind.

mod file_copy;

use std::path::Path;

use async_trait::async_trait;
use rusqlite::Connection;
use worker_runtime::store::StoreError;
use worker_runtime::store::copy::{CopySource, StoredRun, WorkerIds};
use worker_runtime::{Cursor, Epoch, Usage, WorkerId};

use super::{MaintenanceError, existing};
use crate::failure::Failure;
use crate::file::FileId;
use crate::options::{NetworkFileSystems, Options};
use crate::store::SqliteStore;
use crate::translate::{Columns, MAX_SEQUENCE, key, keys, sequence_of};
use crate::unwritable;
use crate::write;

pub use file_copy::FileCopy;

/// The operator has named the file, and no server works on it.
const OPTIONS: Options = Options {
    network_file_systems: NetworkFileSystems::Allowed,
    max_bytes: None,
};

/// Opens the store at `path` to be copied. No server may have it open.
///
/// # Errors
/// Also when there is no store.
pub fn open_to_copy(path: &Path) -> Result<SqliteStore, MaintenanceError> {
    let path = existing(path)?;
    if unwritable::is_unwritable(&path) {
        return Ok(SqliteStore::open_unwritable(&path, OPTIONS)?);
    }
    Ok(SqliteStore::open_existing(&path, OPTIONS)?)
}

/// Whether two paths name one file. A symbolic link isn't followed, since no store is.
#[must_use]
pub fn is_same_file(one: &Path, other: &Path) -> bool {
    let other = FileId::at(other).ok();
    other.is_some() && FileId::at(one).ok() == other
}

#[async_trait]
impl CopySource for SqliteStore {
    async fn worker_ids(&self) -> Result<WorkerIds, StoreError> {
        self.read(worker_ids).await
    }

    async fn runs(
        &self,
        id: WorkerId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<StoredRun>, StoreError> {
        self.read(move |connection| runs(connection, id, after, limit))
            .await
    }
}

fn worker_ids(connection: &Connection) -> Result<WorkerIds, Failure> {
    let mut select = connection.prepare_cached("SELECT id FROM worker ORDER BY number")?;
    let mut rows = select.query(())?;
    let mut found = WorkerIds::default();
    while let Some(row) = rows.next()? {
        match Columns(row).worker_id("id") {
            Ok(id) => found.ids.push(id),
            Err(_) => found.nameless += 1,
        }
    }
    found.ids.sort();
    Ok(found)
}

fn runs(
    connection: &Connection,
    id: WorkerId,
    after: u64,
    limit: usize,
) -> Result<Vec<StoredRun>, Failure> {
    let worker = write::number(connection, &id)?;
    let (first, last) = (key(worker, after.min(MAX_SEQUENCE))?, keys(worker)?.1);
    let mut select = connection
        .prepare_cached("SELECT * FROM run WHERE key > ?1 AND key <= ?2 ORDER BY key LIMIT ?3")?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = select.query([first, last, limit])?;
    let mut runs = Vec::new();
    while let Some(row) = rows.next()? {
        runs.push(run(&Columns(row))?);
    }
    Ok(runs)
}

fn run(row: &Columns<'_, '_>) -> Result<StoredRun, Failure> {
    let run_id = row.run_id("id")?;
    let has_ended = row.get::<Option<String>>("outcome")?.is_some();
    let tokens = |column| Ok::<_, Failure>(row.get::<Option<i64>>(column)?.map(i64::cast_unsigned));
    Ok(StoredRun {
        sequence: sequence_of(row.get("key")?),
        run_id,
        accepted_at: row.time("accepted_at")?,
        cursor: Cursor::new(
            Epoch::new(row.bits("cursor_epoch")?),
            row.bits("cursor_sequence")?,
        ),
        key: row.keyed("input_key", "input_fingerprint")?,
        end: has_ended.then(|| row.run_end(run_id)).transpose()?,
        usage: Usage {
            input_tokens: tokens("input_tokens")?,
            output_tokens: tokens("output_tokens")?,
        },
        diagnostics: row.diagnostics()?,
    })
}
