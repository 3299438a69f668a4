//! A store that takes its time.

use futures_util::FutureExt as _;

use super::*;
use crate::{Cancellation, IdempotencyKey, UnknownWorker};

/// A worker whose next change hangs.
async fn hanging() -> (Stored, WorkerId) {
    let stored = Stored::new().await;
    let worker = stored.worker().await;
    stored
        .store
        .disturb(Operation::Commit, When::Nth(1), Fault::Hang);
    (stored, worker)
}

fn keyed(content: &str) -> Input {
    let key: IdempotencyKey = "once".parse().unwrap();
    Input {
        content: content.into(),
        idempotency_key: Some(key),
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_sees_an_input_before_it_is_stored_and_other_workers_go_on() {
    let (stored, worker) = hanging().await;
    let (runtime, other) = (stored.runtime(), stored.snapshot(worker).await);
    let mut sent = std::pin::pin!(runtime.send_input(worker, keyed("a")));
    assert!(sent.as_mut().now_or_never().is_none());
    stored.store.hanging(1).await;

    assert_eq!(stored.snapshot(worker).await, other);
    assert!(stored.lines(worker).await.is_empty());
    let busy = runtime.send_input(worker, Input::new("b")).await;
    let Err(InputError::Busy { run_id, .. }) = busy else {
        panic!("{busy:?}");
    };
    let conflict = runtime.send_input(worker, keyed("b")).await;
    assert!(matches!(
        conflict,
        Err(InputError::IdempotencyConflict { .. })
    ));
    let free = stored.worker().await;
    assert_eq!(
        stored.complete(free, "a").await,
        ended(RunOutcome::Completed)
    );

    // The same input again, and a cancel, wait for it.
    let mut again = std::pin::pin!(runtime.send_input(worker, keyed("a")));
    assert!(again.as_mut().now_or_never().is_none());
    let mut cancelled = std::pin::pin!(runtime.cancel(worker, Some(run_id)));
    assert!(cancelled.as_mut().now_or_never().is_none());
    stored.store.release();
    let (sent, again, cancelled) = tokio::join!(sent, again, cancelled);
    let (sent, again) = (sent.unwrap(), again.unwrap());
    assert_eq!(
        (sent.run_id, again.run_id, again.replayed),
        (run_id, run_id, true)
    );
    // The run may have been over before the cancel came to it.
    let cancelled = cancelled.unwrap();
    assert!([Cancellation::NotRunning, Cancellation::Cancelled { run_id }].contains(&cancelled));
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_away_leaves_nothing_half_done() {
    let (stored, worker) = hanging().await;
    let gone = stored
        .runtime()
        .send_input(worker, keyed("a"))
        .now_or_never();
    assert!(gone.is_none());
    stored.store.hanging(1).await;
    stored.store.release();
    let again = stored
        .runtime()
        .send_input(worker, keyed("a"))
        .await
        .unwrap();
    assert!(again.replayed);
    let end = stored.fixture.wait_for_end(worker, &again).await;
    assert_eq!(end, ended(RunOutcome::Completed));

    stored
        .store
        .disturb(Operation::Commit, When::Nth(1), Fault::Hang);
    let gone = stored.runtime().delete(worker).now_or_never();
    assert!(gone.is_none());
    stored.store.hanging(1).await;
    stored.store.release();
    while stored.runtime().get(worker).await.is_ok() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_the_store_has_just_deleted_is_unknown_and_not_unreadable() {
    let (before, worker) = hanging().await;
    before.store.clear();
    let stored = before.after_a_crash().await;
    stored
        .store
        .disturb(Operation::Commit, When::Nth(1), Fault::HangAfterwards);
    let read_meanwhile = async {
        stored.store.hanging(1).await;
        let mut read = std::pin::pin!(stored.runtime().get(worker));
        assert!((&mut read).now_or_never().is_none());
        stored.store.release();
        read.await
    };
    let (deleted, read) = tokio::join!(stored.runtime().delete(worker), read_meanwhile);
    deleted.unwrap();
    assert_eq!(read, Err(UnknownWorker { worker_id: worker }.into()));
}

#[tokio::test(start_paused = true)]
async fn two_creations_under_one_key_make_one_worker() {
    let stored = Stored::new().await;
    stored
        .store
        .disturb(Operation::Commit, When::Nth(1), Fault::Hang);
    let request = CreateWorker {
        idempotency_key: Some("once".parse().unwrap()),
        ..CreateWorker::default()
    };
    let other = CreateWorker {
        display_name: Some("Ada".into()),
        ..request.clone()
    };
    let runtime = stored.runtime();
    let release = async {
        stored.store.hanging(1).await;
        let conflict = runtime.create(other).await;
        assert_eq!(conflict, Err(crate::CreateError::IdempotencyConflict));
        assert_eq!(runtime.status().workers.total(), 0);
        stored.store.release();
    };
    let (one, two, ()) = tokio::join!(
        runtime.create(request.clone()),
        runtime.create(request.clone()),
        release
    );
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_eq!(one.worker.id, two.worker.id);
    assert_eq!((one.replayed, two.replayed), (false, true));
    assert_eq!(runtime.status().workers.total(), 1);
}

#[tokio::test(start_paused = true)]
async fn deltas_flow_while_the_store_hangs() {
    let stored = Stored::new().await;
    let worker = stored.worker().await;
    let run = stored.send(worker, "a wait b wait c").await;
    stored.fixture.wait_for_output(worker, &run).await;
    // The draft hangs.
    stored
        .store
        .disturb(Operation::Commit, When::Nth(1), Fault::Hang);
    stored.store.hanging(1).await;
    stored.fixture.engine.gate.notify_one();
    let said_b =
        |kind: &EventKind| matches!(kind, EventKind::OutputDelta { text, .. } if text == "b");
    stored.fixture.until(worker, run.cursor, said_b).await;
    stored.fixture.engine.gate.notify_one();
    let said_c =
        |kind: &EventKind| matches!(kind, EventKind::OutputDelta { text, .. } if text == "c");
    stored.fixture.until(worker, run.cursor, said_c).await;
    assert_eq!(stored.snapshot(worker).await.state, WorkerState::Running);
    stored.store.release();
    let end = stored.fixture.wait_for_end(worker, &run).await;
    assert_eq!(end, ended(RunOutcome::Completed));
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_waits_for_an_input_that_is_being_stored_and_interrupts_it() {
    let (stored, worker) = hanging().await;
    let runtime = stored.runtime();
    let release = async {
        stored.store.hanging(1).await;
        stored.store.release();
    };
    let shutdown = async {
        stored.store.hanging(1).await;
        runtime.shutdown(20 * SECOND).await
    };
    let sent = runtime.send_input(worker, Input::new("hang"));
    let (sent, report, ()) = tokio::join!(sent, shutdown, release);
    let end = stored.fixture.wait_for_end(worker, &sent.unwrap()).await;
    assert_eq!(end, failed(RunErrorCode::Interrupted));
    assert_eq!(report.cancelled.len(), 1);
}
