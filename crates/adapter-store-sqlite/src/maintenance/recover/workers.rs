//! Which workers a damaged store has, from everything in it that names one.

use std::collections::BTreeMap;

use rusqlite::Connection;
use worker_runtime::store::StoredWorker;
use worker_runtime::{ProfileSet, WorkerId};

use super::walk::walk;
use crate::failure::Failure;
use crate::read::{self, Profiles};
use crate::translate::{Columns, keys};

/// The highest number that a worker can have: keys of its rows have room for it.
const MAX_NUMBER: i64 = i32::MAX as i64;
/// Seeks that may fail one after the other while a table is searched for numbers of workers: a bad
/// page of pages of the table of runs has about ten thousand rows.
const MAX_FAILED_SEEKS: u32 = 20_000;

/// A worker found in a damaged store.
#[derive(Default)]
pub(super) struct Found {
    /// None when it can't be read anywhere.
    pub(super) id: Option<WorkerId>,
    /// None when its row can't be read.
    pub(super) worker: Option<StoredWorker>,
    /// Whether the worker has its own profile, not a stand-in.
    pub(super) has_profile: bool,
}

/// The workers of a damaged store.
#[derive(Default)]
pub(super) struct Workers {
    pub(super) by_number: BTreeMap<i64, Found>,
    /// Whether no other worker can have been there.
    pub(super) are_all_known: bool,
}

impl Workers {
    /// Looks for them in the table, for those whose row is damaged in the index of ids, and for
    /// those who are in neither by their entries and runs.
    pub(super) fn find(source: &Connection) -> Self {
        let mut workers = Self::default();
        let is_index_whole = [true, false].map(|ascending| workers.add_index(source, ascending));
        workers.add_numbers(source, "entry");
        workers.add_numbers(source, "run");
        let is_table_known = workers.add_rows(source);
        workers.are_all_known = is_table_known || is_index_whole.contains(&true);
        workers
    }

    /// Adds what the index of ids has up to the first damage, from either end. Returns whether
    /// there was none.
    fn add_index(&mut self, source: &Connection, ascending: bool) -> bool {
        let order = if ascending { "ASC" } else { "DESC" };
        let sql = format!(
            "SELECT id, number FROM worker INDEXED BY sqlite_autoindex_worker_1 ORDER BY id {order}"
        );
        let mut scan = || -> Result<(), Failure> {
            let mut select = source.prepare(&sql)?;
            let mut rows = select.query(())?;
            while let Some(row) = rows.next()? {
                let row = Columns(row);
                let number = row.get("number")?;
                let id = Some(row.worker_id("id")?);
                if !(0..=MAX_NUMBER).contains(&number) {
                    return Err(Failure::Misfit("number of a worker"));
                }
                self.by_number.entry(number).or_default().id = id;
            }
            Ok(())
        };
        scan().is_ok()
    }

    /// Adds what the table has. To be called last: returns whether every row that can't be read
    /// belongs to a worker who is known otherwise.
    fn add_rows(&mut self, source: &Connection) -> bool {
        let highest = "SELECT max(number) FROM worker";
        let highest = source.query_row(highest, (), |row| row.get::<_, Option<i64>>(0));
        let is_end_known = highest.is_ok();
        let last = highest.map_or(MAX_NUMBER, |it| it.unwrap_or(0).min(MAX_NUMBER));
        let mut profiles = Profiles::default();
        let default_profile = ProfileSet::builtin().default_profile().clone();
        let mut stand_ins = Profiles::with_fallback(default_profile);
        let sql = "SELECT * FROM worker WHERE number BETWEEN ?1 AND ?2 ORDER BY number";
        let unread = walk(source, sql, (1, last), &mut |row| {
            let Ok(number) = row.get(0) else {
                return;
            };
            let found = self.by_number.entry(number).or_default();
            let worker = read::stored_worker(source, row, &mut profiles).ok();
            found.has_profile = worker.is_some();
            let worker = worker.or_else(|| read::stored_worker(source, row, &mut stand_ins).ok());
            found.worker = worker.map(|(_, worker)| worker);
            found.id = Columns(row).worker_id("id").ok().or(found.id);
        });
        let mut keys = unread.keys.iter();
        is_end_known && !unread.gave_up && keys.all(|key| self.by_number.contains_key(key))
    }

    /// Adds the workers that a table of their rows has, by the keys of these.
    fn add_numbers(&mut self, source: &Connection, table: &str) {
        let end = match seek(source, table, (1, MAX_NUMBER), "DESC") {
            Ok(None) => return,
            Ok(Some(last)) => last,
            Err(_) => MAX_NUMBER,
        };
        let (mut number, mut failures) = (1, 0);
        while number <= end && failures <= MAX_FAILED_SEEKS {
            let found = seek(source, table, (number, end), "ASC");
            failures = if found.is_ok() { 0 } else { failures + 1 };
            let found = match found {
                Ok(None) => return,
                // The worker's last row may be on another page than its first.
                Err(_) => seek(source, table, (number, number), "DESC").ok().flatten(),
                found => found.ok().flatten(),
            };
            if let Some(found) = found {
                self.by_number.entry(found).or_default();
                number = found;
            }
            number += 1;
        }
    }
}

/// The first number of a worker between two that a table has a row of, in this order.
fn seek(
    source: &Connection,
    table: &str,
    (first, last): (i64, i64),
    order: &str,
) -> Result<Option<i64>, Failure> {
    let sql = format!(
        "SELECT key >> 32 FROM {table} WHERE key BETWEEN ?1 AND ?2 ORDER BY key {order} LIMIT 1"
    );
    let mut select = source.prepare_cached(&sql)?;
    let mut rows = select.query((keys(first)?.0, keys(last)?.1))?;
    Ok(rows.next()?.map(|row| row.get(0)).transpose()?)
}
