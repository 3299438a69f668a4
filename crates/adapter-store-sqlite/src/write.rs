//! The changes, as statements. All are run inside of a transaction that is not theirs.

use rusqlite::{Connection, OptionalExtension, named_params, params};
use worker_runtime::store::columns::{RunEndColumns, diagnostics_words};
use worker_runtime::store::{AcceptedInput, Change, FinishedRun, StoredState, StoredWorker};
use worker_runtime::{DisplayName, Entry, Fingerprint, IdempotencyKey, RunId, WorkerId};

use crate::failure::Failure;
use crate::translate::{self, key, keys, milliseconds};

/// Makes one change.
///
/// # Errors
/// A part of it may have been made then: the caller rolls back.
pub(crate) fn apply(connection: &Connection, change: &Change) -> Result<(), Failure> {
    match change {
        Change::Create(worker) => create(connection, worker).map(drop),
        Change::Accept(input) => accept(connection, input),
        Change::Draft {
            worker_id,
            run_id,
            text,
        } => draft(connection, worker_id, run_id, text),
        Change::Finish(run) => finish(connection, run),
        Change::Stop { worker_id, at } => one_row(
            connection
                .prepare_cached(
                    "UPDATE worker SET state = ?2, last_activity_at = ?3 WHERE id = ?1 AND NOT EXISTS
                     (SELECT 1 FROM run WHERE run.worker = worker.number AND outcome IS NULL)",
                )?
                .execute(params![
                    translate::worker_id(worker_id),
                    StoredState::Stopped.as_str(),
                    milliseconds(*at),
                ])?,
            "worker to stop",
        ),
        Change::Rename {
            worker_id,
            display_name,
        } => rename(connection, worker_id, display_name),
        Change::Delete { worker_id } => delete(connection, worker_id),
    }
}

fn one_row(changed: usize, what: &'static str) -> Result<(), Failure> {
    match changed {
        1 => Ok(()),
        _ => Err(Failure::Misfit(what)),
    }
}

/// Adds a worker. Returns its number.
pub(crate) fn create(connection: &Connection, worker: &StoredWorker) -> Result<i64, Failure> {
    let profile = profile(connection, &worker.profile.to_string())?;
    let (create_key, fingerprint) = keyed(worker.create_key.as_ref());
    let last = RunEndColumns::of(worker.last_run.as_ref());
    let mut insert = connection.prepare_cached(
        "INSERT INTO worker (id, display_name, profile, model, state, created_at, last_activity_at,
             create_key, create_fingerprint, last_sequence, input_tokens, output_tokens,
             incomplete_runs, last_run, outcome, error_code, error_detail, retry_after, finished_at,
             diagnostics)
         VALUES (:id, :display_name, :profile, :model, :state, :created_at, :last_activity_at,
             :create_key, :create_fingerprint, :last_sequence, :input_tokens, :output_tokens,
             :incomplete_runs, :last_run, :outcome, :error_code, :error_detail, :retry_after,
             :finished_at, :diagnostics)",
    )?;
    insert.execute(named_params! {
        ":id": translate::worker_id(&worker.id),
        ":display_name": worker.display_name.as_str(),
        ":profile": profile,
        ":model": worker.model,
        ":state": worker.state.as_str(),
        ":created_at": milliseconds(worker.created_at),
        ":last_activity_at": milliseconds(worker.last_activity_at),
        ":create_key": create_key,
        ":create_fingerprint": fingerprint,
        ":last_sequence": worker.last_sequence.cast_signed(),
        ":input_tokens": worker.usage.input_tokens.cast_signed(),
        ":output_tokens": worker.usage.output_tokens.cast_signed(),
        ":incomplete_runs": worker.usage.incomplete_runs.cast_signed(),
        ":last_run": worker.last_run.as_ref().map(|run| translate::run_id(&run.run_id)),
        ":outcome": last.outcome,
        ":error_code": last.error_code,
        ":error_detail": last.error_detail,
        ":retry_after": last.retry_after,
        ":finished_at": last.finished_at.map(milliseconds),
        ":diagnostics": diagnostics_words(worker.diagnostics),
    })?;
    Ok(connection.last_insert_rowid())
}

