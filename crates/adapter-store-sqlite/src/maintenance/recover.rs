//! What can still be read of a damaged store, in a new one.

mod conversation;
mod walk;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use rusqlite::Connection;
use worker_runtime::store::{StoredState, StoredWorker};
use worker_runtime::{ProfileSet, RunDiagnostics, UsageTotals, WorkerId};

use self::conversation::Conversation;
use self::walk::walk;
use super::{MaintenanceError, Target, existing};
use crate::connection;
use crate::failure::Failure;
use crate::lock::StoreLock;
use crate::open::{self, OpenError};
use crate::options::Options;
use crate::read::{self, Profiles};
use crate::schema::Header;
use crate::translate::Columns;

/// What was saved, and what was not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Salvage {
    /// Workers in the new store.
    pub workers: u64,
    /// Entries in the new store that were in the old one.
    pub entries: u64,
    /// Workers of which something is lost, in the order of their ids.
    pub lost: Vec<Lost>,
    /// Workers that are lost without a trace of their ids, as far as that is known.
    pub nameless_workers: u64,
}

/// What is lost of one worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// The worker.
    pub worker_id: WorkerId,
    /// Whether its name, profile and counters are lost. It has others in the new store then, and
    /// is stopped.
    pub metadata: bool,
    /// Whether its profile is lost. It has the built-in default one then.
    pub profile: bool,
    /// How many of its entries are lost. In the place of an input whose reply was saved there is
    /// a text that says so.
    pub entries: u64,
    /// How many of its runs have lost how they ended, and what they used.
    pub runs: u64,
}

/// Saves every worker, entry and run that can be read of the store at `path` in the new store
/// `to`. No server may have it open. The damaged file isn't changed.
///
/// # Errors
/// There is no new store then. A file whose first page is damaged can't be read at all.
pub fn recover(path: &Path, to: &Path) -> Result<Salvage, MaintenanceError> {
    let path = existing(path)?;
    let _lock = StoreLock::acquire(&path).map_err(OpenError::from)?;
    // Dropped after the connection.
    let _file_lock = open::lock_file(&path)?;
    let source = open_damaged(&path)?;
    let target = Target::create(to)?;
    let salvage = copy(&source, &target.path)?;
    target.keep()?;
    Ok(salvage)
}

/// A connection that reads as much as it can.
fn open_damaged(path: &Path) -> Result<Connection, MaintenanceError> {
    let mut connection = connection::for_salvage(path)?;
    if Header::read(&connection).is_err() {
        connection = connection::for_salvage_without_journal(path)?;
    }
    let header = Header::read(&connection)?;
    open::require_known(&header)?;
    Ok(connection)
}

fn copy(source: &Connection, to: &Path) -> Result<Salvage, MaintenanceError> {
    let mut target = connection::for_writing(to, &Options::default())?;
    open::prepare(&mut target)?;
    let mut salvage = Salvage::default();
    let workers = find_workers(source);
    salvage.nameless_workers = workers.nameless;
    for (number, found) in workers.by_number {
        let worker = found.worker.as_ref();
        let conversation = Conversation::read(source, number, worker);
        let conversation = conversation.map_err(|failure| target_error(&failure))?;
        let mut lost = Lost {
            worker_id: found.id,
            metadata: found.worker.is_none(),
            profile: found.worker.is_none() || !found.has_profile,
            entries: conversation.lost_entries,
            runs: conversation.lost_runs,
        };
        let saved = conversation.saved_entries;
        let worker = found.worker.unwrap_or_else(|| stand_in(found.id));
        let transaction = target.transaction()?;
        match conversation.save(&transaction, worker) {
            Ok(()) => {
                transaction.commit()?;
                salvage.workers += 1;
                salvage.entries += saved;
            }
            // It contradicts another worker: one of both is not what it was.
            Err(failure) if failure.is_of_one_request() => {
                transaction.rollback()?;
                lost.metadata = true;
                lost.entries += saved;
            }
            Err(failure) => return Err(target_error(&failure)),
        }
        if lost.profile || lost.metadata || lost.entries > 0 || lost.runs > 0 {
            salvage.lost.push(lost);
        }
    }
    salvage.lost.sort_by_key(|lost| lost.worker_id);
    // The journal becomes part of the file, which is made durable as one.
    target.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(()))?;
    target.close().map_err(|(_, error)| error)?;
    Ok(salvage)
}

