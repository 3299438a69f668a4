//! Who waits for which scan and for how long, and what happens when a scan or a caller does not end
//! well. Scans are real threads, so time stands still except where a test says otherwise.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use futures_util::FutureExt as _;
use futures_util::future::join_all;
use registry_core::WorkerId;
use testkit::clock::StoppedClock;

use super::*;
use crate::progress::Part;

const INTERVAL: Duration = Duration::from_secs(1);
const INSTANT_BEFORE: Duration = Duration::from_millis(1);

/// A refresher whose scans are counted, and end when the test says how.
struct Fixture {
    refresher: Refresher,
    scans: Arc<AtomicUsize>,
    ends: mpsc::Sender<fn() -> Result<Index, ScanError>>,
    _stopped_clock: StoppedClock,
}

impl Fixture {
    fn new(interval: Duration) -> Self {
        let (ends, receiver) = mpsc::channel::<fn() -> Result<Index, ScanError>>();
        let receiver = Mutex::new(receiver);
        let scans = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&scans);
        let refresher = Refresher::new(interval, move |_, _| {
            counted.fetch_add(1, Ordering::SeqCst);
            let end = receiver
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .recv();
            end.map_or(Err(ScanError::Aborted), |end| end())
        });
        Self {
            refresher,
            scans,
            ends,
            _stopped_clock: StoppedClock::new(),
        }
    }

    /// Lets one scan end so: the running one, or else the next.
    fn end(&self, how: fn() -> Result<Index, ScanError>) {
        self.ends.send(how).unwrap();
    }

    fn scans(&self) -> usize {
        self.scans.load(Ordering::SeqCst)
    }

    /// The codes of the diagnostics, or the error.
    async fn answer(&self) -> Result<Vec<String>, ScanError> {
        let records = self.refresher.current().await?;
        let diagnostics = records.diagnostic_counts().diagnostics();
        let codes = diagnostics.iter().map(|each| each.code.to_string());
        Ok(codes.collect())
    }

    /// The answer that there is without waiting.
    fn answer_now(&self) -> Option<Result<Vec<String>, ScanError>> {
        self.answer().now_or_never()
    }

    /// Waits until the refresh has ended.
    async fn ended(&self) {
        let mut refresh = self.refresher.join();
        refresh.ended.wait_for(Option::is_some).await.unwrap();
    }
}