/// The columns of an idempotency key.
pub(crate) fn keyed(
    key: Option<&(IdempotencyKey, Fingerprint)>,
) -> (Option<&str>, Option<&[u8; 32]>) {
    let columns = key.map(|(key, fingerprint)| (key.as_str(), fingerprint.as_bytes()));
    columns.unzip()
}

/// The number of the profile with this text, which is added if it isn't there.
fn profile(connection: &Connection, text: &str) -> Result<i64, Failure> {
    let mut select = connection.prepare_cached("SELECT number FROM profile WHERE text = ?1")?;
    if let Some(number) = select.query_row([text], |row| row.get(0)).optional()? {
        return Ok(number);
    }
    let mut insert = connection.prepare_cached("INSERT INTO profile (text) VALUES (?1)")?;
    insert.execute([text])?;
    Ok(connection.last_insert_rowid())
}

/// The number of a worker.
pub(crate) fn number(connection: &Connection, id: &WorkerId) -> Result<i64, Failure> {
    let mut select = connection.prepare_cached("SELECT number FROM worker WHERE id = ?1")?;
    let found = select.query_row([translate::worker_id(id)], |row| row.get(0));
    found.optional()?.ok_or(Failure::Misfit("unknown worker"))
}

fn accept(connection: &Connection, input: &AcceptedInput) -> Result<(), Failure> {
    let entry = &input.entry;
    let worker = number(connection, &input.worker_id)?;
    let key = key(worker, entry.sequence)?;
    let mut update = connection.prepare_cached(
        "UPDATE worker SET last_sequence = ?2, last_activity_at = ?3
         WHERE number = ?1 AND last_sequence = ?2 - 1 AND state = ?4",
    )?;
    let changed = update.execute(params![
        worker,
        entry.sequence.cast_signed(),
        milliseconds(entry.at),
        StoredState::Idle.as_str(),
    ])?;
    one_row(
        changed,
        "input of a worker that is stopped, or out of order",
    )?;
    let (input_key, fingerprint) = keyed(input.key.as_ref());
    // A second run without an end violates the index of those.
    let mut insert = connection.prepare_cached(
        "INSERT INTO run (key, worker, id, accepted_at, cursor_epoch, cursor_sequence, input_key,
             input_fingerprint)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?;
    insert.execute(params![
        key,
        worker,
        translate::run_id(&entry.run_id),
        milliseconds(entry.at),
        input.cursor.epoch().get().cast_signed(),
        input.cursor.sequence().cast_signed(),
        input_key,
        fingerprint,
    ])?;
    insert_entry(connection, key, entry)
}

/// Adds an entry under its key.
pub(crate) fn insert_entry(
    connection: &Connection,
    key: i64,
    entry: &Entry,
) -> Result<(), Failure> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO entry (key, role, run, at, partial, unanswered, diagnostics, content, reasoning)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?;
    insert.execute(params![
        key,
        entry.role.as_str(),
        translate::run_id(&entry.run_id),
        milliseconds(entry.at),
        entry.partial,
        entry.unanswered,
        diagnostics_words(entry.diagnostics),
        entry.content,
        entry.reasoning,
    ])?;
    Ok(())
}

/// Adds to the text so far of an active run.
pub(crate) fn draft(
    connection: &Connection,
    worker_id: &WorkerId,
    run_id: &RunId,
    text: &str,
) -> Result<(), Failure> {
    let worker = number(connection, worker_id)?;
    let (first, last) = keys(worker)?;
    // The aggregate gives one row in any case; the run decides whether that is inserted.
    let mut insert = connection.prepare_cached(
        "INSERT INTO draft (key, text)
         SELECT coalesce((SELECT max(key) FROM draft WHERE key BETWEEN ?1 AND ?2), ?1) + 1, ?3
         FROM run WHERE worker = ?4 AND outcome IS NULL AND id = ?5",
    )?;
    let run_id = translate::run_id(run_id);
    let changed = insert.execute(params![first, last, text, worker, run_id])?;
    one_row(changed, "draft of a run that is not active")
}

