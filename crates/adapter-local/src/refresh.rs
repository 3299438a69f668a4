//! When the directory is read: on demand, on a thread of its own, and how long callers wait for it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, timeout, timeout_at};

use crate::index::{Index, Records};
use crate::progress::{LeftBehind, Progress};
use crate::scan::ScanError;
use crate::source::RUNTIME_ID;

/// Longest wait for a scan, from its beginning: half of the registry's read deadline. After a scan
/// that took longer, nobody waits for the next one.
const ANSWER_PATIENCE: Duration = Duration::from_secs(1);
/// A scan that is at the same record for this long, and at most for twice as long, is left behind. A
/// local disk reads a record in less than a millisecond.
const PART_PATIENCE: Duration = Duration::from_millis(300);
/// The same once one part has not answered: there may be several, and each would delay the answer.
const SUSPICIOUS_PATIENCE: Duration = Duration::from_millis(75);

/// Makes the next index out of the last one; blocks.
type Scan = Arc<dyn Fn(&Index, &Progress) -> Result<Index, ScanError> + Send + Sync>;

/// The newest records, refreshed when someone asks for them.
///
/// At most one scan runs that someone waits for, however many callers come and go. Those that hang
/// keep a thread each, within the bound of [`LeftBehind`].
pub(crate) struct Refresher {
    scans: Arc<Scans>,
    interval: Duration,
    newest: Mutex<Option<Refresh>>,
}

struct Scans {
    scan: Scan,
    left_behind: LeftBehind,
    /// Whether the latest scan failed.
    failing: AtomicBool,
}

/// A refresh that any number of callers wait for, and that ends whether one does or not.
#[derive(Clone)]
struct Refresh {
    ended: watch::Receiver<Option<Refreshed>>,
    /// Until when its callers wait for it.
    wait_until: Instant,
    /// The newest index before it.
    last: Option<Arc<Index>>,
}

/// How a refresh ended.
#[derive(Clone)]
struct Refreshed {
    at: Instant,
    was_late: bool,
    /// The newest index there is: this refresh's, or an earlier one's where it failed.
    index: Option<Arc<Index>>,
    /// Why this refresh brought no index.
    error: Option<ScanError>,
}

impl Refresher {
    /// A refresher that has not read anything yet. `interval` is the shortest time from the
    /// end of one scan to the beginning of the next.
    pub(crate) fn new(
        interval: Duration,
        scan: impl Fn(&Index, &Progress) -> Result<Index, ScanError> + Send + Sync + 'static,
    ) -> Self {
        Self {
            scans: Arc::new(Scans {
                scan: Arc::new(scan),
                left_behind: LeftBehind::default(),
                failing: AtomicBool::new(false),
            }),
            interval,
            newest: Mutex::new(None),
        }
    }

    /// The records of a scan that ended after this call began, or within the interval before. When
    /// that scan fails or is late, the last ones there are, marked as stale. While scans are late,
    /// these are answered at once.
    ///
    /// # Errors
    /// What the scan answered, or [`ScanError::Late`], when there are no earlier records.
    /// # Cancellation
    /// Dropping the future leaves the scan to the other callers, and to the next one.
    pub(crate) async fn current(&self) -> Result<Records, ScanError> {
        let mut refresh = self.join();
        let ended = refresh.ended.wait_for(Option::is_some);
        let refreshed = match timeout_at(refresh.wait_until, ended).await {
            Ok(Ok(refreshed)) => refreshed.clone(),
            // The async runtime of the scan is ending.
            Ok(Err(_)) => None,
            Err(_) => return stale_or(refresh.last, ScanError::Late),
        };
        match refreshed {
            None => Err(ScanError::Aborted),
            Some(refreshed) => match (refreshed.index, refreshed.error) {
                (Some(index), None) => Ok(Records::fresh(index)),
                (index, error) => stale_or(index, error.unwrap_or(ScanError::Aborted)),
            },
        }
    }

