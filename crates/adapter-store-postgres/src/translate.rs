//! Values of the runtime, and what they are in columns.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use tokio_postgres::Row;
use tokio_postgres::types::FromSql;
use uuid::Uuid;
use worker_runtime::store::columns::{self, RunEndColumns, Unreadable};
use worker_runtime::{Fingerprint, IdempotencyKey, LastRun, RunDiagnostics, RunId, WorkerId};

/// The time in whole milliseconds: what any store keeps.
pub(crate) fn time(at: Timestamp) -> SystemTime {
    system_time(at.as_millisecond())
}

/// The time so many milliseconds after 1970.
pub(crate) fn system_time(milliseconds: i64) -> SystemTime {
    let distance = Duration::from_millis(milliseconds.unsigned_abs());
    if milliseconds < 0 {
        SystemTime::UNIX_EPOCH - distance
    } else {
        SystemTime::UNIX_EPOCH + distance
    }
}

/// The key of a profile with this text.
pub(crate) fn digest(text: &str) -> Vec<u8> {
    Sha256::digest(text).to_vec()
}

/// A row whose columns are read by name.
pub(crate) struct Columns<'a>(pub(crate) &'a Row);

impl<'a> Columns<'a> {
    pub(crate) fn get<T: FromSql<'a>>(&self, column: &'static str) -> Result<T, Unreadable> {
        self.0.try_get(column).map_err(|_| Unreadable(column))
    }

    /// A column that is stored as text of its own form.
    pub(crate) fn parse<T: std::str::FromStr>(
        &self,
        column: &'static str,
    ) -> Result<T, Unreadable> {
        let text: &str = self.get(column)?;
        text.parse().map_err(|_| Unreadable(column))
    }

    pub(crate) fn bits(&self, column: &'static str) -> Result<u64, Unreadable> {
        self.get(column).map(i64::cast_unsigned)
    }

    pub(crate) fn time(&self, column: &'static str) -> Result<Timestamp, Unreadable> {
        self.optional_time(column)?.ok_or(Unreadable(column))
    }

    fn optional_time(&self, column: &'static str) -> Result<Option<Timestamp>, Unreadable> {
        let at: Option<SystemTime> = self.get(column)?;
        let at = at.map(Timestamp::try_from).transpose();
        at.map_err(|_| Unreadable(column))
    }

    pub(crate) fn worker_id(&self, column: &'static str) -> Result<WorkerId, Unreadable> {
        WorkerId::from_uuid(self.get(column)?).map_err(|_| Unreadable(column))
    }

    pub(crate) fn run_id(&self, column: &'static str) -> Result<RunId, Unreadable> {
        RunId::from_uuid(self.get(column)?).map_err(|_| Unreadable(column))
    }

    /// One of the values that have a stable name.
    pub(crate) fn named<T: Copy>(
        &self,
        column: &'static str,
        all: &[T],
        name: fn(T) -> &'static str,
    ) -> Result<T, Unreadable> {
        columns::named(column, Some(self.get(column)?), all, name)
    }

    /// A text that may have any character.
    pub(crate) fn text(&self, column: &'static str) -> Result<Arc<str>, Unreadable> {
        self.optional_text(column)?.ok_or(Unreadable(column))
    }

    pub(crate) fn optional_text(
        &self,
        column: &'static str,
    ) -> Result<Option<Arc<str>>, Unreadable> {
        let bytes: Option<&[u8]> = self.get(column)?;
        let text = bytes.map(std::str::from_utf8).transpose();
        let text = text.map_err(|_| Unreadable(column))?;
        Ok(text.map(Arc::from))
    }

    /// An idempotency key.
    pub(crate) fn key(&self, column: &'static str) -> Result<Option<IdempotencyKey>, Unreadable> {
        let text: Option<&str> = self.get(column)?;
        let key = text.map(str::parse).transpose();
        key.map_err(|_| Unreadable(column))
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
        let bytes: &[u8] = self.get(fingerprint)?;
        let bytes = bytes.try_into().map_err(|_| Unreadable(fingerprint))?;
        Ok(Some((key, Fingerprint::from_bytes(bytes))))
    }

    /// The end of the last run, if there was one.
    pub(crate) fn last_run(&self) -> Result<Option<LastRun>, Unreadable> {
        let last: Option<Uuid> = self.get("last_run")?;
        if last.is_none() {
            return Ok(None);
        }
        self.run_end(self.run_id("last_run")?).map(Some)
    }

    /// The end of the run with this id, in the columns that `worker` and `run` have alike.
    pub(crate) fn run_end(&self, run_id: RunId) -> Result<LastRun, Unreadable> {
        let end = RunEndColumns::<&str> {
            outcome: self.get("outcome")?,
            error_code: self.get("error_code")?,
            error_detail: self.get("error_detail")?,
            retry_after: self.get("retry_after")?,
            finished_at: self.optional_time("finished_at")?,
        };
        end.read(run_id)
    }

    pub(crate) fn diagnostics(&self) -> Result<RunDiagnostics, Unreadable> {
        let column = "diagnostics";
        columns::read_diagnostics(column, self.get(column)?)
    }
}
