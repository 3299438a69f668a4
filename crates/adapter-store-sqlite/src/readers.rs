//! The threads that read.

use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::mpsc::Receiver;

use crate::failure::Failure;
use crate::owned_file::OwnedFile;

/// Threads that read: one goes on with short reads while the other has a long one.
pub(crate) const READERS: usize = 2;
/// Reads that wait for a thread; further callers wait for room.
pub(crate) const READ_QUEUE: usize = 256;

/// Something to be read.
pub(crate) type Job = Box<dyn FnOnce(&mut Reader) + Send>;

/// A connection that reads, opened when it is needed.
#[derive(Debug)]
pub(crate) struct Reader {
    // In the order in which they end: the file's lock must outlast the connection.
    connection: Option<Connection>,
    file: Arc<OwnedFile>,
}

impl Reader {
    pub(crate) fn new(file: Arc<OwnedFile>) -> Self {
        Self {
            file,
            connection: None,
        }
    }

    /// Does what comes until the other end of the queue is gone.
    pub(crate) fn run(mut self, jobs: &Mutex<Receiver<Job>>) {
        loop {
            // The lock is held while one thread waits, and the others wait for the lock.
            let job = {
                let mut jobs = jobs.lock().unwrap_or_else(PoisonError::into_inner);
                jobs.blocking_recv()
            };
            match job {
                Some(job) => job(&mut self),
                None => return,
            }
        }
    }

    /// Runs `read` on the store as it is at one instant.
    pub(crate) fn read<T>(
        &mut self,
        read: impl FnOnce(&Connection) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        self.file.check()?;
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.file.connect_for_reading()?,
        };
        let transaction = connection.transaction()?;
        let found = read(&transaction)?;
        transaction.commit()?;
        // After a failure the next read begins with a connection of its own.
        self.connection = Some(connection);
        Ok(found)
    }
}
