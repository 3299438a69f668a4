//! A workspace of its own in the database, and workers to put into it.

use std::env;
use std::time::{Duration, SystemTime};

use adapter_store_postgres::{Candidate, Database, LeaseTime, OpenError, PostgresStore, Secrets};
use tokio::time::timeout;
use tokio_postgres::{Client, NoTls};
use uuid::Uuid;
use worker_runtime::WorkerId;
use worker_runtime::store::conformance::facts;
use worker_runtime::store::{Change, StoreErrorKind, StoredConversation, WorkerStore as _};

pub(crate) use worker_runtime::store::conformance::facts::{ALL, worker_id};

/// More than anything here takes, and less than the longest lease.
pub(crate) const SOON: Duration = Duration::from_secs(60);

/// A workspace that no other test has.
pub(crate) struct Workspace {
    pub(crate) address: String,
    pub(crate) name: String,
    pub(crate) lease: LeaseTime,
}

pub(crate) fn variable(name: &str) -> String {
    env::var(name).expect("run the tests by .ci/with-postgres")
}

impl Workspace {
    /// With the longest lease: it ends when a test ends it or its owner gives it back, and not because a
    /// busy machine was late to renew it.
    pub(crate) fn new() -> Self {
        Self::with_lease("300")
    }

    /// With a lease whose renewal or end is waited for.
    pub(crate) fn with_lease(seconds: &str) -> Self {
        Self {
            address: variable("YOI_TEST_POSTGRES"),
            name: Uuid::now_v7().to_string(),
            lease: seconds.parse().expect("a lease"),
        }
    }

    /// The same workspace, with the database at another port.
    pub(crate) fn by_port(&self, port: u16) -> Self {
        let own = variable("YOI_TEST_POSTGRES_PORT");
        Self {
            address: self.address.replace(&own, &port.to_string()),
            name: self.name.clone(),
            lease: self.lease,
        }
    }

    pub(crate) fn candidate(&self) -> Candidate {
        let database = Database::new(&self.address, &Secrets::default()).expect("an address");
        Candidate::new(database, self.name.clone(), "test".to_owned(), self.lease)
    }

    /// The store, once it is free.
    pub(crate) async fn open(&self) -> PostgresStore {
        once_free(&mut self.candidate()).await
    }

    pub(crate) async fn try_open(&self) -> Result<PostgresStore, OpenError> {
        self.candidate().acquire().await
    }

    /// Makes its lease end, whoever has it.
    pub(crate) async fn expire(&self) {
        self.row("expires_at = now() - interval '1 second'").await;
    }

    /// Whether its lease has ended.
    pub(crate) async fn is_expired(&self) -> bool {
        let expired = "SELECT expires_at < clock_timestamp() FROM yoi.workspace WHERE name = $1";
        let client = sql(&self.address).await;
        let expired = client.query_one_scalar(expired, &[&self.name]).await;
        expired.expect("a workspace")
    }

    /// Runs a statement on the workspace's row, past the store.
    pub(crate) async fn row(&self, statement: &str) {
        let statement = format!("UPDATE yoi.workspace SET {statement} WHERE name = $1");
        let client = sql(&self.address).await;
        let changed = client.execute(&statement, &[&self.name]).await;
        assert_eq!(changed.expect("a statement"), 1);
    }
}

/// The store, once the owner before has given the workspace back or lost it. A database that is busy may do
/// what that owner has asked it for last after the owner has ended.
pub(crate) async fn once_free(candidate: &mut Candidate) -> PostgresStore {
    let opened = timeout(SOON, async {
        loop {
            match candidate.acquire().await {
                Ok(store) => return store,
                Err(OpenError::InUse) => {}
                Err(error) => panic!("{error}"),
            }
        }
    });
    opened.await.expect("it is free")
}

/// A transaction that is open, as one of the owner is.
pub(crate) struct OpenTransaction(Client);

impl OpenTransaction {
    pub(crate) async fn of(workspace: &Workspace) -> Self {
        let client = sql(&workspace.address).await;
        client.batch_execute("BEGIN").await.expect("a transaction");
        let lock = "SELECT FROM yoi.progress JOIN yoi.workspace ON workspace = number
             WHERE name = $1 FOR UPDATE OF progress";
        client
            .query_one(lock, &[&workspace.name])
            .await
            .expect("a lock");
        Self(client)
    }

    /// Waits until somebody waits for its end.
    pub(crate) async fn is_waited_for(&self) {
        let waits = "SELECT EXISTS (
                 SELECT FROM pg_locks WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid))
             )";
        let waits = async || {
            self.0
                .query_one_scalar::<bool, _>(waits, &[])
                .await
                .expect("a statement")
        };
        timeout(SOON, async { while !waits().await {} })
            .await
            .expect("somebody waits for it");
    }

    /// Ends it. Returns the time just before.
    pub(crate) async fn end(self) -> SystemTime {
        let now = self.0.query_one_scalar("SELECT clock_timestamp()", &[]);
        let now = now.await.expect("a time");
        self.0.batch_execute("COMMIT").await.expect("its end");
        now
    }
}

/// A connection past the store.
pub(crate) async fn sql(address: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(address, NoTls)
        .await
        .expect("a database");
    tokio::spawn(connection);
    client
}

pub(crate) fn create(id: WorkerId) -> Change {
    facts::create(facts::worker(id))
}

/// The changes of the exchange after this many: an input of 500 bytes and a few, a reply of a thousand.
pub(crate) fn exchange(worker_id: WorkerId, before: u64) -> Vec<Change> {
    let mut input = facts::input(worker_id, 2 * before + 1);
    input.entry.content = format!("{} {}", input.entry.content, "x".repeat(500)).into();
    let finished = facts::replied(&input, &format!("reply {before} {}", "y".repeat(1000)));
    vec![facts::accept(input), facts::finish(finished)]
}

/// A stored worker with this many exchanges.
pub(crate) async fn conversation(store: &PostgresStore, exchanges: u64) -> WorkerId {
    let id = worker_id();
    let mut changes = vec![create(id)];
    changes.extend((0..exchanges).flat_map(|before| exchange(id, before)));
    store.commit(changes).await.expect("a worker");
    id
}

pub(crate) async fn load(store: &PostgresStore, id: WorkerId) -> StoredConversation {
    let loaded = store.load(id, ALL, usize::MAX).await;
    loaded.expect("a readable store").expect("a worker")
}

/// The kind of failure of a commit of another worker.
pub(crate) async fn failure(store: &PostgresStore) -> StoreErrorKind {
    let failed = store.commit(vec![create(worker_id())]).await;
    failed.expect_err("the commit fails").kind()
}
