//! The conversation of one worker, as far as it can be read, and as it is stored anew.

use std::collections::BTreeMap;

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};
use worker_runtime::store::{StoredState, StoredWorker};
use worker_runtime::{Entry, Role, RunDiagnostics, RunErrorCode, RunOutcome};

use super::walk::walk;
use crate::failure::Failure;
use crate::read;
use crate::translate::{self, Columns, MAX_SEQUENCE, key, keys, sequence_of};
use crate::write;

/// In the place of an input that can't be read, whose reply can.
const LOST_INPUT: &str = "(This input was lost when the store was damaged.)";

/// What could be read of a worker's conversation.
pub(super) struct Conversation {
    exchanges: Vec<Exchange>,
    drafts: Vec<String>,
    pub(super) lost_entries: u64,
    pub(super) lost_runs: u64,
    pub(super) saved_entries: u64,
    /// Whether nothing else can have been there.
    pub(super) is_all_known: bool,
}

/// An input, its run, and its reply.
struct Exchange {
    input: Entry,
    reply: Option<Entry>,
    /// The columns of its run; none when they can't be read.
    run: Option<RunRow>,
}

/// A row of the table of runs, by the columns that both stores have.
struct RunRow {
    columns: Vec<String>,
    values: Vec<Value>,
    is_active: bool,
}

impl Conversation {
    /// Reads what can be read of the worker with this number.
    pub(super) fn read(
        source: &Connection,
        number: i64,
        worker: Option<&StoredWorker>,
    ) -> Result<Self, Failure> {
        let end = match worker {
            Some(worker) => End::Known(worker.last_sequence),
            None => End::find(source, number)?,
        };
        let range = (
            key(number, 1)?,
            key(number, end.highest().min(MAX_SEQUENCE))?,
        );
        let mut entries = Vec::new();
        let sql = "SELECT * FROM entry WHERE key BETWEEN ?1 AND ?2 ORDER BY key";
        walk(source, sql, range, &mut |row| {
            entries.extend(read::entry(&Columns(row)));
        });
        let mut runs = BTreeMap::new();
        let sql = "SELECT * FROM run WHERE key BETWEEN ?1 AND ?2 ORDER BY key";
        walk(source, sql, range, &mut |row| {
            let run = RunRow::read(row);
            runs.extend(row.get(0).ok().map(sequence_of).zip(run.ok()));
        });
        let saved = entries.len() as u64;
        let newest_run = runs.keys().last().copied().unwrap_or(0);
        let newest = entries.last().map_or(0, |entry: &Entry| entry.sequence);
        let expected = match end {
            End::Known(last) => last,
            End::AtMost(_) => newest.max(newest_run),
        };
        let mut exchanges = exchanges(entries);
        for exchange in &mut exchanges {
            let run = runs.remove(&exchange.input.sequence);
            exchange.run = run;
        }
        let mut drafts = Vec::new();
        let mut are_drafts_read = true;
        if exchanges.last().is_some_and(Exchange::is_active) {
            let sql = "SELECT * FROM draft WHERE key BETWEEN ?1 AND ?2 ORDER BY key";
            let range = (range.0, key(number, MAX_SEQUENCE)?);
            let unread = walk(source, sql, range, &mut |row| {
                drafts.extend(row.get::<_, String>("text"));
            });
            are_drafts_read = unread.is_empty();
        }
        let lost_runs = exchanges.iter().filter(|it| it.run.is_none()).count();
        Ok(Self {
            exchanges,
            drafts,
            lost_entries: expected.saturating_sub(saved),
            lost_runs: lost_runs as u64,
            saved_entries: saved,
            is_all_known: are_drafts_read && matches!(end, End::Known(_)),
        })
    }

    /// Stores the worker with this conversation. Entries are numbered anew, without gaps.
    pub(super) fn save(&self, target: &Connection, worker: StoredWorker) -> Result<(), Failure> {
        let replies = self.exchanges.iter().filter(|it| it.reply.is_some());
        let entries = self.exchanges.len() + replies.count();
        let state = worker.state;
        let number = write::create(
            target,
            &StoredWorker {
                last_sequence: entries as u64,
                ..worker
            },
        )?;
        let mut sequence = 0;
        let newest = self.exchanges.len();
        for (at, exchange) in (1..).zip(&self.exchanges) {
            let may_be_active = at == newest && state == StoredState::Idle;
            let is_active = exchange.save(target, number, &mut sequence, may_be_active)?;
            if is_active {
                for (part, text) in (1..).zip(&self.drafts) {
                    let insert = "INSERT INTO draft (key, text) VALUES (?1, ?2)";
                    target.execute(insert, (key(number, part)?, text))?;
                }
            }
        }
        // Of the runs that there are; what the worker knew of a lost one goes with it. They are looked for
        // by their keys: no index has the workers of runs that have ended.
        let (first, last) = keys(number)?;
        target.execute(
            "UPDATE worker SET (last_run, outcome, error_code, error_detail, retry_after,
                 finished_at, diagnostics) = (
                     SELECT id, outcome, error_code, error_detail, retry_after, finished_at,
                         diagnostics
                     FROM run WHERE key BETWEEN ?2 AND ?3 AND run.outcome IS NOT NULL
                     ORDER BY key DESC LIMIT 1)
             WHERE number = ?1 AND EXISTS (
                 SELECT 1 FROM run WHERE key BETWEEN ?2 AND ?3 AND run.outcome IS NOT NULL)",
            [number, first, last],
        )?;
        Ok(())
    }
}

