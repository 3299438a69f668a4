//! A stop that comes while the end of a run is being stored.

use tokio::time::timeout;

use super::*;
use crate::{DeleteError, StopError};

/// A worker whose run has an end that is decided, and in the hands of the store.
async fn storing_an_end(fault: Fault, when: When) -> (Stored, WorkerId, Accepted) {
    let stored = Stored::new().await;
    let worker = stored.worker().await;
    let run = stored.send(worker, "a wait").await;
    stored.fixture.wait_for_output(worker, &run).await;
    stored.store.disturb(Operation::Commit, when, fault);
    let before = stored.store.commits();
    stored.fixture.engine.gate.notify_one();
    while stored.store.commits() == before {
        tokio::task::yield_now().await;
    }
    (stored, worker, run)
}

/// The run has ended as it was decided, and the worker is stopped, also for the next process.
async fn assert_stopped(stored: &Stored, worker: WorkerId, run: &Accepted) {
    let end = stored.fixture.wait_for_end(worker, run).await;
    assert_eq!(end, ended(RunOutcome::Completed));
    // A refused stop is tried again, on the paused clock.
    tokio::time::sleep(SECOND).await;
    let state = stored.snapshot(worker).await.state;
    assert_eq!(state, WorkerState::Stopped);
    let sent = stored.runtime().send_input(worker, Input::new("b")).await;
    let stopped = InputError::WorkerStopped { worker_id: worker };
    assert_eq!(sent, Err(stopped));
    let after = stored.after_a_crash().await;
    let found = after.snapshot(worker).await;
    assert_eq!(found.state, WorkerState::Stopped);
    assert_eq!(found.last_run.unwrap().outcome, RunOutcome::Completed);
}

const REFUSED: Fault = Fault::Fail(StoreErrorKind::Full);

#[tokio::test(start_paused = true)]
async fn it_stands_when_the_store_takes_the_end_later() {
    let (stored, worker, run) = storing_an_end(REFUSED, When::Every).await;
    let stopped = stored.runtime().stop(worker).await;
    assert!(matches!(stopped, Err(StopError::StillEnding(_))));
    let sent = stored.runtime().send_input(worker, Input::new("b")).await;
    let stopped = InputError::WorkerStopped { worker_id: worker };
    assert_eq!(sent, Err(stopped));
    stored.store.clear();
    assert_stopped(&stored, worker, &run).await;
}

#[tokio::test(start_paused = true)]
async fn it_stands_when_the_end_is_stored_without_it() {
    for fault in [Fault::Hang, Fault::HangAfterwards] {
        let (stored, worker, run) = storing_an_end(fault, When::Nth(1)).await;
        stored.store.hanging(1).await;
        let stopped = stored.runtime().stop(worker).await;
        assert!(matches!(stopped, Err(StopError::StillEnding(_))));
        // The stop has a commit of its own, which the store may refuse for a while.
        stored
            .store
            .disturb(Operation::Commit, When::Nth(1), REFUSED);
        stored.store.release();
        assert_stopped(&stored, worker, &run).await;
    }
}

#[tokio::test(start_paused = true)]
async fn it_stands_when_the_end_is_the_last_that_the_store_takes() {
    let (stored, worker, run) = storing_an_end(Fault::HangAfterwards, When::Nth(1)).await;
    stored.store.hanging(1).await;
    let stopped = stored.runtime().stop(worker).await;
    assert!(matches!(stopped, Err(StopError::StillEnding(_))));
    stored
        .store
        .disturb(Operation::Commit, When::Every, REFUSED);
    stored.store.release();
    let end = stored.fixture.wait_for_end(worker, &run).await;
    assert_eq!(end, ended(RunOutcome::Completed));
    tokio::time::sleep(10 * SECOND).await;
    assert_eq!(stored.snapshot(worker).await.state, WorkerState::Stopped);
    // Its store gets it as soon as it takes anything.
    stored.store.clear();
    tokio::time::sleep(10 * SECOND).await;
    assert_stopped(&stored, worker, &run).await;
}

#[tokio::test(start_paused = true)]
async fn it_stands_though_its_caller_goes_away() {
    let (stored, worker, run) = storing_an_end(REFUSED, When::Every).await;
    let stop = stored.runtime().stop(worker);
    assert!(timeout(SECOND, stop).await.is_err());
    stored.store.clear();
    assert_stopped(&stored, worker, &run).await;
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_could_not_be_deleted_in_time_is_stopped() {
    let (stored, worker, run) = storing_an_end(REFUSED, When::Every).await;
    let deleted = stored.runtime().delete(worker).await;
    assert!(matches!(deleted, Err(DeleteError::StillEnding(_))));
    stored.store.clear();
    assert_stopped(&stored, worker, &run).await;
    stored.runtime().delete(worker).await.unwrap();
}

/// Whatever keeps the end from being stored does not keep the worker.
#[tokio::test(start_paused = true)]
async fn a_worker_is_deleted_without_the_end_that_the_store_lacks() {
    let (stored, worker, run) = storing_an_end(REFUSED, When::Every).await;
    stored.fixture.wait_for_end(worker, &run).await;
    stored.store.clear();
    stored.runtime().delete(worker).await.unwrap();
    let last = stored.store.committed().pop();
    assert_eq!(last, Some(Change::Delete { worker_id: worker }));
    let ends = |change: &Change| matches!(change, Change::Finish(_));
    assert!(!stored.store.committed().iter().any(ends));
}

/// The store never takes the end while it is tried.
#[tokio::test(start_paused = true)]
async fn it_is_part_of_an_end_that_the_store_lacks() {
    let (stored, worker, run) = storing_an_end(REFUSED, When::Every).await;
    let stopped = stored.runtime().stop(worker).await;
    assert!(matches!(stopped, Err(StopError::StillEnding(_))));
    let end = stored.fixture.wait_for_end(worker, &run).await;
    assert_eq!(end.outcome, RunOutcome::Failed);
    assert_eq!(stored.snapshot(worker).await.state, WorkerState::Stopped);
    stored.store.clear();
    stored.runtime().stop(worker).await.unwrap();
    let after = stored.after_a_crash().await;
    assert_eq!(after.snapshot(worker).await.state, WorkerState::Stopped);
}
