//! A client of the database that writes all the time, as an owner renews its lease: for how long it could
//! not, no owner could have either.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;
use tokio::time::sleep;
use tokio_postgres::NoTls;

/// A transaction that waits for the disk, and leaves nothing behind.
const WRITE: &str = "SELECT pg_logical_emit_message(true, 'harness', '')";
/// Pause between two of them.
const PAUSE: Duration = Duration::from_millis(50);

pub(super) struct BareClient {
    pauses: SharedPauses,
    task: JoinHandle<()>,
}

impl BareClient {
    pub(super) fn start(address: &str) -> Self {
        let pauses = SharedPauses::default();
        let task = tokio::spawn(write(address.to_owned(), pauses.clone()));
        Self { pauses, task }
    }

    /// Begins to look for the longest pause anew. One that goes on counts from its beginning.
    pub(super) fn forget(&self) {
        self.pauses.with(|pauses| pauses.longest = Duration::ZERO);
    }

    /// The longest time between two writes since then.
    pub(super) fn longest_pause(&self) -> Duration {
        self.pauses
            .with(|pauses| pauses.longest_until(Instant::now()))
    }
}

impl Drop for BareClient {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Writes for ever, on a new connection after each failure.
async fn write(address: String, pauses: SharedPauses) {
    loop {
        if let Ok((client, connection)) = tokio_postgres::connect(&address, NoTls).await {
            let connection = tokio::spawn(connection);
            while client.batch_execute(WRITE).await.is_ok() {
                pauses.with(|pauses| pauses.wrote(Instant::now()));
                sleep(PAUSE).await;
            }
            connection.abort();
        }
        sleep(PAUSE).await;
    }
}

/// A cheap handle on [`Pauses`].
#[derive(Debug, Clone, Default)]
struct SharedPauses(Arc<Mutex<Pauses>>);

impl SharedPauses {
    fn with<T>(&self, work: impl FnOnce(&mut Pauses) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[derive(Debug)]
struct Pauses {
    last_write: Instant,
    longest: Duration,
}

impl Default for Pauses {
    fn default() -> Self {
        Self {
            last_write: Instant::now(),
            longest: Duration::ZERO,
        }
    }
}

impl Pauses {
    fn wrote(&mut self, now: Instant) {
        self.longest = self.longest_until(now);
        self.last_write = now;
    }

    fn longest_until(&self, now: Instant) -> Duration {
        self.longest.max(now.duration_since(self.last_write))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_pause_counts_even_while_it_goes_on() {
        let mut pauses = Pauses::default();
        let begun = pauses.last_write;
        let after = |seconds| begun + Duration::from_secs(seconds);
        pauses.wrote(after(3));
        pauses.wrote(after(5));
        assert_eq!(pauses.longest_until(after(6)), Duration::from_secs(3));
        assert_eq!(pauses.longest_until(after(9)), Duration::from_secs(4));
    }
}
