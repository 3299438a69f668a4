//! Whether a store is whole: its pages, and what its rows say together.

use std::path::Path;

use rusqlite::Connection;

use super::{MaintenanceError, Reading, existing};
use crate::failure::Failure;
use crate::file;
use crate::read::{self, Profiles};
use crate::translate::Columns;

/// Problems of pages that are counted at most.
const MAX_PAGE_PROBLEMS: u32 = 1_000;

/// What a check has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The version of its tables.
    pub version: u32,
    /// Bytes of the file and its journal.
    pub file_bytes: u64,
    /// Bytes of the file that hold nothing.
    pub free_bytes: u64,
    /// Workers.
    pub workers: u64,
    /// Entries of their transcripts.
    pub entries: u64,
    /// Each kind of problem that there is, and how often.
    pub problems: Vec<(Problem, u64)>,
}

impl Report {
    /// Whether no problem was found.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.problems.is_empty()
    }
}

/// What can be wrong in a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Problem {
    /// A page, an index or a row is not as SQLite wrote it.
    DamagedPages,
    /// A table or an index is missing, or there is one too many.
    OtherTables,
    /// A worker can't be read.
    UnreadableWorker,
    /// An entry can't be read.
    UnreadableEntry,
    /// The entries of a worker are not numbered from 1 to its last sequence.
    SequenceGap,
    /// An entry, a run or a draft belongs to no worker.
    NoWorker,
    /// A run doesn't belong to the input with its number, or an input has no run.
    RunWithoutInput,
    /// A reply doesn't follow the input of its run.
    ReplyWithoutInput,
    /// An input is marked as unanswered and has a reply, or has none and isn't marked.
    WrongMark,
    /// A run without an end isn't the last of its worker, or its worker is stopped.
    ActiveRunInThePast,
    /// A worker's last run is another than the last one that has ended.
    OtherLastRun,
    /// There is a draft, and its worker has no active run.
    DraftWithoutRun,
}

impl Problem {
    /// The problem's stable name, in `snake_case`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DamagedPages => "damaged_pages",
            Self::OtherTables => "other_tables",
            Self::UnreadableWorker => "unreadable_worker",
            Self::UnreadableEntry => "unreadable_entry",
            Self::SequenceGap => "sequence_gap",
            Self::NoWorker => "no_worker",
            Self::RunWithoutInput => "run_without_input",
            Self::ReplyWithoutInput => "reply_without_input",
            Self::WrongMark => "wrong_mark",
            Self::ActiveRunInThePast => "active_run_in_the_past",
            Self::OtherLastRun => "other_last_run",
            Self::DraftWithoutRun => "draft_without_run",
        }
    }
}

/// What must not be there, as the number of it.
const CONSISTENCY: &[(Problem, &str)] = &[
    (
        Problem::SequenceGap,
        "SELECT count(*) FROM worker LEFT JOIN (
             SELECT key >> 32 AS worker, count(*) AS entries, min(key & 0xffffffff) AS first,
                 max(key & 0xffffffff) AS last
             FROM entry GROUP BY key >> 32
         ) ON worker = number
         WHERE last_sequence <> coalesce(entries, 0) OR last_sequence <> coalesce(last, 0)
             OR first <> 1",
    ),
    (
        Problem::NoWorker,
        "SELECT (SELECT count(*) FROM entry WHERE key >> 32 NOT IN (SELECT number FROM worker))
             + (SELECT count(*) FROM run WHERE key >> 32 NOT IN (SELECT number FROM worker))
             + (SELECT count(*) FROM draft WHERE key >> 32 NOT IN (SELECT number FROM worker))",
    ),
    (
        Problem::RunWithoutInput,
        "SELECT (SELECT count(*) FROM run LEFT JOIN entry USING (key)
                 WHERE role IS NOT 'user' OR run <> id OR run.worker <> key >> 32)
             + (SELECT count(*) FROM entry
                 WHERE role = 'user' AND key NOT IN (SELECT key FROM run))",
    ),
    (
        Problem::ReplyWithoutInput,
        "SELECT count(*) FROM entry AS reply LEFT JOIN entry AS input ON input.key = reply.key - 1
         WHERE reply.role = 'assistant' AND (input.role IS NOT 'user' OR input.run <> reply.run)",
    ),
    (
        Problem::WrongMark,
        "SELECT count(*) FROM entry AS input JOIN run USING (key)
             LEFT JOIN entry AS reply ON reply.key = input.key + 1 AND reply.role = 'assistant'
         WHERE input.unanswered <> (outcome IS NOT NULL AND reply.key IS NULL)",
    ),
    (
        Problem::ActiveRunInThePast,
        "SELECT count(*) FROM run JOIN worker ON number = run.worker
         WHERE run.outcome IS NULL AND (key & 0xffffffff <> last_sequence OR state <> 'idle')",
    ),
    (
        Problem::OtherLastRun,
        "SELECT count(*) FROM worker JOIN (
             SELECT worker, max(key), id, outcome FROM run WHERE outcome IS NOT NULL GROUP BY worker
         ) AS ended ON worker = number
         WHERE last_run IS NOT ended.id OR worker.outcome IS NOT ended.outcome",
    ),
    (
        Problem::DraftWithoutRun,
        "SELECT count(*) FROM draft
         WHERE key >> 32 NOT IN (SELECT worker FROM run WHERE outcome IS NULL)",
    ),
];

