//! What creating, cancelling and stopping must do, and every operation on an unknown worker.

use super::{Fixture, Subject, assert_unsupported, input, long_input};
use crate::capability::Capability;
use crate::error::RegistryError;
use crate::id::{RunId, WorkerRef};
use crate::port::{CancelTarget, CreateWorker, EventsQuery, Replay};
use crate::projection::{CancelResult, EventKind, RunOutcome, WorkerState};

/// A created worker is idle, is listed first, and is what was asked for.
pub async fn a_created_worker_is_in_the_catalog(subject: &dyn Subject) {
    let fixture = Fixture::with_workers(subject, 1).await;
    let request = CreateWorker {
        display_name: Some("A name".parse().expect("a display name")),
        ..CreateWorker::default()
    };
    let result = fixture
        .registry
        .create_worker(&fixture.runtime_id, request)
        .await;
    if !fixture.can(Capability::CreateWorker).await {
        assert_unsupported(result, Capability::CreateWorker);
        assert_eq!(fixture.all_workers(50).await.len(), 1);
        return;
    }
    let created = result.expect("a worker");
    assert_eq!(created.replay, Replay::First);
    let summary = created.worker.summary;
    assert_eq!(summary.state, WorkerState::Idle);
    assert_eq!(summary.display_name.as_str(), "A name");
    let listed = fixture.all_workers(50).await;
    assert_eq!(listed.first(), Some(&summary));
    assert_eq!(listed.len(), 2);
}

/// A profile that isn't there is an error, never another profile.
pub async fn an_unknown_profile_creates_nothing(subject: &dyn Subject) {
    let fixture = Fixture::with_workers(subject, 0).await;
    let profile = "builtin:no-such-profile".parse().expect("a profile id");
    let request = CreateWorker {
        profile: Some(profile),
        ..CreateWorker::default()
    };
    let result = fixture.create(request).await;
    if fixture.can(Capability::CreateWorker).await {
        assert!(
            matches!(result, Err(RegistryError::UnknownProfile { .. })),
            "{result:?}"
        );
    } else {
        assert_unsupported(result, Capability::CreateWorker);
    }
    assert!(fixture.all_workers(50).await.is_empty());
}

/// The same key with the same content finds the first worker; with other content it is a
/// conflict.
pub async fn repeating_a_create_makes_one_worker(subject: &dyn Subject) {
    let fixture = Fixture::with_workers(subject, 0).await;
    let request = |name: &str| CreateWorker {
        display_name: Some(name.parse().expect("a display name")),
        profile: None,
        model: None,
        idempotency_key: Some("one-attempt".parse().expect("a key")),
    };
    let first = fixture
        .registry
        .create_worker(&fixture.runtime_id, request("a"))
        .await;
    if !fixture.can(Capability::CreateWorker).await {
        assert_unsupported(first, Capability::CreateWorker);
        return;
    }
    let first = first.expect("a worker");
    let repeat = async || {
        let again = fixture
            .registry
            .create_worker(&fixture.runtime_id, request("a"))
            .await;
        let again = again.expect("the same worker");
        assert_eq!(again.replay, Replay::Replayed);
        assert_eq!(again.worker, first.worker, "the first answer");
    };
    repeat().await;
    let worker = fixture.reference(&first.worker.summary.worker_id);
    if fixture.can(Capability::StopWorker).await {
        let stopped = fixture.registry.stop(&worker).await;
        stopped.expect("a stopped worker");
        repeat().await;
    }
    let other = fixture.create(request("b")).await;
    assert!(
        matches!(other, Err(RegistryError::IdempotencyConflict { .. })),
        "{other:?}"
    );
    assert_eq!(fixture.all_workers(50).await.len(), 1);
}

/// There is nothing to cancel on an idle worker, and that is no error.
pub async fn cancelling_an_idle_worker_answers_not_running(subject: &dyn Subject) {
    let fixture = Fixture::with_workers(subject, 1).await;
    let worker = fixture.any_worker().await;
    let run: RunId = "0190a3c0-0000-7000-8000-000000000000"
        .parse()
        .expect("a run id");
    for target in [CancelTarget::ActiveRun, CancelTarget::Run(run)] {
        let result = fixture.registry.cancel(&worker, target).await;
        if fixture.can(Capability::CancelRun).await {
            assert_eq!(result.expect("an answer"), CancelResult::NotRunning);
        } else {
            assert_unsupported(result, Capability::CancelRun);
        }
    }
}

