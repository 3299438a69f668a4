//! Runs that the end of an earlier process cut off, and lists that are read meanwhile.

use super::*;
use crate::{EventsError, ListQuery};

/// Workers whose runs hang.
async fn hanging_workers(count: usize) -> (Stored, Vec<WorkerId>) {
    let stored = Stored::new().await;
    let mut workers = Vec::new();
    for _ in 0..count {
        let worker = stored.worker().await;
        stored.send(worker, "hang").await;
        workers.push(worker);
    }
    (stored, workers)
}

fn outcome(snapshot: &WorkerSnapshot) -> Option<RunOutcome> {
    snapshot.last_run.map(|run| run.outcome)
}

#[tokio::test(start_paused = true)]
async fn they_all_end_at_a_start_that_has_few_places() {
    let (before, workers) = hanging_workers(12).await;
    // As slow as a disk, so that others begin before the first has ended.
    let slow = Fault::Yield(8);
    before.store.disturb(Operation::Read, When::Every, slow);
    let limits = Limits {
        workers: 2,
        ..Limits::default()
    };
    let after = Stored::open(Arc::clone(&before.store), limits).await;
    let list = after.runtime().list(ListQuery::default()).await.unwrap();
    assert_eq!(list.workers.len(), workers.len());
    let ended = |worker| outcome(worker) == Some(RunOutcome::Failed);
    assert!(list.workers.iter().all(ended), "{list:?}");
}

#[tokio::test(start_paused = true)]
async fn an_end_that_comes_after_the_start_is_no_secret_to_readers() {
    let (before, workers) = hanging_workers(1).await;
    before.fail(When::Every, StoreErrorKind::Full);
    let after = before.after_a_crash().await;
    let (runtime, worker) = (after.runtime(), workers[0]);
    after.store.clear();
    let transcript = || runtime.transcript(worker, TranscriptQuery::default());
    let page = transcript().await.unwrap();
    let query = EventsQuery {
        after: Some(page.cursor),
        ..EventsQuery::default()
    };
    // This loads the worker, which ends its run.
    let missed = runtime.events(worker, query).await;
    assert!(matches!(missed, Err(EventsError::Expired(_))), "{missed:?}");
    let again = transcript().await.unwrap();
    assert_ne!(again.cursor, page.cursor);
    assert_eq!(
        outcome(&after.snapshot(worker).await),
        Some(RunOutcome::Failed)
    );
}

#[tokio::test(start_paused = true)]
async fn a_list_shows_no_worker_in_another_state_than_it_was_asked_for() {
    let before = Stored::new().await;
    let worker = before.worker().await;
    let after = before.after_a_crash().await;
    let idle = ListQuery {
        state: Some(WorkerState::Idle),
        ..ListQuery::default()
    };
    after
        .store
        .disturb(Operation::Read, When::Nth(1), Fault::Hang);
    let stop = async {
        after.store.hanging(1).await;
        after.runtime().stop(worker).await.unwrap();
        after.store.release();
    };
    let (list, ()) = tokio::join!(after.runtime().list(idle), stop);
    assert_eq!(list.unwrap().workers, []);
}
