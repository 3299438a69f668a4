//! What is read. Each function is run inside of a transaction, so that it sees one instant.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::{Connection, Row, Rows, params};
use worker_runtime::store::columns::{Unreadable, milliseconds_from};
use worker_runtime::store::{
    Index, IndexedWorker, KeyedInput, StoredConversation, StoredPage, StoredState, StoredWorker,
    UnfinishedRun, Window,
};
use worker_runtime::{
    Accepted, Cursor, Entry, Epoch, Profile, Role, TranscriptPosition, UsageTotals, WorkerId,
};

use crate::failure::Failure;
use crate::translate::{self, Columns, MAX_SEQUENCE, key, keys, sequence_of};

pub(crate) fn index(connection: &Connection) -> Result<Index, Failure> {
    let mut active = connection.prepare_cached("SELECT worker FROM run WHERE outcome IS NULL")?;
    let active = active.query_map((), |row| row.get(0))?;
    let active: HashSet<i64> = active.collect::<rusqlite::Result<_>>()?;
    // In the order of the table, which is nearly that of the ids.
    let mut select = connection
        .prepare_cached("SELECT number, id, state, create_key FROM worker ORDER BY number")?;
    let mut rows = select.query(())?;
    let mut index = Index::default();
    let count: u32 = connection.query_row("SELECT count(*) FROM worker", (), |row| row.get(0))?;
    index.workers.reserve_exact(count as usize);
    while let Some(row) = rows.next()? {
        match indexed_worker(&Columns(row), &active) {
            Ok(worker) => index.workers.push(worker),
            Err(Unreadable(_)) => index.unreadable += 1,
        }
    }
    index.workers.sort_by_key(|worker| worker.id);
    Ok(index)
}

fn indexed_worker(
    row: &Columns<'_, '_>,
    active: &HashSet<i64>,
) -> Result<IndexedWorker, Unreadable> {
    Ok(IndexedWorker {
        id: row.worker_id("id")?,
        state: row.named("state", StoredState::ALL, StoredState::as_str)?,
        has_active_run: active.contains(&row.get("number")?),
        create_key: row.key("create_key")?,
    })
}

pub(crate) fn workers(
    connection: &Connection,
    ids: &[WorkerId],
) -> Result<Vec<StoredWorker>, Failure> {
    let mut profiles = Profiles::default();
    let mut workers = Vec::new();
    for id in ids {
        match worker(connection, *id, &mut profiles) {
            Ok(found) => workers.extend(found.map(|(_, worker)| worker)),
            Err(Failure::Unreadable(_)) => {}
            Err(failure) => return Err(failure),
        }
    }
    Ok(workers)
}

/// Profiles by their number: many workers have the same.
#[derive(Default)]
pub(crate) struct Profiles {
    known: HashMap<i64, Profile>,
    fallback: Option<Profile>,
}

impl Profiles {
    /// With a profile in the place of those that can't be read.
    pub(crate) fn with_fallback(fallback: Profile) -> Self {
        Self {
            known: HashMap::new(),
            fallback: Some(fallback),
        }
    }

    pub(crate) fn get(&mut self, connection: &Connection, number: i64) -> Result<Profile, Failure> {
        if let Some(profile) = self.known.get(&number) {
            return Ok(profile.clone());
        }
        let profile = match (Self::read(connection, number), &self.fallback) {
            (Err(_), Some(fallback)) => fallback.clone(),
            (profile, _) => profile?,
        };
        self.known.insert(number, profile.clone());
        Ok(profile)
    }

    fn read(connection: &Connection, number: i64) -> Result<Profile, Failure> {
        let mut select = connection.prepare_cached("SELECT text FROM profile WHERE number = ?1")?;
        let mut rows = select.query([number])?;
        let row = rows.next()?.ok_or(Unreadable("profile"))?;
        Ok(Columns(row).parse("text")?)
    }
}