/// A cancel that names another run changes nothing; one that names the active run ends it,
/// and the worker is usable afterwards.
pub async fn cancelling_ends_the_named_run_and_no_other(subject: &dyn Subject) {
    let fixture = Fixture::with_workers(subject, 1).await;
    let worker = fixture.any_worker().await;
    let sent = fixture.registry.send_input(&worker, long_input()).await;
    if !fixture.can(Capability::SendInput).await {
        assert_unsupported(sent, Capability::SendInput);
        return;
    }
    let sent = sent.expect("accepted").accepted;
    let other: RunId = "0190a3c0-0000-7000-8000-000000000000"
        .parse()
        .expect("a run id");
    let mismatch = fixture
        .registry
        .cancel(&worker, CancelTarget::Run(other))
        .await;
    match mismatch {
        Err(RegistryError::RunMismatch { active_run, .. }) => assert_eq!(active_run, sent.run_id),
        other => panic!("another run was named, yet the answer was {other:?}"),
    }
    let named = CancelTarget::Run(sent.run_id.clone());
    let answer = fixture
        .registry
        .cancel(&worker, named)
        .await
        .expect("an answer");
    assert_eq!(
        answer,
        CancelResult::Cancelled {
            run_id: sent.run_id.clone()
        }
    );

    let query = EventsQuery {
        after: Some(sent.cursor),
        ..EventsQuery::default()
    };
    let events = fixture.until_finished(&worker, query).await;
    let ends: Vec<_> = events
        .iter()
        .filter_map(|event| match &event.kind {
            EventKind::RunFinished {
                run_id, outcome, ..
            } => Some((run_id, *outcome)),
            EventKind::WorkerCreated
            | EventKind::InputAccepted { .. }
            | EventKind::OutputDelta { .. }
            | EventKind::ReasoningDelta { .. }
            | EventKind::RunRetrying { .. }
            | EventKind::WorkerStopped => None,
        })
        .collect();
    assert_eq!(ends, [(&sent.run_id, RunOutcome::Cancelled)]);
    fixture
        .registry
        .send_input(&worker, input("again"))
        .await
        .expect("the worker is usable");
}

/// A stopped worker stays stopped, can be stopped again, and accepts nothing.
pub async fn stopping_is_final_and_repeatable(subject: &dyn Subject) {
    let fixture = Fixture::with_workers(subject, 1).await;
    let worker = fixture.any_worker().await;
    let first = fixture.registry.stop(&worker).await;
    if !fixture.can(Capability::StopWorker).await {
        assert_unsupported(first, Capability::StopWorker);
        let state = fixture
            .registry
            .worker(&worker)
            .await
            .expect("the worker")
            .summary
            .state;
        assert_eq!(state, WorkerState::Recorded);
        return;
    }
    let first = first.expect("stopped");
    assert_eq!(first.summary.state, WorkerState::Stopped);
    assert!(!first.summary.capabilities.contains(Capability::SendInput));
    assert_eq!(
        fixture.registry.stop(&worker).await.expect("stopped"),
        first
    );
    let refused = fixture.registry.send_input(&worker, input("hello")).await;
    assert!(
        matches!(refused, Err(RegistryError::WorkerStopped { .. })),
        "{refused:?}"
    );
}

/// Each operation on a worker that isn't there says so, or that it is unsupported.
pub async fn an_unknown_worker_is_unknown_to_every_operation(subject: &dyn Subject) {
    let fixture = Fixture::with_workers(subject, 1).await;
    let worker_id = "0190a3c0-0000-7000-8000-000000000000"
        .parse()
        .expect("a worker id");
    let worker = WorkerRef::new(fixture.runtime_id.clone(), worker_id);
    let registry = &fixture.registry;
    let answers = [
        (Capability::GetWorker, registry.worker(&worker).await.err()),
        (
            Capability::SendInput,
            registry.send_input(&worker, input("hello")).await.err(),
        ),
        (
            Capability::CancelRun,
            registry
                .cancel(&worker, CancelTarget::ActiveRun)
                .await
                .err(),
        ),
        (Capability::StopWorker, registry.stop(&worker).await.err()),
        (
            Capability::RenameWorker,
            registry
                .rename(&worker, "A name".parse().expect("a display name"))
                .await
                .err(),
        ),
        (
            Capability::DeleteWorker,
            registry.delete(&worker).await.err(),
        ),
        (
            Capability::ReadTranscript,
            registry
                .transcript(&worker, &Default::default())
                .await
                .err(),
        ),
        (
            Capability::ReadEvents,
            registry
                .events(&worker, &EventsQuery::default())
                .await
                .err(),
        ),
    ];
    for (capability, answer) in answers {
        let error = answer.expect("a refusal");
        if fixture.can(capability).await {
            assert!(
                matches!(error, RegistryError::UnknownWorker { .. }),
                "{error:?}"
            );
        } else {
            assert_unsupported::<()>(Err(error), capability);
        }
    }
}