/// Reads all of the store at `path`, also beside a server that uses it. Changes nothing.
///
/// # Errors
/// Not even its beginning can be read.
pub fn check(path: &Path) -> Result<Report, MaintenanceError> {
    let mut store = Reading::open(path)?;
    let header = store.header;
    let transaction = store.connection.transaction()?;
    let pragma = |name| -> rusqlite::Result<u64> {
        transaction.pragma_query_value(None, name, |row| row.get::<_, u32>(0).map(u64::from))
    };
    let mut problems = Vec::new();
    let mut add = |problem, count| {
        if count > 0 {
            problems.push((problem, count));
        }
    };
    add(Problem::DamagedPages, damaged_pages(&transaction));
    add(Problem::OtherTables, u64::from(!header.is_whole()?));
    let workers = count_workers(&transaction);
    add(Problem::UnreadableWorker, workers.unreadable);
    let entries = count_entries(&transaction);
    add(Problem::UnreadableEntry, entries.unreadable);
    for (problem, sql) in CONSISTENCY {
        // What can't be read has been counted.
        let count: u64 = transaction
            .query_row(sql, (), |row| row.get::<_, i64>(0))
            .map_or(0, i64::cast_unsigned);
        add(*problem, count);
    }
    Ok(Report {
        version: header.version,
        file_bytes: file::bytes(&existing(path)?),
        free_bytes: pragma("freelist_count")? * pragma("page_size")?,
        workers: workers.readable,
        entries: entries.readable,
        problems,
    })
}

/// How often something is wrong with pages.
fn damaged_pages(connection: &Connection) -> u64 {
    let count = || -> rusqlite::Result<u64> {
        let sql = format!("PRAGMA integrity_check({MAX_PAGE_PROBLEMS})");
        let mut check = connection.prepare(&sql)?;
        let mut rows = check.query(())?;
        let mut count = 0;
        while let Some(row) = rows.next()? {
            let line: String = row.get(0)?;
            tracing::debug!(cause = line, "integrity check");
            count += u64::from(line != "ok");
        }
        Ok(count)
    };
    // A check that can't go on has found something.
    count().unwrap_or(1)
}

#[derive(Default)]
struct Counted {
    readable: u64,
    unreadable: u64,
}

impl Counted {
    fn add(&mut self, is_readable: bool) {
        if is_readable {
            self.readable += 1;
        } else {
            self.unreadable += 1;
        }
    }
}

fn count_workers(connection: &Connection) -> Counted {
    let mut counted = Counted::default();
    let mut profiles = Profiles::default();
    let mut count = || -> Result<(), Failure> {
        let mut select = connection.prepare("SELECT * FROM worker ORDER BY number")?;
        let mut rows = select.query(())?;
        while let Some(row) = rows.next()? {
            counted.add(read::stored_worker(connection, row, &mut profiles).is_ok());
        }
        Ok(())
    };
    if count().is_err() {
        counted.add(false);
    }
    counted
}

fn count_entries(connection: &Connection) -> Counted {
    let mut counted = Counted::default();
    let mut count = || -> Result<(), Failure> {
        let mut select = connection.prepare("SELECT * FROM entry ORDER BY key")?;
        let mut rows = select.query(())?;
        while let Some(row) = rows.next()? {
            counted.add(read::entry(&Columns(row)).is_ok());
        }
        Ok(())
    };
    if count().is_err() {
        counted.add(false);
    }
    counted
}