/// A worker and its number.
fn worker(
    connection: &Connection,
    id: WorkerId,
    profiles: &mut Profiles,
) -> Result<Option<(i64, StoredWorker)>, Failure> {
    let mut select = connection.prepare_cached("SELECT * FROM worker WHERE id = ?1")?;
    let mut rows = select.query([translate::worker_id(&id)])?;
    match rows.next()? {
        None => Ok(None),
        Some(row) => stored_worker(connection, row, profiles).map(Some),
    }
}

/// The worker in a row of all columns, and its number.
pub(crate) fn stored_worker(
    connection: &Connection,
    row: &Row<'_>,
    profiles: &mut Profiles,
) -> Result<(i64, StoredWorker), Failure> {
    let row = Columns(row);
    let last_run: Option<[u8; 16]> = row.get("last_run")?;
    let last_run = match last_run {
        None => None,
        Some(_) => Some(row.run_end(row.run_id("last_run")?)?),
    };
    let worker = StoredWorker {
        id: row.worker_id("id")?,
        display_name: row.parse("display_name")?,
        profile: profiles.get(connection, row.get("profile")?)?,
        model: row.get("model")?,
        state: row.named("state", StoredState::ALL, StoredState::as_str)?,
        created_at: row.time("created_at")?,
        last_activity_at: row.time("last_activity_at")?,
        create_key: row.keyed("create_key", "create_fingerprint")?,
        last_sequence: row.bits("last_sequence")?,
        usage: UsageTotals {
            input_tokens: row.bits("input_tokens")?,
            output_tokens: row.bits("output_tokens")?,
            incomplete_runs: row.bits("incomplete_runs")?,
        },
        last_run,
        diagnostics: row.diagnostics()?,
    };
    Ok((row.get("number")?, worker))
}

pub(crate) fn load(
    connection: &Connection,
    id: WorkerId,
    window: Window,
    input_keys: usize,
) -> Result<Option<StoredConversation>, Failure> {
    let Some((number, worker)) = worker(connection, id, &mut Profiles::default())? else {
        return Ok(None);
    };
    Ok(Some(StoredConversation {
        worker,
        entries: entries(connection, number, TranscriptPosition::Newest, window)?,
        inputs: inputs(connection, number, input_keys)?,
        active_run: active_run(connection, number)?,
    }))
}

