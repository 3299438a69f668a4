//! What is read.

use deadpool_postgres::{ClientWrapper, Transaction};
use futures_util::{TryStreamExt as _, pin_mut};
use jiff::Timestamp;
use tokio_postgres::{IsolationLevel, Row};
use uuid::Uuid;
use worker_runtime::store::columns::{Unreadable, milliseconds_from};
use worker_runtime::store::{
    Index, IndexedWorker, KeyedInput, StoredConversation, StoredPage, StoredState, StoredWorker,
    UnfinishedRun, Window,
};
use worker_runtime::{
    Accepted, Cursor, Entry, Epoch, Role, TranscriptPosition, UsageTotals, WorkerId,
};

use crate::failure::Failure;
use crate::profiles::Profiles;
use crate::translate::{Columns, system_time};

/// Entries that are fetched at a time: about what a page shows.
const ENTRIES_AT_A_TIME: i32 = 64;
/// The earliest time that a column can have, 24 November 4714 BC, in milliseconds since 1970.
const EARLIEST: i64 = -210_866_803_200_000;
/// What is read, and where from.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a> {
    pub(crate) workspace: i32,
    pub(crate) profiles: &'a Profiles,
}

const INDEX: &str = "
    SELECT worker.id, state, create_key, run.worker IS NOT NULL AS has_active_run
    FROM yoi.worker
    LEFT JOIN yoi.run ON run.workspace = worker.workspace AND run.worker = worker.id
        AND run.outcome IS NULL
    WHERE worker.workspace = $1
    ORDER BY worker.id";

const WORKERS: &str = "SELECT * FROM yoi.worker WHERE workspace = $1 AND id = ANY($2)";

const INPUTS: &str = "
    SELECT sequence, id, cursor_epoch, cursor_sequence, input_key, input_fingerprint FROM yoi.run
    WHERE workspace = $1 AND worker = $2 AND input_key IS NOT NULL
    ORDER BY sequence DESC LIMIT $3";

const ACTIVE_RUN: &str =
    "SELECT id FROM yoi.run WHERE workspace = $1 AND worker = $2 AND outcome IS NULL";

const DRAFTS: &str =
    "SELECT text FROM yoi.draft WHERE workspace = $1 AND worker = $2 ORDER BY part";

const LAST_SEQUENCE: &str = "SELECT last_sequence FROM yoi.worker WHERE workspace = $1 AND id = $2";

const UPWARDS: &str = "
    SELECT * FROM yoi.entry WHERE workspace = $1 AND worker = $2 AND sequence > $3
    ORDER BY sequence";

const DOWNWARDS: &str = "
    SELECT * FROM yoi.entry WHERE workspace = $1 AND worker = $2 AND sequence < $3
    ORDER BY sequence DESC";

const STOPPED_BEFORE: &str = "
    SELECT id FROM yoi.worker WHERE workspace = $1 AND state = 'stopped' AND last_activity_at < $2
    ORDER BY last_activity_at LIMIT $3";

