//! What deleting must do.

use super::{Fixture, Subject, assert_unsupported, input, long_input};
use crate::capability::Capability;
use crate::error::RegistryError;
use crate::id::WorkerRef;
use crate::port::{CancelTarget, CreateWorker, EVENT_WAIT_MAX, EventWait, EventsQuery, Replay};

/// A deleted worker is in no list and unknown to every operation, whatever its state was; other
/// workers stay.
pub async fn a_deleted_worker_is_unknown_and_a_second_delete_says_so(subject: &dyn Subject) {
    let fixture = Fixture::with_workers(subject, 3).await;
    let workers = fixture.all_workers(50).await;
    let result = fixture.registry.delete(&fixture.any_worker().await).await;
    if !fixture.can(Capability::DeleteWorker).await {
        assert_unsupported(result, Capability::DeleteWorker);
        assert_eq!(fixture.all_workers(50).await, workers);
        let can = |w: &crate::projection::WorkerSummary| {
            w.capabilities.contains(Capability::DeleteWorker)
        };
        assert!(!workers.iter().any(can));
        return;
    }
    result.expect("an idle worker is deleted");
    assert_unknown(&fixture, &fixture.reference(&workers[0].worker_id)).await;
    assert_eq!(fixture.all_workers(50).await, workers[1..]);

    let stopped = fixture.reference(&workers[1].worker_id);
    let detail = fixture.registry.stop(&stopped).await.expect("stopped");
    assert!(
        detail
            .summary
            .capabilities
            .contains(Capability::DeleteWorker)
    );
    let deleted = fixture.registry.delete(&stopped).await;
    deleted.expect("a stopped worker is deleted");
    assert_unknown(&fixture, &stopped).await;
    assert_eq!(fixture.all_workers(50).await, workers[2..]);
}

/// A delete ends the active run, and whoever waits for the worker's events is answered long
/// before the wait is over.
pub async fn deleting_a_running_worker_ends_its_run_and_answers_its_readers(subject: &dyn Subject) {
    let fixture = Fixture::with_workers(subject, 1).await;
    let worker = fixture.any_worker().await;
    let sent = fixture.registry.send_input(&worker, long_input()).await;
    if !fixture.can(Capability::DeleteWorker).await {
        let deleted = fixture.registry.delete(&worker).await;
        assert_unsupported(deleted, Capability::DeleteWorker);
        return;
    }
    if !fixture.can(Capability::SendInput).await {
        assert_unsupported(sent, Capability::SendInput);
        return;
    }
    sent.expect("accepted");
    let reader = follow_to_the_end(&fixture, &worker);
    let delete = fixture.registry.delete(&worker);
    let both = futures_util::future::join(reader, delete);
    let ((), deleted) = tokio::time::timeout(EVENT_WAIT_MAX / 2, both)
        .await
        .expect("the reader is answered when the worker is deleted");
    deleted.expect("a running worker is deleted");
    assert_unknown(&fixture, &worker).await;
    let runtime = fixture.registry.runtime(&fixture.runtime_id).await;
    let counts = runtime.expect("registered").counts.expect("available");
    assert_eq!(counts.active_runs, 0);
}

/// The same create after the delete makes another worker, and the first one stays unknown.
pub async fn deleting_frees_the_key_that_the_worker_was_created_under(subject: &dyn Subject) {
    let fixture = Fixture::with_workers(subject, 0).await;
    let request = || CreateWorker {
        idempotency_key: Some("one-attempt".parse().expect("a key")),
        ..CreateWorker::default()
    };
    let registry = &fixture.registry;
    let first = registry.create_worker(&fixture.runtime_id, request()).await;
    if !fixture.can(Capability::CreateWorker).await {
        assert_unsupported(first, Capability::CreateWorker);
        return;
    }
    let first = first.expect("a worker").worker.summary;
    let deleted = fixture.reference(&first.worker_id);
    registry.delete(&deleted).await.expect("deleted");
    let again = registry
        .create_worker(&fixture.runtime_id, request())
        .await
        .expect("a worker");
    assert_eq!(again.replay, Replay::First);
    assert_ne!(again.worker.summary.worker_id, first.worker_id);
    assert_unknown(&fixture, &deleted).await;
}

/// Reads the worker's events, waiting for each, until no more can come: the worker is stopped, or
/// unknown already.
async fn follow_to_the_end(fixture: &Fixture, worker: &WorkerRef) {
    let mut query = EventsQuery {
        wait: EventWait::MAX,
        ..EventsQuery::default()
    };
    loop {
        match fixture.registry.events(worker, &query).await {
            Ok(batch) if batch.events.is_empty() => return,
            Ok(batch) => query.after = Some(batch.next_cursor),
            Err(RegistryError::UnknownWorker { .. }) => return,
            Err(other) => panic!("a reader of a deleted worker got {other:?}"),
        }
    }
}

async fn assert_unknown(fixture: &Fixture, worker: &WorkerRef) {
    let registry = &fixture.registry;
    let name = "A name".parse().expect("a display name");
    let refusals = [
        registry.worker(worker).await.err(),
        registry.send_input(worker, input("hello")).await.err(),
        registry.cancel(worker, CancelTarget::ActiveRun).await.err(),
        registry.stop(worker).await.err(),
        registry.rename(worker, name).await.err(),
        registry.delete(worker).await.err(),
        registry.transcript(worker, &Default::default()).await.err(),
        registry.events(worker, &EventsQuery::default()).await.err(),
    ];
    for refusal in refusals {
        assert!(
            matches!(refusal, Some(RegistryError::UnknownWorker { .. })),
            "{refusal:?}"
        );
    }
}
