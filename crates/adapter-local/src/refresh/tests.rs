//! Who waits for which scan, and what happens when a scan or a caller does not end well.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use futures_util::future::join_all;

use super::*;

const INTERVAL: Duration = Duration::from_secs(1);
const INSTANT_BEFORE: Duration = Duration::from_millis(1);

/// A refresher whose scans are counted, and end when the test says how.
struct Bench {
    refresher: Refresher,
    scans: Arc<AtomicUsize>,
    ends: mpsc::Sender<fn() -> Result<Index, ScanError>>,
}

impl Bench {
    fn new(interval: Duration) -> Self {
        let (ends, told) = mpsc::channel::<fn() -> Result<Index, ScanError>>();
        let told = Mutex::new(told);
        let scans = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&scans);
        let refresher = Refresher::new(interval, move |_| {
            counted.fetch_add(1, Ordering::SeqCst);
            let end = told.lock().unwrap_or_else(PoisonError::into_inner).recv();
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
    Ok(Index::of_missing_directory())
}

fn failed() -> Result<Index, ScanError> {
    Err(ScanError::Incomplete)
}

fn panicked() -> Result<Index, ScanError> {
    std::panic::resume_unwind(Box::new("a bug in the scan"))
}

#[tokio::test(start_paused = true)]
async fn callers_at_the_same_time_share_one_scan() {
    let bench = Bench::new(INTERVAL);
    bench.end(found);
    let answers = join_all((0..50).map(|_| bench.answer())).await;
    let first = answers[0].as_ref().unwrap();
    assert!(
        answers
            .iter()
            .all(|answer| Arc::ptr_eq(answer.as_ref().unwrap(), first))
    );
    assert_eq!(bench.scans(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_index_serves_for_the_interval_and_no_longer() {
    let bench = Bench::new(INTERVAL);
    bench.end(found);
    bench.answer().await.unwrap();
    tokio::time::advance(INTERVAL - INSTANT_BEFORE).await;
    bench.answer().await.unwrap();
    assert_eq!(bench.scans(), 1);

    tokio::time::advance(INSTANT_BEFORE).await;
    bench.end(found);
    bench.answer().await.unwrap();
    assert_eq!(bench.scans(), 2);
}

#[tokio::test(start_paused = true)]
async fn without_an_interval_each_call_scans_once() {
    let bench = Bench::new(Duration::ZERO);
    for calls in 1..=3 {
        bench.end(found);
        bench.answer().await.unwrap();
        assert_eq!(bench.scans(), calls);
    }
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_away_leaves_the_scan_to_the_others() {
    let bench = Bench::new(INTERVAL);
    let mut gone = Box::pin(bench.answer());
    let mut stays = Box::pin(bench.answer());
    assert!((&mut gone).now_or_never().is_none());
    assert!((&mut stays).now_or_never().is_none());
    drop(gone);
    bench.end(found);
    stays.await.unwrap();
    assert_eq!(bench.scans(), 1);
}

#[tokio::test(start_paused = true)]
async fn callers_that_come_and_go_while_a_scan_hangs_start_no_other() {
    let bench = Bench::new(INTERVAL);
    for _ in 0..100 {
        assert!(bench.answer().now_or_never().is_none());
        tokio::time::advance(INTERVAL * 2).await;
    }
    bench.end(found);
    bench.answer().await.unwrap();
    assert_eq!(bench.scans(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_index_that_nobody_waited_for_is_not_passed_off_as_fresh() {
    let bench = Bench::new(INTERVAL);
    assert!(bench.answer().now_or_never().is_none());
    bench.end(found);
    // The thread of the scan lets go of it when it has noted the time of its end.
    while Arc::strong_count(&bench.refresher.scan) > 1 {
        std::thread::yield_now();
    }
    tokio::time::advance(INTERVAL).await;
    bench.end(found);
    bench.answer().await.unwrap();
    assert_eq!(bench.scans(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_answered_for_the_interval_and_then_tried_again() {
    let bench = Bench::new(INTERVAL);
    for (how, error) in [
        (failed as fn() -> _, ScanError::Incomplete),
        (panicked, ScanError::Aborted),
    ] {
        bench.end(how);
        assert_eq!(bench.answer().await.err(), Some(error));
        assert_eq!(bench.answer().await.err(), Some(error));
        tokio::time::advance(INTERVAL).await;
    }
    bench.end(found);
    assert!(bench.answer().await.is_ok());
    assert_eq!(bench.scans(), 3);
}

#[tokio::test(start_paused = true)]
async fn the_scan_after_a_failure_begins_with_the_last_index_there_was() {
    let answers = Mutex::new(vec![found(), failed(), found()]);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let seen_by_scan = Arc::clone(&seen);
    let refresher = Refresher::new(INTERVAL, move |before| {
        let remarks = before.remarks().diagnostics().len();
        seen_by_scan.lock().unwrap().push(remarks);
        answers.lock().unwrap().remove(0)
    });
    for _ in 0..3 {
        let _ = refresher.current().await;
        tokio::time::advance(INTERVAL).await;
    }
    assert_eq!(*seen.lock().unwrap(), [0, 1, 1]);
}
