//! The store: what the runtime calls, in front of the tasks and connections that do it.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime};
use jiff::Timestamp;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use worker_runtime::store::group_commit::{COMMIT_QUEUE, CommitRequest};
use worker_runtime::store::{
    Change, Index, StoreError, StoreMetrics, StoreRecorder, StoredConversation, StoredPage,
    StoredWorker, Window, WorkerStore,
};
use worker_runtime::{TranscriptPosition, WorkerId};

use crate::candidate::OpenError;
use crate::database::Database;
use crate::failure::Failure;
use crate::lease::{self, Lease, LostFlag};
use crate::profiles::Profiles;
use crate::read::Source;
use crate::writer::Writer;

/// Connections that read.
const READERS: usize = 4;
/// Longest wait for one of them.
const READER_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest time for a read. The database gives a statement less.
const READ_TIMEOUT: Duration = Duration::from_secs(15);

/// A store of workers in a database, in a workspace that this server owns.
///
/// Dropping it gives the workspace back in the background. [`close`](Self::close) waits for that.
pub struct PostgresStore {
    lease: Lease,
    lost: LostFlag,
    recorder: Arc<StoreRecorder>,
    profiles: Profiles,
    readers: Pool,
    requests: mpsc::Sender<CommitRequest>,
    closing: Arc<Notify>,
    writer: Mutex<Option<JoinHandle<()>>>,
    keeper: JoinHandle<()>,
}

impl PostgresStore {
    /// Longest time that [`close`](Self::close) takes.
    pub const CLOSE_TIMEOUT: Duration = Duration::from_millis(1_500);

    /// The store of a workspace whose lease was asked for at `acquired`, and granted.
    pub(crate) fn start(
        database: Database,
        lease: Lease,
        acquired: Instant,
    ) -> Result<Self, OpenError> {
        let (lost, recorder) = (LostFlag::default(), Arc::new(StoreRecorder::default()));
        let config = ManagerConfig {
            recycling_method: RecyclingMethod::Fast,
        };
        let manager = Manager::from_connect(database.config(), database.clone(), config);
        let readers = Pool::builder(manager)
            .max_size(READERS)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(READER_TIMEOUT))
            .create_timeout(Some(READER_TIMEOUT))
            .build()
            .map_err(|_| OpenError::Unreachable)?;
        let (requests, queue) = mpsc::channel(COMMIT_QUEUE);
        let closing = Arc::new(Notify::new());
        let writer = Writer::new(
            database.clone(),
            lease,
            lost.clone(),
            Arc::clone(&recorder),
            Arc::clone(&closing),
        );
        let writer = tokio::spawn(writer.run(queue));
        let keeper = tokio::spawn(lease::keep(database, lease, acquired, lost.clone()));
        Ok(Self {
            lease,
            lost,
            recorder,
            profiles: Profiles::default(),
            readers,
            requests,
            closing,
            writer: Mutex::new(Some(writer)),
            keeper,
        })
    }

    /// Ends when the workspace belongs to another server, or may. Nothing is read or written from
    /// then on.
    pub fn lost(&self) -> impl Future<Output = ()> + Send + 'static {
        self.lost.raised()
    }

    /// Commits what was handed in, and gives the workspace to whoever wants it next. Takes
    /// [`CLOSE_TIMEOUT`](Self::CLOSE_TIMEOUT) at most.
    pub async fn close(&self) {
        self.closing.notify_one();
        let writer = self
            .writer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(writer) = writer
            && timeout(Self::CLOSE_TIMEOUT, writer).await.is_err()
        {
            tracing::debug!("store is not closed in time");
        }
        self.keeper.abort();
    }

    /// What was counted since the store was opened.
    #[must_use]
    pub fn metrics(&self) -> StoreMetrics {
        StoreMetrics {
            queue_depth: self.requests.max_capacity() - self.requests.capacity(),
            ..self.recorder.snapshot()
        }
    }

    /// By which its rows are found, and its transactions are fenced.
    pub(crate) fn lease(&self) -> Lease {
        self.lease
    }

    fn source(&self) -> Source<'_> {
        Source {
            workspace: self.lease.workspace,
            profiles: &self.profiles,
        }
    }

    pub(crate) async fn read<T>(
        &self,
        read: impl AsyncFnOnce(&mut Object) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        let found = self.read_with(read).await;
        found.map_err(|failure| {
            self.recorder.failed(failure.kind());
            StoreError::from(failure)
        })
    }

    async fn read_with<T>(
        &self,
        read: impl AsyncFnOnce(&mut Object) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        if self.lost.is_raised() {
            return Err(Failure::Lost);
        }
        let mut session = self.readers.get().await?;
        let found = timeout(READ_TIMEOUT, read(&mut session)).await;
        let found = found.unwrap_or(Err(Failure::TimedOut));
        if found.as_ref().is_err_and(Failure::is_of_connection) {
            // The next read begins with a connection of its own.
            drop(Object::take(session));
        }
        found
    }
}

impl Drop for PostgresStore {
    fn drop(&mut self) {
        // The writer ends by itself.
        self.keeper.abort();
    }
}

#[async_trait]
impl WorkerStore for PostgresStore {
    async fn commit(&self, changes: Vec<Change>) -> Result<(), StoreError> {
        let (request, done) = CommitRequest::new(changes);
        if self.requests.send(request).await.is_err() {
            return Err(Failure::Closed.into());
        }
        match done.await {
            Ok(outcome) => outcome,
            // It was handed in, and closing the store has cut off the answer: whether it was made is not
            // known. Callers have deadlines of their own.
            Err(_) => std::future::pending().await,
        }
    }

    async fn index(&self) -> Result<Index, StoreError> {
        self.read(async |session| self.source().index(session).await)
            .await
    }

    async fn workers(&self, ids: &[WorkerId]) -> Result<Vec<StoredWorker>, StoreError> {
        self.read(async |session| self.source().workers(session, ids).await)
            .await
    }

    async fn load(
        &self,
        id: WorkerId,
        window: Window,
        input_keys: usize,
    ) -> Result<Option<StoredConversation>, StoreError> {
        self.read(async |session| self.source().load(session, id, window, input_keys).await)
            .await
    }

    async fn transcript(
        &self,
        id: WorkerId,
        position: TranscriptPosition,
        window: Window,
    ) -> Result<Option<StoredPage>, StoreError> {
        self.read(async |session| {
            self.source()
                .transcript(session, id, position, window)
                .await
        })
        .await
    }

    async fn stopped_before(
        &self,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<WorkerId>, StoreError> {
        self.read(async |session| self.source().stopped_before(session, before, limit).await)
            .await
    }
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore").finish_non_exhaustive()
    }
}
