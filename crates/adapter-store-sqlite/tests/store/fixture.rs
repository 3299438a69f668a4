//! A store in a directory of its own, and workers to put into it.

use std::fs;
use std::path::{Path, PathBuf};

use adapter_store_sqlite::{OpenError, Options, SqliteStore};
use rusqlite::Connection;
use rustix::process::Uid;
use rustix::thread::set_thread_uid;
use tempfile::TempDir;
use worker_runtime::WorkerId;
use worker_runtime::store::conformance::facts;
use worker_runtime::store::{
    AcceptedInput, Change, StoreErrorKind, StoredConversation, WorkerStore,
};

pub(crate) use worker_runtime::store::conformance::facts::{ALL, draft, worker_id};

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

pub(crate) fn create(id: WorkerId) -> Change {
    facts::create(facts::worker(id))
}

/// An input of 500 bytes and a few.
pub(crate) fn input(worker_id: WorkerId, sequence: u64) -> AcceptedInput {
    let mut input = facts::input(worker_id, sequence);
    input.entry.content = format!("{} {}", input.entry.content, "x".repeat(500)).into();
    input
}

pub(crate) fn accept(input: &AcceptedInput) -> Change {
    facts::accept(input.clone())
}

/// The end of the run of `input`, with a reply of a thousand bytes and a few.
pub(crate) fn finish(input: &AcceptedInput) -> Change {
    let sequence = input.entry.sequence + 1;
    let reply = format!("reply {sequence} {}", "y".repeat(1000));
    facts::finish(facts::replied(input, &reply))
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

/// Does something on a thread of a user who is neither root nor, if root runs the tests, the owner of
/// the files: what modes forbid is forbidden.
pub(crate) fn as_another_user<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    const NOBODY: u32 = 65_534;
    std::thread::scope(|scope| {
        let worked = scope.spawn(|| {
            // Of this thread alone.
            if rustix::process::geteuid().is_root() {
                set_thread_uid(Uid::from_raw(NOBODY)).expect("root may");
            }
            work()
        });
        worked.join().expect("no panic")
    })
}