fn target_error(failure: &Failure) -> MaintenanceError {
    tracing::debug!(cause = ?failure, "recovered worker can't be stored");
    MaintenanceError::Target(io::Error::other(failure.kind().as_str()))
}

/// A worker found in a damaged store.
struct Found {
    id: WorkerId,
    /// None when its row can't be read.
    worker: Option<StoredWorker>,
    /// Whether the worker has its own profile, not a stand-in.
    has_profile: bool,
}

#[derive(Default)]
struct Workers {
    by_number: BTreeMap<i64, Found>,
    nameless: u64,
}

/// The workers of a damaged store: from the table, and, for those whose row is damaged, from the
/// index of ids.
fn find_workers(source: &Connection) -> Workers {
    let mut workers = Workers::default();
    let mut profiles = Profiles::default();
    let mut stand_ins = Profiles::with_fallback(ProfileSet::builtin().default_profile().clone());
    let mut by_id = |ascending: bool| {
        let order = if ascending { "ASC" } else { "DESC" };
        let sql = format!(
            "SELECT id, number FROM worker INDEXED BY sqlite_autoindex_worker_1 ORDER BY id {order}"
        );
        // Up to the first damage, from either end.
        let mut scan = || -> Result<(), Failure> {
            let mut select = source.prepare(&sql)?;
            let mut rows = select.query(())?;
            while let Some(row) = rows.next()? {
                let row = Columns(row);
                if let (Ok(id), Ok(number)) = (row.worker_id("id"), row.get("number")) {
                    let found = Found {
                        id,
                        worker: None,
                        has_profile: false,
                    };
                    workers.by_number.entry(number).or_insert(found);
                }
            }
            Ok(())
        };
        drop(scan());
    };
    by_id(true);
    by_id(false);
    let highest = highest_number(source, &workers);
    let sql = "SELECT * FROM worker WHERE number BETWEEN ?1 AND ?2 ORDER BY number";
    walk(source, sql, (0, highest), &mut |row| {
        let Ok(number) = row.get(0) else {
            return;
        };
        let worker = read::stored_worker(source, row, &mut profiles).ok();
        let has_profile = worker.is_some();
        let worker = worker.or_else(|| read::stored_worker(source, row, &mut stand_ins).ok());
        let worker = worker.map(|(_, worker)| worker);
        let id = worker.as_ref().map(|worker| worker.id);
        match id.or_else(|| Columns(row).worker_id("id").ok()) {
            Some(id) => {
                let found = Found {
                    id,
                    worker,
                    has_profile,
                };
                workers.by_number.insert(number, found);
            }
            None if workers.by_number.contains_key(&number) => {}
            None => workers.nameless += 1,
        }
    });
    workers
}

/// The highest number that a worker can have, by everything that says so.
fn highest_number(source: &Connection, workers: &Workers) -> i64 {
    let by_rows = [
        "SELECT max(number) FROM worker",
        "SELECT max(key) >> 32 FROM entry",
        "SELECT max(key) >> 32 FROM run",
    ];
    let by_rows = by_rows.map(|sql| {
        let found = source.query_row(sql, (), |row| row.get::<_, Option<i64>>(0));
        found.ok().flatten().unwrap_or(0)
    });
    let by_index = workers.by_number.keys().last().copied().unwrap_or(0);
    by_rows.into_iter().fold(by_index, i64::max)
}

/// A worker in the place of one whose row can't be read.
fn stand_in(id: WorkerId) -> StoredWorker {
    let text = id.to_string();
    let name = format!("Recovered {}", &text[text.len() - 6..]);
    let name = name.parse().expect("a short name of plain letters");
    let now = jiff::Timestamp::now();
    StoredWorker {
        id,
        display_name: name,
        profile: ProfileSet::builtin().default_profile().clone(),
        model: None,
        state: StoredState::Stopped,
        created_at: now,
        last_activity_at: now,
        create_key: None,
        last_sequence: 0,
        usage: UsageTotals::default(),
        last_run: None,
        diagnostics: RunDiagnostics::default(),
    }
}
