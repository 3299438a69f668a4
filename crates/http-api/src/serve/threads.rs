//! The threads that serve connections.
//!
//! Each has an executor of its own, and a connection stays on the one that it was given to:
//! what a request needs is still in that processor's caches, and no thread has to wake another
//! one to hand it a task.

use std::io;
use std::num::NonZeroUsize;
use std::sync::{Arc, mpsc};
use std::thread;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// Tasks of one thread that may block at the same time, each in a thread of its own: looks at
/// files, of which there is one at a time, and look-ups of a provider's name, of which there are
/// as many as runs that need a new connection. By default 64 runs may be active.
const BLOCKING_TASKS_MAX: usize = 64;

/// Threads that serve connections, and what their requests start. Dropping this ends them without
/// waiting for it, and drops what still runs on them.
#[derive(Debug)]
pub struct ServingThreads {
    threads: Vec<ServingThread>,
}

/// One of them.
#[derive(Debug)]
pub(super) struct ServingThread {
    executor: Handle,
    connections: Arc<()>,
    /// Dropped to end the thread.
    _end: oneshot::Sender<()>,
}

/// Counts a connection to its thread as long as it is held.
#[derive(Debug)]
pub(super) struct Counted {
    _connections: Arc<()>,
}

impl ServingThreads {
    /// One thread for each processor that this process may use. Each takes four file descriptors.
    ///
    /// # Errors
    /// When the operating system refuses a thread, or what it needs to wait for sockets.
    pub fn start() -> io::Result<Self> {
        Self::so_many(thread::available_parallelism().unwrap_or(NonZeroUsize::MIN))
    }

    fn so_many(count: NonZeroUsize) -> io::Result<Self> {
        let threads = (0..count.get()).map(ServingThread::start);
        Ok(Self {
            threads: threads.collect::<io::Result<_>>()?,
        })
    }

    /// The thread with the fewest connections.
    pub(super) fn with_fewest_connections(&self) -> &ServingThread {
        let threads = self.threads.iter();
        let least = threads.min_by_key(|thread| Arc::strong_count(&thread.connections));
        least.expect("there is at least one thread")
    }
}

impl ServingThread {
    fn start(number: usize) -> io::Result<Self> {
        let (end, ends) = oneshot::channel();
        let (started, starts) = mpsc::channel();
        thread::Builder::new()
            .name(format!("serving-{number}"))
            .spawn(move || run(&started, ends))?;
        // Whether it has what it needs is known at once.
        let executor = starts.recv().map_err(io::Error::other)??;
        Ok(Self {
            executor,
            connections: Arc::new(()),
            _end: end,
        })
    }

    /// Where the thread's tasks are started.
    pub(super) fn executor(&self) -> &Handle {
        &self.executor
    }

    /// Counts one more connection.
    pub(super) fn count_connection(&self) -> Counted {
        Counted {
            _connections: Arc::clone(&self.connections),
        }
    }
}

/// The life of a thread: `ends` is never sent anything, it ends when its sender is gone. Nobody
/// waits for that, as a blocked file system call may hold it back. The executor is made here, because
/// it must not be dropped by a task if the thread can't be had.
fn run(started: &mpsc::Sender<io::Result<Handle>>, ends: oneshot::Receiver<()>) {
    let executor = Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_TASKS_MAX)
        .thread_name("blocking")
        .build();
    // Who starts the thread waits for one of these.
    match executor {
        Ok(executor) => {
            let _ = started.send(Ok(executor.handle().clone()));
            let _ = executor.block_on(ends);
        }
        Err(error) => drop(started.send(Err(error))),
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    /// Longer than anything here may take; reaching it is a failure.
    const PATIENCE: Duration = Duration::from_secs(20);

    fn threads(count: usize) -> ServingThreads {
        ServingThreads::so_many(count.try_into().unwrap()).unwrap()
    }

    #[test]
    fn a_connection_goes_where_the_fewest_are() {
        let threads = threads(3);
        let counts = || {
            let all = threads.threads.iter();
            all.map(|thread| Arc::strong_count(&thread.connections) - 1)
                .collect::<Vec<_>>()
        };
        let mut counted: Vec<_> = (0..7)
            .map(|_| threads.with_fewest_connections().count_connection())
            .collect();
        assert_eq!(counts(), [3, 2, 2]);
        // The second thread's.
        counted.remove(4);
        counted.remove(1);
        assert_eq!(counts(), [3, 0, 2]);
        let next = threads.with_fewest_connections().count_connection();
        assert_eq!(counts(), [3, 1, 2]);
        drop((counted, next));
        assert_eq!(counts(), [0, 0, 0]);
    }

    #[test]
    fn what_runs_on_a_thread_ends_with_it() {
        let threads = threads(1);
        let (held, dropped) = mpsc::channel();
        threads
            .with_fewest_connections()
            .executor()
            .spawn(async move {
                held.send(thread::current().name().map(str::to_owned))
                    .unwrap();
                pending::<()>().await;
                drop(held);
            });
        let name = dropped.recv_timeout(PATIENCE).unwrap();
        assert_eq!(name.as_deref(), Some("serving-0"));
        drop(threads);
        let gone = Err(mpsc::RecvTimeoutError::Disconnected);
        assert_eq!(dropped.recv_timeout(PATIENCE), gone);
    }
}
