//! Values of the runtime, and what they are in columns.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::Row;
use rusqlite::types::FromSql;
use uuid::Uuid;
use worker_runtime::{
    ErrorDetail, Fingerprint, IdempotencyKey, LastRun, RunDiagnostics, RunError, RunErrorCode,
    RunId, RunOutcome, WorkerId,
};

use crate::failure::Failure;

/// A column that isn't what it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("column {0} has an unexpected value")]
pub(crate) struct Unreadable(pub(crate) &'static str);

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

/// Milliseconds, or as many as fit.
pub(crate) fn retry_after(error: Option<RunError>) -> Option<i64> {
    let wait = error?.retry_after?;
    let milliseconds = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
    Some(milliseconds.cast_signed())
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
        let mut all = all.iter().copied();
        let found = all.find(|value| text.as_deref() == Some(name(*value)));
        found.ok_or(Unreadable(column))
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
        Ok(LastRun {
            run_id,
            outcome: self.named("outcome", RunOutcome::ALL, RunOutcome::as_str)?,
            error: self.run_error()?,
            finished_at: self.time("finished_at")?,
        })
    }

    fn run_error(&self) -> Result<Option<RunError>, Unreadable> {
        let Some(code) = self.get::<Option<Arc<str>>>("error_code")? else {
            return Ok(None);
        };
        let code = RunErrorCode::from_name(&code).ok_or(Unreadable("error_code"))?;
        let detail = match self.get::<Option<Arc<str>>>("error_detail")? {
            None => None,
            Some(_) => Some(self.named("error_detail", ErrorDetail::ALL, ErrorDetail::as_str)?),
        };
        let retry_after: Option<i64> = self.get("retry_after")?;
        Ok(Some(RunError {
            code,
            detail,
            retry_after: retry_after.map(|it| Duration::from_millis(it.cast_unsigned())),
        }))
    }

    pub(crate) fn diagnostics(&self) -> Result<RunDiagnostics, Unreadable> {
        let column = "diagnostics";
        let mut diagnostics = RunDiagnostics::default();
        let text: Option<Arc<str>> = self.get(column)?;
        for word in text.as_deref().unwrap_or_default().split_terminator(' ') {
            match word.split_once('=') {
                Some((OMITTED_ENTRIES, count)) => {
                    diagnostics.omitted_entries = count.parse().map_err(|_| Unreadable(column))?;
                }
                Some(_) => return Err(Unreadable(column)),
                None => {
                    let mut flags = flags(&mut diagnostics).into_iter();
                    let flag = flags.find(|(name, _)| *name == word);
                    *flag.ok_or(Unreadable(column))?.1 = true;
                }
            }
        }
        Ok(diagnostics)
    }
}

const OMITTED_ENTRIES: &str = "omitted_entries";

/// The names by which the parts of a run's diagnostics are stored.
fn flags(diagnostics: &mut RunDiagnostics) -> [(&'static str, &mut bool); 5] {
    let RunDiagnostics {
        omitted_entries: _,
        exchange_truncated,
        reply_cut_short,
        context_window_full,
        content_filtered,
        blank_reply,
    } = diagnostics;
    [
        ("exchange_truncated", exchange_truncated),
        ("reply_cut_short", reply_cut_short),
        ("context_window_full", context_window_full),
        ("content_filtered", content_filtered),
        ("blank_reply", blank_reply),
    ]
}

/// The text of a run's diagnostics; none when there are none.
pub(crate) fn diagnostics(mut diagnostics: RunDiagnostics) -> Option<String> {
    let mut words = Vec::new();
    if diagnostics.omitted_entries > 0 {
        words.push(format!("{OMITTED_ENTRIES}={}", diagnostics.omitted_entries));
    }
    let flags = flags(&mut diagnostics).into_iter();
    words.extend(
        flags
            .filter(|(_, flag)| **flag)
            .map(|(name, _)| name.to_owned()),
    );
    (!words.is_empty()).then(|| words.join(" "))
}