fn finish(connection: &Connection, finished: &FinishedRun) -> Result<(), Failure> {
    let worker = number(connection, &finished.worker_id)?;
    let input = end_run(connection, worker, finished)?;
    let (first, last) = keys(worker)?;
    let mut delete = connection.prepare_cached("DELETE FROM draft WHERE key BETWEEN ?1 AND ?2")?;
    delete.execute([first, last])?;
    match &finished.reply {
        Some(reply) => {
            let mut update = connection.prepare_cached(
                "UPDATE worker SET last_sequence = ?2 WHERE number = ?1 AND last_sequence = ?2 - 1",
            )?;
            let changed = update.execute([worker, reply.sequence.cast_signed()])?;
            one_row(changed, "reply out of order")?;
            insert_entry(connection, key(worker, reply.sequence)?, reply)?;
        }
        None => {
            let mut update =
                connection.prepare_cached("UPDATE entry SET unanswered = 1 WHERE key = ?1")?;
            one_row(update.execute([input])?, "run without an input")?;
        }
    }
    let end = RunEndColumns::of(Some(&finished.run));
    let mut update = connection.prepare_cached(
        "UPDATE worker SET state = ?2, last_activity_at = ?3, input_tokens = ?4,
             output_tokens = ?5, incomplete_runs = ?6, last_run = ?7, outcome = ?8,
             error_code = ?9, error_detail = ?10, retry_after = ?11, finished_at = ?3,
             diagnostics = ?12
         WHERE number = ?1",
    )?;
    let changed = update.execute(params![
        worker,
        finished.state.as_str(),
        end.finished_at.map(milliseconds),
        finished.usage_totals.input_tokens.cast_signed(),
        finished.usage_totals.output_tokens.cast_signed(),
        finished.usage_totals.incomplete_runs.cast_signed(),
        translate::run_id(&finished.run.run_id),
        end.outcome,
        end.error_code,
        end.error_detail,
        end.retry_after,
        diagnostics_words(finished.diagnostics),
    ])?;
    one_row(changed, "worker of a run")
}

/// Ends the active run of a worker. Returns the key of its input.
fn end_run(connection: &Connection, worker: i64, finished: &FinishedRun) -> Result<i64, Failure> {
    let run_id = translate::run_id(&finished.run.run_id);
    // RETURNING would open a temporary table, which takes as long as the update.
    let mut select = connection
        .prepare_cached("SELECT key FROM run WHERE worker = ?1 AND outcome IS NULL AND id = ?2")?;
    let key = select.query_row(params![worker, run_id], |row| row.get(0));
    let key: Option<i64> = key.optional()?;
    let key = key.ok_or(Failure::Misfit("end of a run that is not active"))?;
    let end = RunEndColumns::of(Some(&finished.run));
    let usage = finished.usage.unwrap_or_default();
    let mut update = connection.prepare_cached(
        "UPDATE run SET outcome = ?2, error_code = ?3, error_detail = ?4, retry_after = ?5,
             finished_at = ?6, input_tokens = ?7, output_tokens = ?8, diagnostics = ?9
         WHERE key = ?1",
    )?;
    update.execute(params![
        key,
        end.outcome,
        end.error_code,
        end.error_detail,
        end.retry_after,
        end.finished_at.map(milliseconds),
        usage.input_tokens.map(u64::cast_signed),
        usage.output_tokens.map(u64::cast_signed),
        diagnostics_words(finished.diagnostics),
    ])?;
    Ok(key)
}

fn rename(connection: &Connection, id: &WorkerId, name: &DisplayName) -> Result<(), Failure> {
    let mut update =
        connection.prepare_cached("UPDATE worker SET display_name = ?2 WHERE id = ?1")?;
    let changed = update.execute(params![translate::worker_id(id), name.as_str()])?;
    one_row(changed, "unknown worker")
}

/// Removes a worker, and everything that belongs to it.
pub(crate) fn delete(connection: &Connection, id: &WorkerId) -> Result<(), Failure> {
    let worker = number(connection, id)?;
    let (first, last) = keys(worker)?;
    for statement in [
        "DELETE FROM entry WHERE key BETWEEN ?1 AND ?2",
        "DELETE FROM run WHERE key BETWEEN ?1 AND ?2",
        "DELETE FROM draft WHERE key BETWEEN ?1 AND ?2",
    ] {
        connection
            .prepare_cached(statement)?
            .execute([first, last])?;
    }
    let mut delete = connection.prepare_cached("DELETE FROM worker WHERE number = ?1")?;
    one_row(delete.execute([worker])?, "unknown worker")
}
