//! What sending input must do.

use super::{Fixture, Subject, assert_unsupported, input, long_input};
use crate::capability::Capability;
use crate::error::RegistryError;
use crate::port::{EventsQuery, Input, Replay, TranscriptQuery};
use crate::projection::{EntryRole, EventKind, RunOutcome, WorkerState};

/// An input becomes an entry, a run, one end and a reply that follows the input.
pub async fn an_input_is_answered_by_one_run(subject: &dyn Subject) {
    let fixture = Fixture::with_workers(subject, 1).await;
    let worker = fixture.any_worker().await;
    let sent = fixture
        .registry
        .send_input(&worker, input("hello there"))
        .await;
    if !fixture.can(Capability::SendInput).await {
        assert_unsupported(sent, Capability::SendInput);
        return;
    }
    let sent = sent.expect("accepted");
    assert_eq!(sent.replay, Replay::First);
    let query = EventsQuery {
        after: Some(sent.accepted.cursor),
        ..EventsQuery::default()
    };
    let events = fixture.until_finished(&worker, query).await;
    let Some(EventKind::RunFinished {
        run_id,
        outcome,
        sequence,
        ..
    }) = events.last().map(|event| &event.kind)
    else {
        panic!("the run's last event is its end: {events:?}");
    };
    assert_eq!(
        (run_id, *outcome),
        (&sent.accepted.run_id, RunOutcome::Completed)
    );

    let page = fixture
        .registry
        .transcript(&worker, &TranscriptQuery::default())
        .await;
    let page = page.expect("a transcript");
    let roles: Vec<_> = page.entries.iter().map(|entry| entry.role).collect();
    assert_eq!(roles, [EntryRole::User, EntryRole::Assistant]);
    assert_eq!(page.entries[0].sequence, sent.accepted.sequence);
    assert_eq!(&*page.entries[0].content, "hello there");
    assert_eq!(Some(page.entries[1].sequence), *sequence);
    assert!(page.in_flight.is_none() && !page.entries[1].partial);

    let detail = fixture.registry.worker(&worker).await.expect("the worker");
    assert_eq!(
        (detail.summary.state, detail.summary.active_run),
        (WorkerState::Idle, None)
    );
    let conversation = detail
        .conversation
        .expect("a worker that answers has a conversation");
    let last_run = conversation.last_run.expect("a run has ended");
    assert_eq!(
        (last_run.run_id, last_run.outcome),
        (sent.accepted.run_id, RunOutcome::Completed)
    );
}

/// At most one run is active; the refusal names it and commits nothing.
pub async fn a_busy_worker_refuses_a_second_input(subject: &dyn Subject) {
    let fixture = Fixture::with_workers(subject, 1).await;
    let worker = fixture.any_worker().await;
    let sent = fixture.registry.send_input(&worker, long_input()).await;
    if !fixture.can(Capability::SendInput).await {
        assert_unsupported(sent, Capability::SendInput);
        return;
    }
    let sent = sent.expect("accepted").accepted;
    match fixture
        .registry
        .send_input(&worker, input("too soon"))
        .await
    {
        Err(RegistryError::WorkerBusy { active_run, .. }) => assert_eq!(active_run, sent.run_id),
        other => panic!("the worker is busy, yet the answer was {other:?}"),
    }
    let detail = fixture.registry.worker(&worker).await.expect("the worker");
    assert_eq!(detail.summary.active_run, Some(sent.run_id));
    let page = fixture
        .registry
        .transcript(&worker, &TranscriptQuery::default())
        .await;
    assert_eq!(
        page.expect("a transcript").last_sequence,
        Some(sent.sequence)
    );
    fixture.registry.stop(&worker).await.expect("stopped");
}

/// What is refused leaves no entry.
pub async fn empty_and_oversized_inputs_commit_nothing(subject: &dyn Subject) {
    let fixture = Fixture::with_workers(subject, 1).await;
    let worker = fixture.any_worker().await;
    let empty = fixture.registry.send_input(&worker, input(" \n\t")).await;
    let oversized = fixture
        .registry
        .send_input(&worker, input(&"x".repeat(2 << 20)))
        .await;
    if !fixture.can(Capability::SendInput).await {
        assert_unsupported(empty, Capability::SendInput);
        assert_unsupported(oversized, Capability::SendInput);
        return;
    }
    assert!(
        matches!(empty, Err(RegistryError::InputEmpty { .. })),
        "{empty:?}"
    );
    let Err(RegistryError::InputTooLarge { limit_bytes, .. }) = oversized else {
        panic!("2 MiB is too large, yet the answer was {oversized:?}");
    };
    let one_over = "x".repeat(usize::try_from(limit_bytes).expect("a limit in memory") + 1);
    let refused = fixture.registry.send_input(&worker, input(&one_over)).await;
    assert!(
        matches!(refused, Err(RegistryError::InputTooLarge { .. })),
        "{refused:?}"
    );
    let page = fixture
        .registry
        .transcript(&worker, &TranscriptQuery::default())
        .await;
    assert!(page.expect("a transcript").entries.is_empty());
    fixture
        .registry
        .send_input(&worker, input(&one_over[1..]))
        .await
        .expect("just small enough");
}

/// The same key with the same content finds the first run, also while it is active; with
/// other content it is a conflict.
pub async fn repeating_an_input_starts_one_run(subject: &dyn Subject) {
    let fixture = Fixture::with_workers(subject, 1).await;
    let worker = fixture.any_worker().await;
    let keyed = |content: String| Input {
        content,
        idempotency_key: Some("one-attempt".parse().expect("a key")),
    };
    let first = fixture
        .registry
        .send_input(&worker, keyed(long_input().content))
        .await;
    if !fixture.can(Capability::SendInput).await {
        assert_unsupported(first, Capability::SendInput);
        return;
    }
    let first = first.expect("accepted");
    let again = fixture
        .registry
        .send_input(&worker, keyed(long_input().content))
        .await;
    let again = again.expect("the same answer");
    assert_eq!(
        (again.replay, again.accepted),
        (Replay::Replayed, first.accepted)
    );
    let other = fixture
        .registry
        .send_input(&worker, keyed("other".to_owned()))
        .await;
    assert!(
        matches!(other, Err(RegistryError::IdempotencyConflict { .. })),
        "{other:?}"
    );
}
