//! Facts in the flat form that the columns of a table have: numbers, and words with stable names.

use std::time::Duration;

use jiff::Timestamp;

use crate::id::RunId;
use crate::run::{ErrorDetail, LastRun, RunDiagnostics, RunError, RunErrorCode, RunOutcome};

/// A column that isn't what it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("column {0} has an unexpected value")]
pub struct Unreadable(pub &'static str);

/// One of the values that have a stable name.
///
/// # Errors
/// None of them has the name in the column.
pub fn named<T: Copy>(
    column: &'static str,
    text: Option<&str>,
    all: &[T],
    name: fn(T) -> &'static str,
) -> Result<T, Unreadable> {
    let mut all = all.iter().copied();
    let found = all.find(|value| text == Some(name(*value)));
    found.ok_or(Unreadable(column))
}

/// Nanoseconds in a millisecond.
const NANOSECONDS: i128 = 1_000_000;

/// The first whole millisecond since 1970 that isn't before this time.
#[must_use]
pub fn milliseconds_from(at: Timestamp) -> i64 {
    let nanoseconds = at.as_nanosecond();
    let part = i128::from(nanoseconds.rem_euclid(NANOSECONDS) > 0);
    i64::try_from(nanoseconds.div_euclid(NANOSECONDS) + part).unwrap_or(i64::MAX)
}

/// The columns of a run's end.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RunEndColumns<Text> {
    /// The name of its outcome; none of a run without an end.
    pub outcome: Option<Text>,
    /// The name of its error's code.
    pub error_code: Option<Text>,
    /// The name of its error's detail.
    pub error_detail: Option<Text>,
    /// Milliseconds to wait before another attempt, or as many as fit; an unsigned number with
    /// the same bits.
    pub retry_after: Option<i64>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
}

impl RunEndColumns<&'static str> {
    /// The columns of this end.
    #[must_use]
    pub fn of(run: Option<&LastRun>) -> Self {
        let Some(run) = run else {
            return Self::default();
        };
        let detail = run.error.and_then(|error| error.detail);
        let retry_after = run.error.and_then(|error| error.retry_after);
        Self {
            outcome: Some(run.outcome.as_str()),
            error_code: run.error.map(|error| error.code.as_str()),
            error_detail: detail.map(ErrorDetail::as_str),
            retry_after: retry_after.map(|wait| {
                let milliseconds = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
                milliseconds.cast_signed()
            }),
            finished_at: Some(run.finished_at),
        }
    }
}

impl<Text: AsRef<str>> RunEndColumns<Text> {
    /// The end of the run with this id.
    ///
    /// # Errors
    /// The column that isn't what it should be.
    pub fn read(&self, run_id: RunId) -> Result<LastRun, Unreadable> {
        let outcome = self.outcome.as_ref().map(AsRef::as_ref);
        Ok(LastRun {
            run_id,
            outcome: named("outcome", outcome, RunOutcome::ALL, RunOutcome::as_str)?,
            error: self.error()?,
            finished_at: self.finished_at.ok_or(Unreadable("finished_at"))?,
        })
    }

    fn error(&self) -> Result<Option<RunError>, Unreadable> {
        let Some(code) = &self.error_code else {
            return Ok(None);
        };
        let code = RunErrorCode::from_name(code.as_ref()).ok_or(Unreadable("error_code"))?;
        let detail = self.error_detail.as_ref().map(AsRef::as_ref);
        let detail = detail.map(|text| {
            named(
                "error_detail",
                Some(text),
                ErrorDetail::ALL,
                ErrorDetail::as_str,
            )
        });
        let retry_after = self.retry_after.map(i64::cast_unsigned);
        Ok(Some(RunError {
            code,
            detail: detail.transpose()?,
            retry_after: retry_after.map(Duration::from_millis),
        }))
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

/// A run's diagnostics as words with a space in between; none when there are none.
#[must_use]
pub fn diagnostics_words(mut diagnostics: RunDiagnostics) -> Option<String> {
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

/// The diagnostics that [`diagnostics_words`] has written to this column.
///
/// # Errors
/// It has other words.
pub fn read_diagnostics(
    column: &'static str,
    words: Option<&str>,
) -> Result<RunDiagnostics, Unreadable> {
    let mut diagnostics = RunDiagnostics::default();
    for word in words.unwrap_or_default().split_terminator(' ') {
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