/// Lets time pass, and the tasks that waited for it run.
async fn pass(time: Duration) {
    tokio::time::advance(time).await;
    for _ in 0..10 {
        tokio::task::yield_now().await;
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

fn fresh() -> Result<Vec<String>, ScanError> {
    Ok(vec!["local_data_missing".to_owned()])
}

fn stale() -> Result<Vec<String>, ScanError> {
    Ok(vec!["local_records_stale".to_owned()])
}

#[tokio::test(start_paused = true)]
async fn callers_at_the_same_time_share_one_scan() {
    let fixture = Fixture::new(INTERVAL);
    fixture.end(found);
    let answers = join_all((0..50).map(|_| fixture.answer())).await;
    assert!(answers.iter().all(|answer| *answer == fresh()));
    assert_eq!(fixture.scans(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_index_serves_for_the_interval_and_no_longer() {
    let fixture = Fixture::new(INTERVAL);
    fixture.end(found);
    fixture.answer().await.unwrap();
    pass(INTERVAL - INSTANT_BEFORE).await;
    fixture.answer().await.unwrap();
    assert_eq!(fixture.scans(), 1);

    pass(INSTANT_BEFORE).await;
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
async fn while_a_scan_hangs_callers_are_answered_at_once_and_start_no_other() {
    let fixture = Fixture::new(INTERVAL);
    let mut first = Box::pin(fixture.answer());
    assert!((&mut first).now_or_never().is_none());
    pass(ANSWER_PATIENCE + INSTANT_BEFORE).await;
    assert_eq!(first.await, Err(ScanError::Late));
    for _ in 0..100 {
        assert_eq!(fixture.answer_now(), Some(Err(ScanError::Late)));
        pass(INTERVAL * 2).await;
    }
    fixture.end(found);
    fixture.ended().await;
    assert_eq!(fixture.answer_now(), Some(fresh()));
    assert_eq!(fixture.scans(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_hung_answers_with_its_last_records_until_it_is_well() {
    let fixture = Fixture::new(INTERVAL);
    fixture.end(found);
    assert_eq!(fixture.answer().await, fresh());
    pass(INTERVAL).await;

    let mut waits = Box::pin(fixture.answer());
    assert!((&mut waits).now_or_never().is_none());
    pass(ANSWER_PATIENCE + INSTANT_BEFORE).await;
    assert_eq!(waits.await, stale());
    assert_eq!(fixture.answer_now(), Some(stale()));
    // As a network file system does that gives up.
    fixture.end(failed);
    fixture.ended().await;
    assert_eq!(fixture.answer_now(), Some(stale()));

    // Nobody waits for the scan after one that hung.
    pass(INTERVAL).await;
    assert_eq!(fixture.answer_now(), Some(stale()));
    fixture.end(found);
    fixture.ended().await;
    assert_eq!(fixture.answer_now(), Some(fresh()));
    assert_eq!(fixture.scans(), 3);

    pass(INTERVAL).await;
    assert_eq!(
        fixture.answer_now(),
        None,
        "it is well, and waited for again"
    );
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_answered_for_the_interval_and_then_tried_again() {
    let fixture = Fixture::new(INTERVAL);
    for (how, error) in [
        (failed as fn() -> _, ScanError::Incomplete),
        (panicked, ScanError::Aborted),
    ] {
        fixture.end(how);
        assert_eq!(fixture.answer().await, Err(error));
        assert_eq!(fixture.answer().await, Err(error));
        pass(INTERVAL).await;
    }
    fixture.end(found);
    assert_eq!(fixture.answer().await, fresh());
    pass(INTERVAL).await;
    fixture.end(failed);
    assert_eq!(fixture.answer().await, stale());
    assert_eq!(fixture.scans(), 4);
}

#[tokio::test(start_paused = true)]
async fn the_scan_after_a_failure_begins_with_the_last_index_there_was() {
    let _stopped_clock = StoppedClock::new();
    let answers = Mutex::new(vec![found(), failed(), found()]);
    let previous_diagnostics = Arc::new(Mutex::new(Vec::new()));
    let recorded = Arc::clone(&previous_diagnostics);
    let refresher = Refresher::new(INTERVAL, move |previous, _| {
        let diagnostics = previous.diagnostic_counts().diagnostics().len();
        recorded.lock().unwrap().push(diagnostics);
        answers.lock().unwrap().remove(0)
    });
    for _ in 0..3 {
        let _ = refresher.current().await;
        pass(INTERVAL).await;
    }
    assert_eq!(*previous_diagnostics.lock().unwrap(), [0, 1, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_scan_that_hangs_at_a_record_is_left_behind_until_it_goes_on() {
    let _stopped_clock = StoppedClock::new();
    let (go_on, hung) = mpsc::channel::<()>();
    let (hung, begins) = (Mutex::new(hung), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&begins);
    let refresher = Refresher::new(INTERVAL, move |_, progress| {
        let part = Part::Record("dead".parse::<WorkerId>().unwrap());
        if progress.enter(part) {
            counted.fetch_add(1, Ordering::SeqCst);
            let _ = hung.lock().unwrap().recv();
        }
        found()
    });
    let mut waits = Box::pin(refresher.current());
    assert!((&mut waits).now_or_never().is_none());
    while begins.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    for _ in 0..2 {
        assert!((&mut waits).now_or_never().is_none());
        pass(PART_PATIENCE + INSTANT_BEFORE).await;
    }
    assert!(waits.await.is_ok());
    pass(INTERVAL).await;
    refresher.current().await.unwrap();
    assert_eq!(begins.load(Ordering::SeqCst), 1, "it was left out");

    drop(go_on);
    while !refresher.scans.left_behind.parts().is_empty() {
        tokio::task::yield_now().await;
    }
    pass(INTERVAL).await;
    refresher.current().await.unwrap();
    assert_eq!(begins.load(Ordering::SeqCst), 2, "it is looked at again");
}
