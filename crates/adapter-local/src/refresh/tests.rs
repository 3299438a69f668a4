//! Who waits for which scan, and what happens when a scan or a caller does not end well.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use futures_util::future::join_all;

use super::*;

const INTERVAL: Duration = Duration::from_secs(1);
const INSTANT_BEFORE: Duration = Duration::from_millis(1);

/// A refresher whose scans are counted, and end when the test says how.
struct Fixture {
    refresher: Refresher,
    scans: Arc<AtomicUsize>,
    ends: mpsc::Sender<fn() -> Result<Index, ScanError>>,
}

impl Fixture {
    fn new(interval: Duration) -> Self {
        let (ends, receiver) = mpsc::channel::<fn() -> Result<Index, ScanError>>();
        let receiver = Mutex::new(receiver);
        let scans = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&scans);
        let refresher = Refresher::new(interval, move |_| {
            counted.fetch_add(1, Ordering::SeqCst);
            let end = receiver
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .recv();
            end.unwrap()()
        });
        Self {
            refresher,
            scans,
            ends,
        }
    }

    /// Lets one scan end so: the running one, or else the next.
    fn end(&self, how: fn() -> Result<Index, ScanError>) {
        self.ends.send(how).unwrap();
    }

    fn scans(&self) -> usize {
        self.scans.load(Ordering::SeqCst)
    }

    async fn answer(&self) -> Result<Arc<Index>, ScanError> {
        self.refresher.current().await
    }
}

fn found() -> Result<Index, ScanError> {
    Ok(Index::for_missing_directory())
}

fn failed() -> Result<Index, ScanError> {
    Err(ScanError::Incomplete)
}

fn panicked() -> Result<Index, ScanError> {
    std::panic::resume_unwind(Box::new("a bug in the scan"))
}

#[tokio::test(start_paused = true)]
async fn callers_at_the_same_time_share_one_scan() {
    let fixture = Fixture::new(INTERVAL);
    fixture.end(found);
    let answers = join_all((0..50).map(|_| fixture.answer())).await;
    let first = answers[0].as_ref().unwrap();
    assert!(
        answers
            .iter()
            .all(|answer| Arc::ptr_eq(answer.as_ref().unwrap(), first))
    );
    assert_eq!(fixture.scans(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_index_serves_for_the_interval_and_no_longer() {
    let fixture = Fixture::new(INTERVAL);
    fixture.end(found);
    fixture.answer().await.unwrap();
    tokio::time::advance(INTERVAL - INSTANT_BEFORE).await;
    fixture.answer().await.unwrap();
    assert_eq!(fixture.scans(), 1);

    tokio::time::advance(INSTANT_BEFORE).await;
    fixture.end(found);
    fixture.answer().await.unwrap();
    assert_eq!(fixture.scans(), 2);
}

#[tokio::test(start_paused = true)]
async fn without_an_interval_each_call_scans_once() {
    let fixture = Fixture::new(Duration::ZERO);
    for calls in 1..=3 {
        fixture.end(found);
        fixture.answer().await.unwrap();
        assert_eq!(fixture.scans(), calls);
    }
}

#[tokio::test(start_paused = true)]
async fn callers_that_come_and_go_while_a_scan_hangs_start_no_other() {
    let fixture = Fixture::new(INTERVAL);
    let mut stays = Box::pin(fixture.answer());
    assert!((&mut stays).now_or_never().is_none());
    for _ in 0..100 {
        assert!(fixture.answer().now_or_never().is_none());
        tokio::time::advance(INTERVAL * 2).await;
    }
    fixture.end(found);
    stays.await.unwrap();
    fixture.answer().await.unwrap();
    assert_eq!(fixture.scans(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_index_that_nobody_waited_for_is_not_passed_off_as_fresh() {
    let fixture = Fixture::new(INTERVAL);
    assert!(fixture.answer().now_or_never().is_none());
    fixture.end(found);
    // The thread of the scan lets go of it when it has noted the time of its end.
    while Arc::strong_count(&fixture.refresher.scan) > 1 {
        std::thread::yield_now();
    }
    tokio::time::advance(INTERVAL).await;
    fixture.end(found);
    fixture.answer().await.unwrap();
    assert_eq!(fixture.scans(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_answered_for_the_interval_and_then_tried_again() {
    let fixture = Fixture::new(INTERVAL);
    for (how, error) in [
        (failed as fn() -> _, ScanError::Incomplete),
        (panicked, ScanError::Aborted),
    ] {
        fixture.end(how);
        assert_eq!(fixture.answer().await.err(), Some(error));
        assert_eq!(fixture.answer().await.err(), Some(error));
        tokio::time::advance(INTERVAL).await;
    }
    fixture.end(found);
    assert!(fixture.answer().await.is_ok());
    assert_eq!(fixture.scans(), 3);
}

#[tokio::test(start_paused = true)]
async fn the_scan_after_a_failure_begins_with_the_last_index_there_was() {
    let answers = Mutex::new(vec![found(), failed(), found()]);
    let previous_diagnostics = Arc::new(Mutex::new(Vec::new()));
    let recorded = Arc::clone(&previous_diagnostics);
    let refresher = Refresher::new(INTERVAL, move |previous| {
        let diagnostics = previous.diagnostic_counts().diagnostics().len();
        recorded.lock().unwrap().push(diagnostics);
        answers.lock().unwrap().remove(0)
    });
    for _ in 0..3 {
        let _ = refresher.current().await;
        tokio::time::advance(INTERVAL).await;
    }
    assert_eq!(*previous_diagnostics.lock().unwrap(), [0, 1, 1]);
}
