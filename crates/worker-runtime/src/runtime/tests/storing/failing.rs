//! A store that refuses changes or can't be read.

use super::*;
use crate::{
    CapacityExhausted, CreateError, DeleteError, LimitName, ReadError, RenameError, StopError,
};

const FULL: StoreErrorKind = StoreErrorKind::Full;

#[tokio::test(start_paused = true)]
async fn an_operation_that_the_store_refuses_changes_nothing() {
    let stored = Stored::new().await;
    let runtime = stored.runtime();
    let worker = stored.worker().await;
    stored.complete(worker, "a").await;
    let was = stored.snapshot(worker).await;
    stored.fail(When::Every, FULL);

    let full = unavailable(FULL);
    let create = CreateWorker {
        idempotency_key: Some("once".parse().unwrap()),
        ..CreateWorker::default()
    };
    let created = runtime.create(create.clone()).await;
    assert_eq!(created, Err(CreateError::Store(full)));
    let sent = runtime.send_input(worker, Input::new("b")).await;
    assert_eq!(sent, Err(InputError::Store(full)));
    let renamed = runtime.rename(worker, "Bob").await;
    assert_eq!(renamed, Err(RenameError::Store(full)));
    assert_eq!(runtime.stop(worker).await, Err(StopError::Store(full)));
    assert_eq!(runtime.delete(worker).await, Err(DeleteError::Store(full)));
    assert_eq!(stored.snapshot(worker).await, was);
    let status = runtime.status();
    assert_eq!((status.workers.total(), status.active_runs), (1, 0));
    assert_eq!(status.store.unwrap().failure, Some(FULL));

    stored.store.clear();
    assert!(!runtime.create(create).await.unwrap().replayed);
    assert_eq!(runtime.status().store.unwrap().failure, None);
    assert_eq!(
        stored.complete(worker, "b").await,
        ended(RunOutcome::Completed)
    );
    runtime.rename(worker, "Bob").await.unwrap();
    runtime.delete(worker).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_store_that_works_again_is_noticed_without_a_request() {
    let stored = Stored::new().await;
    let worker = stored.worker().await;
    stored.fail(When::Every, StoreErrorKind::Lost);
    stored.runtime().rename(worker, "Bob").await.unwrap_err();
    tokio::time::sleep(60 * SECOND).await;
    let failure = || stored.runtime().status().store.unwrap().failure;
    assert_eq!(failure(), Some(StoreErrorKind::Lost));
    stored.store.clear();
    tokio::time::sleep(60 * SECOND).await;
    assert_eq!(failure(), None);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_run_is_tried_again_while_the_worker_runs() {
    let stored = Stored::new().await;
    let worker = stored.worker().await;
    let run = stored.send(worker, "a wait").await;
    stored.fixture.wait_for_output(worker, &run).await;
    stored.fail(When::Every, FULL);
    stored.fixture.engine.gate.notify_one();
    tokio::time::sleep(3 * SECOND).await;
    assert_eq!(stored.snapshot(worker).await.state, WorkerState::Running);
    let busy = stored.runtime().send_input(worker, Input::new("b")).await;
    assert!(matches!(busy, Err(InputError::Busy { .. })), "{busy:?}");
    // It is too late to cancel it.
    let (cancelled, ()) = tokio::join!(stored.runtime().cancel(worker, None), async {
        stored.store.clear();
    });
    assert_eq!(cancelled, Ok(crate::Cancellation::NotRunning));
    let end = stored.fixture.wait_for_end(worker, &run).await;
    assert_eq!(end, ended(RunOutcome::Completed));
}

#[tokio::test(start_paused = true)]
async fn a_run_whose_end_is_refused_for_long_fails_and_is_stored_later() {
    let stored = Stored::new().await;
    let worker = stored.worker().await;
    let run = stored.send(worker, "a wait").await;
    stored.fixture.wait_for_output(worker, &run).await;
    stored.fail(When::Every, FULL);
    stored.fixture.engine.gate.notify_one();
    let end = stored.fixture.wait_for_end(worker, &run).await;
    assert_eq!(end, failed(RunErrorCode::StoreFailed));
    assert_eq!(stored.lines(worker).await[1], "assistant:a…");
    let refused = stored.runtime().send_input(worker, Input::new("b")).await;
    assert_eq!(refused, Err(InputError::Store(unavailable(FULL))));

    stored.store.clear();
    tokio::time::sleep(10 * SECOND).await;
    let after = stored.after_a_crash().await;
    let last = after.snapshot(worker).await.last_run;
    assert_eq!(last, stored.snapshot(worker).await.last_run);
    assert_eq!(after.lines(worker).await, stored.lines(worker).await);
}

#[tokio::test(start_paused = true)]
async fn a_cancel_is_not_confirmed_whose_run_the_store_lets_fail() {
    let stored = Stored::with(Limits {
        cancel_wait: 60 * SECOND,
        ..Limits::default()
    })
    .await;
    let worker = stored.worker().await;
    let run = stored.send(worker, "a hang").await;
    stored.fixture.wait_for_output(worker, &run).await;
    stored.fail(When::Every, FULL);
    let cancelled = stored.runtime().cancel(worker, None).await;
    let failed = unavailable(StoreErrorKind::Failed);
    assert_eq!(cancelled, Err(crate::CancelError::Store(failed)));
}

#[tokio::test(start_paused = true)]
async fn the_next_change_takes_an_end_along_that_was_refused() {
    let stored = Stored::new().await;
    let worker = stored.worker().await;
    let run = stored.send(worker, "a wait").await;
    stored.fail(When::Every, FULL);
    stored.fixture.engine.gate.notify_one();
    stored.fixture.wait_for_end(worker, &run).await;
    stored.store.clear();
    let end = stored.complete(worker, "b").await;
    assert_eq!(end, ended(RunOutcome::Completed));
    let lines = ["user:a wait", "assistant:a…", "user:b", "assistant:b"];
    assert_eq!(stored.lines(worker).await, lines);
    let after = stored.after_a_crash().await;
    assert_eq!(after.lines(worker).await, lines);
}

#[tokio::test(start_paused = true)]
async fn a_stop_is_not_answered_before_the_store_has_the_end_of_the_run() {
    let stored = Stored::new().await;
    let worker = stored.worker().await;
    stored.send(worker, "hang").await;
    stored.fail(When::Every, FULL);
    let stopped = stored.runtime().stop(worker).await;
    assert!(matches!(stopped, Err(StopError::StillEnding(_))));
    tokio::time::sleep(5 * SECOND).await;
    // It has ended in memory alone.
    assert_eq!(stored.snapshot(worker).await.state, WorkerState::Stopped);
    let again = stored.runtime().stop(worker).await;
    assert_eq!(again, Err(StopError::Store(unavailable(FULL))));

    stored.store.clear();
    stored.runtime().stop(worker).await.unwrap();
    let after = stored.after_a_crash().await;
    assert_eq!(after.snapshot(worker).await.state, WorkerState::Stopped);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_cannot_be_read_is_reported_and_workers_in_memory_go_on() {
    let before = Stored::new().await;
    let worker = before.worker().await;
    let after = before.after_a_crash().await;
    let runtime = after.runtime();
    let resident = after.worker().await;
    let failed = unavailable(StoreErrorKind::Failed);
    let fault = Fault::Fail(StoreErrorKind::Failed);
    after.store.disturb(Operation::Read, When::Every, fault);

    assert_eq!(runtime.get(worker).await, Err(ReadError::Store(failed)));
    let page = runtime.transcript(worker, TranscriptQuery::default()).await;
    assert_eq!(page, Err(ReadError::Store(failed)));
    assert_eq!(runtime.list(crate::ListQuery::default()).await, Err(failed));
    let sent = runtime.send_input(worker, Input::new("a")).await;
    assert_eq!(sent, Err(InputError::Store(failed)));
    assert_eq!(
        after.complete(resident, "a").await,
        ended(RunOutcome::Completed)
    );
    after.store.clear();
    assert_eq!(
        after.complete(worker, "a").await,
        ended(RunOutcome::Completed)
    );
}

#[tokio::test(start_paused = true)]
async fn a_conversation_that_lacks_entries_is_refused() {
    let before = Stored::new().await;
    let worker = before.worker().await;
    before.complete(worker, "a").await;
    let after = before.after_a_crash().await;
    after
        .store
        .disturb(Operation::Read, When::Nth(1), Fault::Tear(0));
    let sent = after.runtime().send_input(worker, Input::new("b")).await;
    let failed = unavailable(StoreErrorKind::Failed);
    assert_eq!(sent, Err(InputError::Store(failed)));
    assert_eq!(
        after.complete(worker, "b").await,
        ended(RunOutcome::Completed)
    );
}

#[tokio::test(start_paused = true)]
async fn a_run_that_was_cut_off_ends_later_if_the_store_refuses_its_end_at_the_start() {
    let before = Stored::new().await;
    let worker = before.worker().await;
    before.send(worker, "hang").await;
    before.fail(When::Every, FULL);
    let after = before.after_a_crash().await;
    assert_eq!(after.runtime().status().store.unwrap().failure, Some(FULL));
    let refused = after.runtime().send_input(worker, Input::new("a")).await;
    assert_eq!(refused, Err(InputError::Store(unavailable(FULL))));
    after.store.clear();
    after.complete(worker, "a").await;
    assert_eq!(
        after.lines(worker).await,
        ["user:hang?", "user:a", "assistant:a"]
    );
}

#[tokio::test(start_paused = true)]
async fn no_more_workers_are_created_than_the_store_may_have() {
    let stored = Stored::with(Limits {
        workers: 2,
        stored_workers: 3,
        ..Limits::default()
    })
    .await;
    let first = stored.worker().await;
    stored.worker().await;
    stored.worker().await;
    stored.runtime().stop(first).await.unwrap();
    let refused = stored.runtime().create(CreateWorker::default()).await;
    let limit = LimitName::StoredWorkers;
    let full = CapacityExhausted { limit };
    assert_eq!(refused, Err(CreateError::Capacity(full)));
    stored.runtime().delete(first).await.unwrap();
    stored.worker().await;
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_cannot_be_read_can_be_deleted() {
    let before = Stored::new().await;
    let request = CreateWorker {
        idempotency_key: Some("once".parse().unwrap()),
        ..CreateWorker::default()
    };
    let worker = before
        .runtime()
        .create(request.clone())
        .await
        .unwrap()
        .worker
        .id;
    let after = before.after_a_crash().await;
    let fault = Fault::Fail(StoreErrorKind::Failed);
    after.store.disturb(Operation::Read, When::Every, fault);
    after.runtime().delete(worker).await.unwrap();
    assert_eq!(after.runtime().status().workers.total(), 0);
    let created = after.runtime().create(request).await.unwrap();
    assert!(!created.replayed);
    let gone = after.runtime().delete(worker).await;
    let unknown = UnknownWorker { worker_id: worker };
    assert_eq!(gone, Err(unknown.into()));
}

/// Memory has the last two entries, and the store not all of what they say.
#[tokio::test(start_paused = true)]
async fn pages_show_the_end_that_the_store_lacks() {
    use crate::TranscriptPosition::{After, Before, Newest};
    let start = ["user:a", "assistant:a"];
    for (input, end) in [
        ("b wait", &["user:b wait", "assistant:b…"][..]),
        ("wait", &["user:wait?"][..]),
    ] {
        let stored = Stored::with(Limits {
            transcript_entries: 2,
            ..Limits::default()
        })
        .await;
        let worker = stored.worker().await;
        stored.complete(worker, "a").await;
        let run = stored.send(worker, input).await;
        stored.fail(When::Every, FULL);
        stored.fixture.engine.gate.notify_one();
        stored.fixture.wait_for_end(worker, &run).await;
        let lines = [&start, end].concat();
        let last = lines.len();
        let pages = [
            (Newest, 9, 0..last),
            (Newest, 1, last - 1..last),
            (After(0), 1, 0..1),
            (After(0), 3, 0..3),
            (After(0), 9, 0..last),
            (After(2), 9, 2..last),
            (Before(9), 3, last - 3..last),
            (Before(3), 9, 0..2),
            (Before(4), 9, 0..3),
        ];
        for (position, limit, from_to) in pages {
            let query = TranscriptQuery {
                position,
                limit: Some(limit),
            };
            let page = stored.runtime().transcript(worker, query).await.unwrap();
            assert_eq!(page.has_later, from_to.end < last, "{query:?}");
            assert_eq!(transcript_lines(&page.entries), lines[from_to], "{query:?}");
        }
    }
}
