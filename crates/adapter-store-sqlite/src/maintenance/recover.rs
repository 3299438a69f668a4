//! What can still be read of a damaged store, in a new one.

mod conversation;
mod walk;
mod workers;

use std::io;
use std::path::Path;

use rusqlite::Connection;
use uuid::Uuid;
use worker_runtime::store::{StoredState, StoredWorker};
use worker_runtime::{ProfileSet, RunDiagnostics, UsageTotals, WorkerId};

use self::conversation::Conversation;
use self::workers::{Found, Workers};
use super::{MaintenanceError, Target, existing};
use crate::connection;
use crate::failure::Failure;
use crate::file;
use crate::lock::StoreLock;
use crate::open::{self, OpenError};
use crate::options::Options;
use crate::schema::Header;
use crate::unwritable;

/// What was saved, and what was not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Salvage {
    /// Workers in the new store.
    pub workers: u64,
    /// Entries in the new store that were in the old one.
    pub entries: u64,
    /// Workers of which something is lost, in the order of their ids.
    pub lost: Vec<Lost>,
    /// Workers that are lost with their ids and with all of their entries, as far as that is known.
    pub nameless_workers: u64,
    /// Whether more may be lost than that: parts of the store can't be read, and nothing else says
    /// what was in them.
    pub has_unknown_losses: bool,
}

impl Salvage {
    /// Whether nothing was lost.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.lost.is_empty() && self.nameless_workers == 0 && !self.has_unknown_losses
    }
}

/// What is lost of one worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// The worker, in the new store.
    pub worker_id: WorkerId,
    /// Whether its id is lost. It has a new one then.
    pub id: bool,
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
    // Dropped after the connection.
    let _locks = if unwritable::is_unwritable(&path) {
        (None, Some(unwritable::lock(&path)?))
    } else {
        let lock = StoreLock::acquire(&path).map_err(OpenError::from)?;
        (Some(lock), open::lock_file(&path)?)
    };
    let (source, journal) = open_damaged(&path)?;
    let target = Target::create(to)?;
    let mut salvage = copy(&source, &target.path)?;
    salvage.has_unknown_losses |= journal == Journal::Unreadable;
    target.keep()?;
    Ok(salvage)
}

/// What was read of a damaged store's journal.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Journal {
    Read,
    /// The store is as it was when the journal was last written back.
    Unreadable,
}

/// A connection that reads as much as it can.
fn open_damaged(path: &Path) -> Result<(Connection, Journal), MaintenanceError> {
    let mut connection = connection::for_salvage(path)?;
    let mut journal = Journal::Read;
    if Header::read(&connection).is_err() {
        connection = connection::for_salvage_without_journal(path)?;
        if file::journal_bytes(path) > 0 {
            journal = Journal::Unreadable;
        }
    }
    let header = Header::read(&connection)?;
    open::require_known(&header)?;
    Ok((connection, journal))
}

fn copy(source: &Connection, to: &Path) -> Result<Salvage, MaintenanceError> {
    let mut target = connection::for_writing(to, &Options::default())?;
    open::prepare(&mut target)?;
    // A power cut leaves a file that nobody uses. The whole one is synced before it gets its name.
    target.pragma_update(None, "synchronous", "OFF")?;
    let workers = Workers::find(source);
    let mut salvage = Salvage {
        has_unknown_losses: !workers.are_all_known,
        ..Salvage::default()
    };
    for (number, found) in workers.by_number {
        let conversation = Conversation::read(source, number, found.worker.as_ref());
        let conversation = conversation.map_err(|failure| target_error(&failure))?;
        let saved = salvage.add(&mut target, found, &conversation);
        saved.map_err(|failure| target_error(&failure))?;
    }
    salvage.lost.sort_by_key(|lost| lost.worker_id);
    // The journal becomes part of the file, which is made durable as one.
    target.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(()))?;
    target.close().map_err(|(_, error)| error)?;
    Ok(salvage)
}

impl Salvage {
    /// Saves a worker with what could be read of its conversation.
    fn add(
        &mut self,
        target: &mut Connection,
        found: Found,
        conversation: &Conversation,
    ) -> Result<(), Failure> {
        self.has_unknown_losses |= !conversation.is_all_known;
        if found.id.is_none() && conversation.saved_entries == 0 {
            self.nameless_workers += 1;
            // Nobody would know whose they are.
            self.has_unknown_losses |= conversation.lost_entries > 0;
            return Ok(());
        }
        let has_id = found.id.is_some();
        let id = found.id.unwrap_or_else(new_id);
        let mut lost = Lost {
            worker_id: id,
            id: !has_id,
            metadata: found.worker.is_none(),
            profile: found.worker.is_none() || !found.has_profile,
            entries: conversation.lost_entries,
            runs: conversation.lost_runs,
        };
        let worker = found.worker.unwrap_or_else(|| stand_in(id));
        match save(target, worker, conversation) {
            // It contradicts another worker: one of both is not what it was.
            Err(failure) if failure.is_of_one_request() => {
                lost.worker_id = new_id();
                (lost.id, lost.metadata, lost.profile) = (true, true, true);
                save(target, stand_in(lost.worker_id), conversation)?;
            }
            saved => saved?,
        }
        self.workers += 1;
        self.entries += conversation.saved_entries;
        if lost.id || lost.profile || lost.metadata || lost.entries > 0 || lost.runs > 0 {
            self.lost.push(lost);
        }
        Ok(())
    }
}

fn save(
    target: &mut Connection,
    worker: StoredWorker,
    conversation: &Conversation,
) -> Result<(), Failure> {
    let transaction = target.transaction()?;
    conversation.save(&transaction, worker)?;
    Ok(transaction.commit()?)
}

fn target_error(failure: &Failure) -> MaintenanceError {
    tracing::debug!(cause = ?failure, "recovered worker can't be stored");
    MaintenanceError::Target(io::Error::other(failure.kind().as_str()))
}

fn new_id() -> WorkerId {
    WorkerId::from_uuid(Uuid::now_v7()).expect("a UUIDv7")
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