fn inputs(connection: &Connection, worker: i64, limit: usize) -> Result<Vec<KeyedInput>, Failure> {
    let mut select = connection.prepare_cached(
        "SELECT key, id, cursor_epoch, cursor_sequence, input_key, input_fingerprint FROM run
         WHERE worker = ?1 AND input_key IS NOT NULL ORDER BY key DESC LIMIT ?2",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = select.query([worker, limit])?;
    let mut inputs = Vec::new();
    while let Some(row) = rows.next()? {
        let row = Columns(row);
        let keyed = row.keyed("input_key", "input_fingerprint")?;
        let (key, fingerprint) = keyed.ok_or(Unreadable("input_key"))?;
        let epoch = Epoch::new(row.bits("cursor_epoch")?);
        inputs.push(KeyedInput {
            key,
            fingerprint,
            accepted: Accepted {
                run_id: row.run_id("id")?,
                sequence: sequence_of(row.get("key")?),
                cursor: Cursor::new(epoch, row.bits("cursor_sequence")?),
                replayed: false,
            },
        });
    }
    inputs.reverse();
    Ok(inputs)
}

pub(crate) fn active_run(
    connection: &Connection,
    worker: i64,
) -> Result<Option<UnfinishedRun>, Failure> {
    let mut select =
        connection.prepare_cached("SELECT id FROM run WHERE worker = ?1 AND outcome IS NULL")?;
    let mut rows = select.query([worker])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    let run_id = Columns(row).run_id("id")?;
    let (first, last) = keys(worker)?;
    let mut select = connection
        .prepare_cached("SELECT text FROM draft WHERE key BETWEEN ?1 AND ?2 ORDER BY key")?;
    let parts = select.query_map([first, last], |row| row.get::<_, String>(0))?;
    let text = parts.collect::<rusqlite::Result<String>>()?;
    Ok(Some(UnfinishedRun {
        run_id,
        text: text.into(),
    }))
}

pub(crate) fn transcript(
    connection: &Connection,
    id: WorkerId,
    position: TranscriptPosition,
    window: Window,
) -> Result<Option<StoredPage>, Failure> {
    let mut select =
        connection.prepare_cached("SELECT number, last_sequence FROM worker WHERE id = ?1")?;
    let mut rows = select.query([translate::worker_id(&id)])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    let row = Columns(row);
    Ok(Some(StoredPage {
        entries: entries(connection, row.get("number")?, position, window)?,
        last_sequence: row.bits("last_sequence")?,
    }))
}

/// The entries of a worker at a position, oldest first.
fn entries(
    connection: &Connection,
    worker: i64,
    position: TranscriptPosition,
    window: Window,
) -> Result<Vec<Entry>, Failure> {
    let (first, last) = keys(worker)?;
    let upwards = "SELECT * FROM entry WHERE key BETWEEN ?1 AND ?2 ORDER BY key";
    let downwards = "SELECT * FROM entry WHERE key BETWEEN ?1 AND ?2 ORDER BY key DESC";
    let downwards_from = |end| -> Result<Vec<Entry>, Failure> {
        let mut select = connection.prepare_cached(downwards)?;
        let mut entries = fitting(select.query([first, end])?, window)?;
        entries.reverse();
        Ok(entries)
    };
    match position {
        TranscriptPosition::Newest => downwards_from(last),
        TranscriptPosition::Before(0 | 1) => Ok(Vec::new()),
        TranscriptPosition::Before(sequence) => {
            downwards_from(key(worker, (sequence - 1).min(MAX_SEQUENCE))?)
        }
        TranscriptPosition::After(MAX_SEQUENCE..) => Ok(Vec::new()),
        TranscriptPosition::After(sequence) => {
            let mut select = connection.prepare_cached(upwards)?;
            fitting(select.query([key(worker, sequence + 1)?, last])?, window)
        }
    }
}

/// The rows in front that fit the window.
fn fitting(mut rows: Rows<'_>, window: Window) -> Result<Vec<Entry>, Failure> {
    let mut room = window.room();
    let mut entries = Vec::new();
    while let Some(row) = rows.next()? {
        let entry = entry(&Columns(row))?;
        if !room.take(&entry) {
            break;
        }
        entries.push(entry);
    }
    Ok(entries)
}

pub(crate) fn entry(row: &Columns<'_, '_>) -> Result<Entry, Unreadable> {
    let content: Arc<str> = row.get("content")?;
    Ok(Entry {
        sequence: sequence_of(row.get("key")?),
        at: row.time("at")?,
        role: row.named("role", Role::ALL, Role::as_str)?,
        run_id: row.run_id("run")?,
        content,
        partial: row.get("partial")?,
        unanswered: row.get("unanswered")?,
        reasoning: row.get("reasoning")?,
        diagnostics: row.diagnostics()?,
    })
}

pub(crate) fn stopped_before(
    connection: &Connection,
    before: Timestamp,
    limit: usize,
) -> Result<Vec<WorkerId>, Failure> {
    let before = milliseconds_from(before);
    let mut select = connection.prepare_cached(
        "SELECT id FROM worker WHERE state = 'stopped' AND last_activity_at < ?1
         ORDER BY last_activity_at LIMIT ?2",
    )?;
    let mut rows = select.query(params![before, i64::try_from(limit).unwrap_or(i64::MAX)])?;
    let mut ids = Vec::new();
    while let Some(row) = rows.next()? {
        // One with an unreadable id can't be named.
        ids.extend(Columns(row).worker_id("id").ok());
    }
    Ok(ids)
}