    /// The refresh that runs or is fresh, or else a new one.
    fn join(&self) -> Refresh {
        // A panic elsewhere leaves a whole refresh behind, whatever it interrupted.
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        let (last, patience) = match &*newest {
            None => (None, ANSWER_PATIENCE),
            Some(refresh) => match &*refresh.ended.borrow() {
                None if refresh.is_running() => return refresh.clone(),
                None => (refresh.last.clone(), ANSWER_PATIENCE),
                Some(ended) if ended.at.elapsed() < self.interval => return refresh.clone(),
                Some(late) if late.was_late => (late.index.clone(), Duration::ZERO),
                Some(ended) => (ended.index.clone(), ANSWER_PATIENCE),
            },
        };
        newest.insert(self.start(last, patience)).clone()
    }

    /// Starts a refresh, in a task that ends with its scan or with the async runtime.
    fn start(&self, last: Option<Arc<Index>>, patience: Duration) -> Refresh {
        let (end, ended) = watch::channel(None);
        let (scans, before) = (Arc::clone(&self.scans), last.clone());
        let began = Instant::now();
        tokio::spawn(async move {
            let result = scans.run(before.clone().unwrap_or_default()).await;
            // Without earlier records the caller gets the error.
            if before.is_some() {
                scans.log_change(result.as_ref().err());
            }
            let (index, error) = match result {
                Ok(index) => (Some(Arc::new(index)), None),
                Err(error) => (before, Some(error)),
            };
            end.send_replace(Some(Refreshed {
                at: Instant::now(),
                was_late: began.elapsed() > ANSWER_PATIENCE,
                index,
                error,
            }));
        });
        Refresh {
            ended,
            wait_until: began + patience,
            last,
        }
    }
}

impl Refresh {
    /// Whether its task is there, which ends with the async runtime.
    fn is_running(&self) -> bool {
        self.ended.has_changed().is_ok()
    }
}

impl Scans {
    /// Scans until a scan ends. One that hangs at a part of the directory is left behind, and the next
    /// one leaves out the part.
    async fn run(&self, last: Arc<Index>) -> Result<Index, ScanError> {
        let mut patience = PART_PATIENCE;
        loop {
            let progress = Arc::new(Progress::new(self.left_behind.parts()));
            let mut ended = self.spawn(Arc::clone(&last), Arc::clone(&progress))?;
            loop {
                // Cancel-safe: the receiver keeps the result.
                if let Ok(ended) = timeout(patience, &mut ended).await {
                    return ended.unwrap_or(Err(ScanError::Aborted));
                }
                let stuck = progress.stuck();
                if stuck.is_some_and(|part| self.left_behind.add(part, &progress)) {
                    tracing::warn!(
                        runtime_id = RUNTIME_ID,
                        "a part of the local records does not answer and is left out"
                    );
                    patience = SUSPICIOUS_PATIENCE;
                    break;
                }
            }
        }
    }

    /// Says in the log why scans fail, once until one succeeds: earlier records go on being answered.
    fn log_change(&self, error: Option<&ScanError>) {
        let runtime_id = RUNTIME_ID;
        match (self.failing.swap(error.is_some(), Ordering::Relaxed), error) {
            (false, Some(error)) => {
                tracing::warn!(runtime_id, %error, "local records can not be read");
            }
            (true, None) => tracing::info!(runtime_id, "local records can be read again"),
            (false, None) | (true, Some(_)) => {}
        }
    }

    /// Starts a scan on a thread of its own, which ends with it. Should the file system never answer,
    /// the thread stays behind, and the process must be ended without waiting for it.
    fn spawn(
        &self,
        last: Arc<Index>,
        progress: Arc<Progress>,
    ) -> Result<oneshot::Receiver<Result<Index, ScanError>>, ScanError> {
        let (end, ended) = oneshot::channel();
        let scan = Arc::clone(&self.scan);
        let thread = thread::Builder::new().name("local-records".to_owned());
        let spawned = thread.spawn(move || {
            // The receiver is gone when the scan was left behind.
            let _ = end.send(scan(&last, &progress));
        });
        spawned.map(|_| ended).map_err(|_| ScanError::Aborted)
    }
}

fn stale_or(last: Option<Arc<Index>>, error: ScanError) -> Result<Records, ScanError> {
    last.map(Records::stale).ok_or(error)
}

#[cfg(test)]
mod tests;
