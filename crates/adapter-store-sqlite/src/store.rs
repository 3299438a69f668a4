//! The store: what the runtime calls, in front of the threads that do it.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use async_trait::async_trait;
use jiff::Timestamp;
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};
use worker_runtime::store::group_commit::{COMMIT_QUEUE, CommitRequest};
use worker_runtime::store::{
    Change, Index, StoreError, StoreMetrics, StoreRecorder, StoredConversation, StoredPage,
    StoredWorker, Window, WorkerStore,
};
use worker_runtime::{TranscriptPosition, WorkerId};

use crate::failure::Failure;
use crate::file;
use crate::open::{self, Absent, OpenError};
use crate::options::Options;
use crate::owned_file::OwnedFile;
use crate::read;
use crate::readers::{Job, READ_QUEUE, READERS, Reader};
use crate::unwritable;
use crate::writer::Writer;

/// A store of workers in an SQLite file, which this process owns until it is dropped.
///
/// Dropping it waits for what was handed in to be committed, and closes the file: that can take
/// as long as the disk does.
pub struct SqliteStore {
    recorder: Arc<StoreRecorder>,
    // In the order in which they end: the last connection to close writes the journal back, and
    // the file's lock must outlast it.
    readers: Threads<Job>,
    writer: Threads<CommitRequest>,
    file: Arc<OwnedFile>,
}

/// Threads that work off one queue.
struct Threads<T> {
    queue: Option<mpsc::Sender<T>>,
    handles: Vec<JoinHandle<()>>,
}

impl<T> Drop for Threads<T> {
    fn drop(&mut self) {
        // Without it the threads end.
        self.queue = None;
        for handle in self.handles.drain(..) {
            // A thread that has panicked has nothing left to end.
            drop(handle.join());
        }
    }
}

impl SqliteStore {
    /// Opens the store at `path`, or creates it. Blocks for as long as the disk needs: a fraction
    /// of a second for a file of a hundred megabytes.
    ///
    /// # Errors
    /// The file is left as it is then.
    pub fn open(path: &Path, options: Options) -> Result<Self, OpenError> {
        Self::start(open::open(path, options, Absent::Created)?)
    }

    /// The same, but only of a store that is there.
    pub(crate) fn open_existing(path: &Path, options: Options) -> Result<Self, OpenError> {
        Self::start(open::open(path, options, Absent::Refused)?)
    }

    /// The same of a store that lies where nothing can be written. It refuses every commit.
    pub(crate) fn open_unwritable(path: &Path, options: Options) -> Result<Self, OpenError> {
        let file = Arc::new(unwritable::open(path, options)?);
        let no_writer = Threads {
            queue: None,
            handles: Vec::new(),
        };
        Self::start_readers(file, Arc::default(), no_writer)
    }

    fn start((file, connection): (OwnedFile, Connection)) -> Result<Self, OpenError> {
        let (file, recorder) = (Arc::new(file), Arc::new(StoreRecorder::default()));
        let writer = Writer::new(Arc::clone(&file), Arc::clone(&recorder), connection)?;
        let (requests, receiver) = mpsc::channel(COMMIT_QUEUE);
        let writer = Threads {
            queue: Some(requests),
            handles: vec![spawn("store-writer", move || writer.run(receiver))?],
        };
        Self::start_readers(file, recorder, writer)
    }

    fn start_readers(
        file: Arc<OwnedFile>,
        recorder: Arc<StoreRecorder>,
        writer: Threads<CommitRequest>,
    ) -> Result<Self, OpenError> {
        let (jobs, receiver) = mpsc::channel(READ_QUEUE);
        let mut readers = Threads {
            queue: Some(jobs),
            handles: Vec::new(),
        };
        let receiver = Arc::new(Mutex::new(receiver));
        for _ in 0..READERS {
            let (reader, jobs) = (Reader::new(Arc::clone(&file)), Arc::clone(&receiver));
            let handle = spawn("store-reader", move || reader.run(&jobs))?;
            readers.handles.push(handle);
        }
        Ok(Self {
            recorder,
            readers,
            writer,
            file,
        })
    }

    /// What was counted since the store was opened.
    #[must_use]
    pub fn metrics(&self) -> StoreMetrics {
        let queue = self.writer.queue.as_ref();
        StoreMetrics {
            queue_depth: queue.map_or(0, |queue| queue.max_capacity() - queue.capacity()),
            file_bytes: Some(file::bytes(self.file.path())),
            ..self.recorder.snapshot()
        }
    }

    pub(crate) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, found) = oneshot::channel();
        let job: Job = Box::new(move |reader| {
            // Nobody waits any more.
            if answer.is_closed() {
                return;
            }
            drop(answer.send(reader.read(read)));
        });
        let found = match &self.readers.queue {
            Some(queue) if queue.send(job).await.is_ok() => found.await.ok(),
            Some(_) | None => None,
        };
        found.unwrap_or(Err(Failure::Closed)).map_err(|failure| {
            self.recorder.failed(failure.kind());
            StoreError::from(failure)
        })
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, OpenError> {
    let builder = thread::Builder::new().name(name.to_owned());
    builder.spawn(work).map_err(OpenError::Io)
}

#[async_trait]
impl WorkerStore for SqliteStore {
    async fn commit(&self, changes: Vec<Change>) -> Result<(), StoreError> {
        let (request, done) = CommitRequest::new(changes);
        let done = match &self.writer.queue {
            Some(queue) if queue.send(request).await.is_ok() => done.await.ok(),
            Some(_) | None => None,
        };
        done.unwrap_or_else(|| Err(Failure::Closed.into()))
    }

    async fn index(&self) -> Result<Index, StoreError> {
        self.read(read::index).await
    }

    async fn workers(&self, ids: &[WorkerId]) -> Result<Vec<StoredWorker>, StoreError> {
        let ids = ids.to_vec();
        self.read(move |connection| read::workers(connection, &ids))
            .await
    }

    async fn load(
        &self,
        id: WorkerId,
        window: Window,
        input_keys: usize,
    ) -> Result<Option<StoredConversation>, StoreError> {
        self.read(move |connection| read::load(connection, id, window, input_keys))
            .await
    }

    async fn transcript(
        &self,
        id: WorkerId,
        position: TranscriptPosition,
        window: Window,
    ) -> Result<Option<StoredPage>, StoreError> {
        self.read(move |connection| read::transcript(connection, id, position, window))
            .await
    }

    async fn stopped_before(
        &self,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<WorkerId>, StoreError> {
        self.read(move |connection| read::stopped_before(connection, before, limit))
            .await
    }
}

/// Shows no path.
impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").finish_non_exhaustive()
    }
}
