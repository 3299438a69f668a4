//! A store in a directory of its own, and workers to put into it.

use std::fs;
use std::path::{Path, PathBuf};

use adapter_store_sqlite::{OpenError, Options, SqliteStore};
use jiff::Timestamp;
use rusqlite::Connection;
use tempfile::TempDir;
use uuid::Uuid;
use worker_runtime::store::{
    AcceptedInput, Change, FinishedRun, StoreErrorKind, StoredConversation, StoredState,
    StoredWorker, Window, WorkerStore,
};
use worker_runtime::{
    Cursor, Entry, Epoch, LastRun, ProfileSet, Role, RunDiagnostics, RunId, RunOutcome,
    UsageTotals, WorkerId,
};

pub(crate) const ALL: Window = Window {
    entries: usize::MAX,
    bytes: usize::MAX,
};

/// A directory with a store in it.
pub(crate) struct Files(TempDir);

impl Files {
    pub(crate) fn new() -> Self {
        Self(TempDir::new().expect("a directory"))
    }

    pub(crate) fn directory(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.directory().join("workers.sqlite3")
    }

    pub(crate) fn open(&self) -> SqliteStore {
        self.try_open().expect("a store")
    }

    pub(crate) fn try_open(&self) -> Result<SqliteStore, OpenError> {
        SqliteStore::open(&self.path(), Options::default())
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        fs::read(self.path()).expect("a file")
    }

    /// Runs statements on the file past the store.
    pub(crate) fn sql(&self, statements: &str) {
        let connection = Connection::open(self.path()).expect("a database");
        connection.execute_batch(statements).expect("statements");
    }

    /// The pages of this size that hold rows of a table, by their offsets.
    pub(crate) fn leaves(&self, table: &str) -> Vec<usize> {
        let connection = Connection::open(self.path()).expect("a database");
        let sql = "SELECT pgoffset FROM dbstat WHERE name = ?1 AND pagetype = 'leaf' ORDER BY path";
        let mut select = connection.prepare(sql).expect("a statement");
        let offsets = select.query_map([table], |row| row.get::<_, i64>(0));
        let offsets = offsets.expect("pages").map(|it| it.expect("a page"));
        offsets
            .map(|it| usize::try_from(it).expect("an offset"))
            .collect()
    }

    /// Overwrites a page in place with what is no page.
    pub(crate) fn damage(&self, offset: usize) {
        use std::os::unix::fs::FileExt;
        let file = fs::OpenOptions::new().write(true).open(self.path());
        let page = vec![0xa5; PAGE];
        file.expect("a file")
            .write_all_at(&page, offset as u64)
            .expect("a page");
    }
}

pub(crate) const PAGE: usize = 4096;

pub(crate) fn worker_id() -> WorkerId {
    WorkerId::from_uuid(Uuid::now_v7()).expect("a UUIDv7")
}

pub(crate) fn at(milliseconds: u64) -> Timestamp {
    Timestamp::from_millisecond(milliseconds.cast_signed()).expect("a time")
}

pub(crate) fn worker(id: WorkerId) -> StoredWorker {
    StoredWorker {
        id,
        display_name: "Ada".parse().expect("a name"),
        profile: ProfileSet::builtin().default_profile().clone(),
        model: None,
        state: StoredState::Idle,
        created_at: at(1),
        last_activity_at: at(1),
        create_key: None,
        last_sequence: 0,
        usage: UsageTotals::default(),
        last_run: None,
        diagnostics: RunDiagnostics::default(),
    }
}

pub(crate) fn create(id: WorkerId) -> Change {
    Change::Create(Box::new(worker(id)))
}

pub(crate) fn input(worker_id: WorkerId, sequence: u64) -> AcceptedInput {
    AcceptedInput {
        worker_id,
        entry: Entry {
            sequence,
            at: at(sequence),
            role: Role::User,
            run_id: RunId::from_uuid(Uuid::now_v7()).expect("a UUIDv7"),
            content: format!("input {sequence} {}", "x".repeat(500)).into(),
            partial: false,
            unanswered: false,
            reasoning: None,
            diagnostics: RunDiagnostics::default(),
        },
        cursor: Cursor::new(Epoch::new(7), sequence),
        key: None,
    }
}

pub(crate) fn accept(input: &AcceptedInput) -> Change {
    Change::Accept(Box::new(input.clone()))
}

/// The end of the run of `input`, with a reply.
pub(crate) fn finish(input: &AcceptedInput) -> Change {
    let sequence = input.entry.sequence + 1;
    Change::Finish(Box::new(FinishedRun {
        worker_id: input.worker_id,
        run: LastRun {
            run_id: input.entry.run_id,
            outcome: RunOutcome::Completed,
            error: None,
            finished_at: at(sequence),
        },
        usage: None,
        usage_totals: UsageTotals::default(),
        diagnostics: RunDiagnostics::default(),
        reply: Some(Entry {
            sequence,
            at: at(sequence),
            role: Role::Assistant,
            content: format!("reply {sequence} {}", "y".repeat(1000)).into(),
            ..input.entry.clone()
        }),
        state: StoredState::Idle,
    }))
}

pub(crate) fn draft(input: &AcceptedInput, text: &str) -> Change {
    Change::Draft {
        worker_id: input.worker_id,
        run_id: input.entry.run_id,
        text: text.into(),
    }
}

/// The changes of the exchange after this many.
pub(crate) fn exchange(worker: WorkerId, before: u64) -> [Change; 2] {
    let input = input(worker, 2 * before + 1);
    [accept(&input), finish(&input)]
}

/// A stored worker with this many exchanges.
pub(crate) async fn conversation(store: &SqliteStore, exchanges: u64) -> WorkerId {
    let id = worker_id();
    let mut changes = vec![create(id)];
    changes.extend((0..exchanges).flat_map(|before| exchange(id, before)));
    store.commit(changes).await.expect("a worker");
    id
}

pub(crate) async fn load(store: &SqliteStore, id: WorkerId) -> StoredConversation {
    let loaded = store.load(id, ALL, usize::MAX).await;
    loaded.expect("a readable store").expect("a worker")
}

pub(crate) async fn ids(store: &SqliteStore) -> Vec<WorkerId> {
    let index = store.index().await.expect("an index");
    index.workers.iter().map(|worker| worker.id).collect()
}

/// The kind of failure of a commit of this change.
pub(crate) async fn failure(store: &SqliteStore, change: Change) -> StoreErrorKind {
    let failed = store.commit(vec![change]).await;
    failed.expect_err("the commit fails").kind()
}
