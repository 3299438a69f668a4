//! Values of the runtime, and what they are in columns.

use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::Row;
use rusqlite::types::FromSql;
use uuid::Uuid;
use worker_runtime::store::columns::{self, RunEndColumns, Unreadable};
use worker_runtime::{Fingerprint, IdempotencyKey, LastRun, RunDiagnostics, RunId, WorkerId};

use crate::failure::Failure;

/// How many of a key's bits are the sequence.
const SEQUENCE_BITS: u32 = 32;
/// The highest number of an entry of one worker.
pub(crate) const MAX_SEQUENCE: u64 = (1 << SEQUENCE_BITS) - 1;

/// The key of a worker's row with this sequence.
pub(crate) fn key(worker: i64, sequence: u64) -> Result<i64, Failure> {
    let misfit = Failure::Misfit("number of an entry");
    let worker = i32::try_from(worker).map_err(|_| misfit.clone())?;
    if sequence > MAX_SEQUENCE {
        return Err(misfit);
    }
    Ok((i64::from(worker) << SEQUENCE_BITS) | sequence.cast_signed())
}

/// The first and the last key that rows of a worker can have.
pub(crate) fn keys(worker: i64) -> Result<(i64, i64), Failure> {
    Ok((key(worker, 0)?, key(worker, MAX_SEQUENCE)?))
}

/// The sequence in a key.
pub(crate) fn sequence_of(key: i64) -> u64 {
    key.cast_unsigned() & MAX_SEQUENCE
}

pub(crate) fn milliseconds(at: Timestamp) -> i64 {
    at.as_millisecond()
}

pub(crate) fn worker_id(id: &WorkerId) -> [u8; 16] {
    id.as_uuid().into_bytes()
}

pub(crate) fn run_id(id: &RunId) -> [u8; 16] {
    id.as_uuid().into_bytes()
}

/// A row whose columns are read by name.
pub(crate) struct Columns<'a, 'b>(pub(crate) &'a Row<'b>);

impl Columns<'_, '_> {
    pub(crate) fn get<T: FromSql>(&self, column: &'static str) -> Result<T, Unreadable> {
        self.0.get(column).map_err(|_| Unreadable(column))
    }

    /// A column that is stored as text of its own form.
    pub(crate) fn parse<T: std::str::FromStr>(
        &self,
        column: &'static str,
    ) -> Result<T, Unreadable> {
        let text = self.0.get_ref(column).ok();
        let text = text.and_then(|it| it.as_str().ok());
        text.and_then(|it| it.parse().ok())
            .ok_or(Unreadable(column))
    }

    pub(crate) fn bits(&self, column: &'static str) -> Result<u64, Unreadable> {
        self.get(column).map(i64::cast_unsigned)
    }

    pub(crate) fn time(&self, column: &'static str) -> Result<Timestamp, Unreadable> {
        let milliseconds = self.get(column)?;
        Timestamp::from_millisecond(milliseconds).map_err(|_| Unreadable(column))
    }

    pub(crate) fn worker_id(&self, column: &'static str) -> Result<WorkerId, Unreadable> {
        WorkerId::from_uuid(self.uuid(column)?).map_err(|_| Unreadable(column))
    }

    pub(crate) fn run_id(&self, column: &'static str) -> Result<RunId, Unreadable> {
        RunId::from_uuid(self.uuid(column)?).map_err(|_| Unreadable(column))
    }

    fn uuid(&self, column: &'static str) -> Result<Uuid, Unreadable> {
        self.get::<[u8; 16]>(column).map(Uuid::from_bytes)
    }

    /// One of the values that have a stable name.
    pub(crate) fn named<T: Copy>(
        &self,
        column: &'static str,
        all: &[T],
        name: fn(T) -> &'static str,
    ) -> Result<T, Unreadable> {
        let text: Option<Arc<str>> = self.get(column)?;
        columns::named(column, text.as_deref(), all, name)
    }

    /// An idempotency key.
    pub(crate) fn key(&self, name: &'static str) -> Result<Option<IdempotencyKey>, Unreadable> {
        let is_keyed = self.get::<Option<Arc<str>>>(name)?.is_some();
        is_keyed.then(|| self.parse(name)).transpose()
    }

    /// An idempotency key and the fingerprint beside it.
    pub(crate) fn keyed(
        &self,
        key: &'static str,
        fingerprint: &'static str,
    ) -> Result<Option<(IdempotencyKey, Fingerprint)>, Unreadable> {
        let Some(key) = self.key(key)? else {
            return Ok(None);
        };
        let bytes: [u8; 32] = self.get(fingerprint)?;
        Ok(Some((key, Fingerprint::from_bytes(bytes))))
    }

    /// The end of the run with this id, in the columns that `worker` and `run` have alike.
    pub(crate) fn run_end(&self, run_id: RunId) -> Result<LastRun, Unreadable> {
        let finished_at = self.get::<Option<i64>>("finished_at")?;
        let finished_at = finished_at.map(|_| self.time("finished_at")).transpose()?;
        let end = RunEndColumns::<Arc<str>> {
            outcome: self.get("outcome")?,
            error_code: self.get("error_code")?,
            error_detail: self.get("error_detail")?,
            retry_after: self.get("retry_after")?,
            finished_at,
        };
        end.read(run_id)
    }

    pub(crate) fn diagnostics(&self) -> Result<RunDiagnostics, Unreadable> {
        let column = "diagnostics";
        let words: Option<Arc<str>> = self.get(column)?;
        columns::read_diagnostics(column, words.as_deref())
    }
}