impl Source<'_> {
    pub(crate) async fn index(self, session: &ClientWrapper) -> Result<Index, Failure> {
        let select = session.prepare_cached(INDEX).await?;
        let rows = session.query_raw(&select, [self.workspace]).await?;
        pin_mut!(rows);
        let mut index = Index::default();
        while let Some(row) = rows.try_next().await? {
            match indexed_worker(&Columns(&row)) {
                Ok(worker) => index.workers.push(worker),
                Err(Unreadable(_)) => index.unreadable += 1,
            }
        }
        index.workers.shrink_to_fit();
        Ok(index)
    }

    pub(crate) async fn workers(
        self,
        session: &ClientWrapper,
        ids: &[WorkerId],
    ) -> Result<Vec<StoredWorker>, Failure> {
        let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
        let select = session.prepare_cached(WORKERS).await?;
        let rows = session.query(&select, &[&self.workspace, &ids]).await?;
        let mut workers = Vec::with_capacity(rows.len());
        for row in rows {
            match self.worker(session, &row).await {
                Ok(worker) => workers.push(worker),
                Err(Failure::Unreadable(_)) => {}
                Err(failure) => return Err(failure),
            }
        }
        Ok(workers)
    }

    /// The worker in a row of all columns.
    async fn worker(self, session: &ClientWrapper, row: &Row) -> Result<StoredWorker, Failure> {
        let row = Columns(row);
        let profile = row.get("profile")?;
        Ok(StoredWorker {
            id: row.worker_id("id")?,
            display_name: row.parse("display_name")?,
            profile: self.profiles.get(session, self.workspace, profile).await?,
            model: row.get::<Option<&str>>("model")?.map(Into::into),
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
            last_run: row.last_run()?,
            diagnostics: row.diagnostics()?,
        })
    }

    pub(crate) async fn load(
        self,
        session: &mut ClientWrapper,
        id: WorkerId,
        window: Window,
        input_keys: usize,
    ) -> Result<Option<StoredConversation>, Failure> {
        let instant = instant(session).await?;
        let select = instant.prepare_cached(WORKERS).await?;
        let ids = vec![id.as_uuid()];
        let Some(row) = instant.query_opt(&select, &[&self.workspace, &ids]).await? else {
            return Ok(None);
        };
        let entries = self
            .entries(&instant, id, TranscriptPosition::Newest, window)
            .await?;
        let inputs = self.inputs(&instant, id, input_keys).await?;
        let active_run = self.active_run(&instant, id).await?;
        instant.commit().await?;
        Ok(Some(StoredConversation {
            // A profile never changes, and has no instant.
            worker: self.worker(session, &row).await?,
            entries,
            inputs,
            active_run,
        }))
    }

    async fn inputs(
        self,
        instant: &Transaction<'_>,
        id: WorkerId,
        limit: usize,
    ) -> Result<Vec<KeyedInput>, Failure> {
        let select = instant.prepare_cached(INPUTS).await?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = instant
            .query(&select, &[&self.workspace, &id.as_uuid(), &limit])
            .await?;
        let inputs = rows.iter().rev().map(|row| keyed_input(&Columns(row)));
        Ok(inputs.collect::<Result<_, Unreadable>>()?)
    }

    async fn active_run(
        self,
        instant: &Transaction<'_>,
        id: WorkerId,
    ) -> Result<Option<UnfinishedRun>, Failure> {
        let select = instant.prepare_cached(ACTIVE_RUN).await?;
        let of_worker: [&(dyn tokio_postgres::types::ToSql + Sync); 2] =
            [&self.workspace, &id.as_uuid()];
        let Some(row) = instant.query_opt(&select, &of_worker).await? else {
            return Ok(None);
        };
        let select = instant.prepare_cached(DRAFTS).await?;
        let mut text = String::new();
        for part in instant.query(&select, &of_worker).await? {
            text += &Columns(&part).text("text")?;
        }
        Ok(Some(UnfinishedRun {
            run_id: Columns(&row).run_id("id")?,
            text: text.into(),
        }))
    }

    pub(crate) async fn transcript(
        self,
        session: &mut ClientWrapper,
        id: WorkerId,
        position: TranscriptPosition,
        window: Window,
    ) -> Result<Option<StoredPage>, Failure> {
        let instant = instant(session).await?;
        let select = instant.prepare_cached(LAST_SEQUENCE).await?;
        let row = instant
            .query_opt(&select, &[&self.workspace, &id.as_uuid()])
            .await?;
        let Some(row) = row else {
            return Ok(None);
        };
        let page = StoredPage {
            entries: self.entries(&instant, id, position, window).await?,
            last_sequence: Columns(&row).bits("last_sequence")?,
        };
        instant.commit().await?;
        Ok(Some(page))
    }

    /// The entries of a worker at a position, oldest first.
    async fn entries(
        self,
        instant: &Transaction<'_>,
        id: WorkerId,
        position: TranscriptPosition,
        window: Window,
    ) -> Result<Vec<Entry>, Failure> {
        // No entry has a number beyond what the column can have.
        let column = |sequence: u64| i64::try_from(sequence).unwrap_or(i64::MAX);
        let (sql, bound) = match position {
            TranscriptPosition::Newest => (DOWNWARDS, i64::MAX),
            TranscriptPosition::Before(sequence) => (DOWNWARDS, column(sequence)),
            TranscriptPosition::After(sequence) => (UPWARDS, column(sequence)),
        };
        let select = instant.prepare_cached(sql).await?;
        let portal = instant
            .bind(&select, &[&self.workspace, &id.as_uuid(), &bound])
            .await?;
        let mut entries = Vec::new();
        let mut room = window.room();
        'fetching: loop {
            let rows = instant.query_portal(&portal, ENTRIES_AT_A_TIME).await?;
            for row in &rows {
                let entry = entry(&Columns(row))?;
                if !room.take(&entry) {
                    break 'fetching;
                }
                entries.push(entry);
            }
            if rows.is_empty() {
                break;
            }
        }
        if sql == DOWNWARDS {
            entries.reverse();
        }
        Ok(entries)
    }

    pub(crate) async fn stopped_before(
        self,
        session: &ClientWrapper,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<WorkerId>, Failure> {
        let before = system_time(milliseconds_from(before).max(EARLIEST));
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let select = session.prepare_cached(STOPPED_BEFORE).await?;
        let rows = session
            .query(&select, &[&self.workspace, &before, &limit])
            .await?;
        // One with an unreadable id can't be named.
        let ids = rows
            .iter()
            .filter_map(|row| Columns(row).worker_id("id").ok());
        Ok(ids.collect())
    }
}

/// A transaction that sees the database as it is at one instant.
async fn instant(session: &mut ClientWrapper) -> Result<Transaction<'_>, Failure> {
    let builder = session
        .build_transaction()
        .isolation_level(IsolationLevel::RepeatableRead)
        .read_only(true);
    Ok(builder.start().await?)
}

fn indexed_worker(row: &Columns<'_>) -> Result<IndexedWorker, Unreadable> {
    Ok(IndexedWorker {
        id: row.worker_id("id")?,
        state: row.named("state", StoredState::ALL, StoredState::as_str)?,
        has_active_run: row.get("has_active_run")?,
        create_key: row.key("create_key")?,
    })
}

fn keyed_input(row: &Columns<'_>) -> Result<KeyedInput, Unreadable> {
    let keyed = row.keyed("input_key", "input_fingerprint")?;
    let (key, fingerprint) = keyed.ok_or(Unreadable("input_key"))?;
    let epoch = Epoch::new(row.bits("cursor_epoch")?);
    Ok(KeyedInput {
        key,
        fingerprint,
        accepted: Accepted {
            run_id: row.run_id("id")?,
            sequence: row.bits("sequence")?,
            cursor: Cursor::new(epoch, row.bits("cursor_sequence")?),
            replayed: false,
        },
    })
}

fn entry(row: &Columns<'_>) -> Result<Entry, Unreadable> {
    Ok(Entry {
        sequence: row.bits("sequence")?,
        at: row.time("at")?,
        role: row.named("role", Role::ALL, Role::as_str)?,
        run_id: row.run_id("run")?,
        content: row.text("content")?,
        partial: row.get("partial")?,
        unanswered: row.get("unanswered")?,
        reasoning: row.optional_text("reasoning")?,
        diagnostics: row.diagnostics()?,
    })
}