/// Where a worker's conversation ends.
enum End {
    /// With the entry of this number.
    Known(u64),
    /// With this number or before it.
    AtMost(u64),
}

impl End {
    /// Finds it without the worker's row.
    fn find(source: &Connection, number: i64) -> Result<Self, Failure> {
        let last = |table| {
            let sql = format!("SELECT max(key) FROM {table} WHERE key BETWEEN ?1 AND ?2");
            let keys = keys(number)?;
            let found = source.query_row(&sql, keys, |row| row.get::<_, Option<i64>>(0));
            Ok::<_, Failure>(found.map(|key| key.map_or(0, sequence_of)))
        };
        Ok(match (last("entry")?, last("run")?) {
            (Ok(entry), _) => Self::Known(entry),
            // A run has the number of its input, and at most one entry after it.
            (Err(_), Ok(run)) => Self::AtMost(run + 1),
            (Err(_), Err(_)) => Self::AtMost(MAX_SEQUENCE),
        })
    }

    fn highest(&self) -> u64 {
        match self {
            Self::Known(last) | Self::AtMost(last) => *last,
        }
    }
}

/// Puts entries together by their runs. A reply without its input gets one that says so.
fn exchanges(entries: Vec<Entry>) -> Vec<Exchange> {
    let mut exchanges: Vec<Exchange> = Vec::new();
    for entry in entries {
        let input = match entry.role {
            Role::User => entry,
            Role::Assistant => {
                let newest = exchanges.last_mut();
                let fits =
                    |it: &&mut Exchange| it.reply.is_none() && it.input.run_id == entry.run_id;
                if let Some(exchange) = newest.filter(fits) {
                    exchange.reply = Some(entry);
                    continue;
                }
                let input = Entry {
                    sequence: entry.sequence.saturating_sub(1),
                    role: Role::User,
                    content: LOST_INPUT.into(),
                    partial: false,
                    reasoning: None,
                    diagnostics: RunDiagnostics::default(),
                    ..entry.clone()
                };
                exchanges.push(Exchange {
                    input,
                    reply: Some(entry),
                    run: None,
                });
                continue;
            }
        };
        exchanges.push(Exchange {
            input,
            reply: None,
            run: None,
        });
    }
    exchanges
}

impl Exchange {
    /// Whether its run has no end, as far as that can be read.
    fn is_active(&self) -> bool {
        self.reply.is_none() && self.run.as_ref().is_some_and(|run| run.is_active)
    }

    /// Stores it after the entry `sequence`. Returns whether its run has no end.
    fn save(
        &self,
        target: &Connection,
        number: i64,
        sequence: &mut u64,
        may_be_active: bool,
    ) -> Result<bool, Failure> {
        *sequence += 1;
        let input_key = key(number, *sequence)?;
        let is_active = may_be_active && self.is_active();
        match &self.run {
            // Its end is lost, or belonged to a part that is.
            Some(run) if run.is_active && !is_active => {}
            Some(run) => run.save(target, input_key, number)?,
            None => {}
        }
        let outcome = match &self.reply {
            Some(_) => (RunOutcome::Completed, None),
            None => (RunOutcome::Failed, Some(RunErrorCode::Interrupted)),
        };
        let ended_at = self.reply.as_ref().unwrap_or(&self.input).at;
        // Nothing happens when the run is there.
        target.execute(
            "INSERT OR IGNORE INTO run (key, worker, id, accepted_at, cursor_epoch,
                 cursor_sequence, outcome, error_code, finished_at)
             VALUES (?1, ?2, ?3, ?4, 0, 0, ?5, ?6, ?7)",
            (
                input_key,
                number,
                translate::run_id(&self.input.run_id),
                translate::milliseconds(self.input.at),
                outcome.0.as_str(),
                outcome.1.map(RunErrorCode::as_str),
                translate::milliseconds(ended_at),
            ),
        )?;
        let input = Entry {
            unanswered: !is_active && self.reply.is_none(),
            ..self.input.clone()
        };
        write::insert_entry(target, input_key, &input)?;
        if let Some(reply) = &self.reply {
            *sequence += 1;
            write::insert_entry(target, key(number, *sequence)?, reply)?;
        }
        Ok(is_active)
    }
}

impl RunRow {
    fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        let statement: &rusqlite::Statement<'_> = row.as_ref();
        let columns: Vec<_> = statement.column_names().map(str::to_owned).collect();
        let values = (0..columns.len()).map(|at| row.get(at));
        let values = values.collect::<rusqlite::Result<Vec<Value>>>()?;
        let is_active = row
            .get_ref("outcome")?
            .as_str_or_null()
            .is_ok_and(|it| it.is_none());
        Ok(Self {
            columns,
            values,
            is_active,
        })
    }

    /// Stores it under another key.
    fn save(&self, target: &Connection, key: i64, worker: i64) -> Result<(), Failure> {
        let values = self.columns.iter().zip(&self.values);
        let values = values.map(|(column, value)| match column.as_str() {
            "key" => Value::Integer(key),
            "worker" => Value::Integer(worker),
            _ => value.clone(),
        });
        let marks = vec!["?"; self.columns.len()].join(", ");
        let columns = self.columns.join(", ");
        let sql = format!("INSERT OR IGNORE INTO run ({columns}) VALUES ({marks})");
        let mut insert = target.prepare_cached(&sql)?;
        insert.execute(params_from_iter(values))?;
        Ok(())
    }
}
