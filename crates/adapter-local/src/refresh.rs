//! When the directory is read: on demand, off the async threads, at most one at a time.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use tokio::task::spawn_blocking;
use tokio::time::Instant;

use crate::index::Index;
use crate::scan::ScanError;

/// Makes the next index out of the last one; blocks.
type Scan = Arc<dyn Fn(&Index) -> Result<Index, ScanError> + Send + Sync>;

/// A refresh that any number of callers wait for, and that ends whether one does or not.
type Refresh = Shared<BoxFuture<'static, Refreshed>>;

/// How a refresh ended.
#[derive(Clone)]
struct Refreshed {
    /// When it ended.
    at: Instant,
    /// The newest index there is: this refresh's, or an earlier one's where it failed.
    index: Arc<Index>,
    /// Why this refresh brought no index.
    error: Option<ScanError>,
}

impl Refreshed {
    fn answer(self) -> Result<Arc<Index>, ScanError> {
        match self.error {
            Some(error) => Err(error),
            None => Ok(self.index),
        }
    }
}

/// The newest index, refreshed when someone asks for it.
///
/// The only state is the newest refresh, which may still be running. A scan that hangs on a
/// dead mount holds one blocking thread, however many callers come and go: there is no
/// second scan before the first has ended.
pub(crate) struct Refresher {
    scan: Scan,
    interval: Duration,
    newest: Mutex<Option<Refresh>>,
}

impl Refresher {
    /// A refresher that has not read anything yet. `interval` is the shortest time from the
    /// end of one scan to the beginning of the next.
    pub(crate) fn new(
        interval: Duration,
        scan: impl Fn(&Index) -> Result<Index, ScanError> + Send + Sync + 'static,
    ) -> Self {
        Self {
            scan: Arc::new(scan),
            interval,
            newest: Mutex::new(None),
        }
    }

    /// An index of a scan that ended after this call began, or within the interval before.
    ///
    /// # Errors
    /// What the scan answered; it is kept for the interval, as an index would be.
    /// # Cancellation
    /// Dropping the future leaves the scan to the other callers, and to the next one.
    pub(crate) async fn current(&self) -> Result<Arc<Index>, ScanError> {
        let called_at = Instant::now();
        let refreshed = self.join().await;
        if refreshed.at >= called_at || self.is_fresh(&refreshed) {
            return refreshed.answer();
        }
        // All callers of that scan were gone before it ended, and it ended long ago.
        self.join().await.answer()
    }

    /// The refresh that runs or is fresh, or else a new one.
    fn join(&self) -> Refresh {
        self.with_newest(|newest| {
            let last = match newest.as_ref().map(|refresh| (refresh, refresh.peek())) {
                None => None,
                Some((running, None)) => return running.clone(),
                Some((fresh, Some(refreshed))) if self.is_fresh(refreshed) => return fresh.clone(),
                Some((_, Some(refreshed))) => Some(Arc::clone(&refreshed.index)),
            };
            newest.insert(self.start(last.unwrap_or_default())).clone()
        })
    }

    /// Starts a scan. Its thread ends with it; should the file system never answer, the
    /// thread stays behind, and the process must be ended without waiting for it.
    fn start(&self, last: Arc<Index>) -> Refresh {
        let scan = Arc::clone(&self.scan);
        let before = Arc::clone(&last);
        let task = spawn_blocking(move || {
            let answer = scan(&before);
            (Instant::now(), answer)
        });
        let refreshed = task.map(|ended| {
            let (at, answer) = ended.unwrap_or_else(|_| (Instant::now(), Err(ScanError::Aborted)));
            match answer {
                Ok(index) => Refreshed {
                    at,
                    index: Arc::new(index),
                    error: None,
                },
                Err(error) => Refreshed {
                    at,
                    index: last,
                    error: Some(error),
                },
            }
        });
        refreshed.boxed().shared()
    }

    fn is_fresh(&self, refreshed: &Refreshed) -> bool {
        refreshed.at.elapsed() < self.interval
    }

    fn with_newest<T>(&self, act: impl FnOnce(&mut Option<Refresh>) -> T) -> T {
        // A panic elsewhere leaves a whole refresh behind, whatever it interrupted.
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        act(&mut newest)
    }
}

#[cfg(test)]
mod tests;
