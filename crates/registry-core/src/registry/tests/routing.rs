//! Routing: exactly one source or a typed error, and the source's answer unchanged.

use mockall::predicate::eq;
use proptest::prelude::*;

use super::*;
use crate::capability::Capability;
use crate::cursor::Cursor;
use crate::id::RunId;
use crate::port::{CancelTarget, CreateWorker, EventWait, EventsQuery, Input, TranscriptQuery};
use crate::projection::CancelAnswer;

fn input() -> Input {
    Input {
        content: "hello".to_owned(),
        idempotency_key: None,
    }
}

proptest! {
    /// A mock without an expectation panics when it is called, so reaching any other runtime
    /// fails the test.
    #[test]
    fn a_worker_operation_reaches_the_named_runtime_and_no_other(
        runtimes in 1usize..6,
        named in 0usize..8,
        worker_id in "[a-z0-9][a-z0-9_-]{0,63}",
    ) {
        let sources = (0..runtimes).map(|n| {
            let mut source = MockSource::with_all_ports(descriptor(&format!("r{n}")));
            if n == named {
                let wanted: WorkerId = worker_id.parse().unwrap();
                source.catalog.expect_get().with(eq(wanted.clone())).times(1)
                    .returning(|id| Ok(detail(id)));
                source.lifecycle.as_mut().unwrap().expect_stop().with(eq(wanted)).times(1)
                    .returning(|id| Ok(detail(id)));
            }
            source
        });
        let registry = registry(sources.collect());
        let worker = reference(&format!("r{named}"), &worker_id);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let (got, stopped) = runtime.block_on(async {
            (registry.worker(&worker).await, registry.stop(&worker).await)
        });
        if named < runtimes {
            prop_assert_eq!(got.unwrap().summary.display_ref, worker.display_ref());
            prop_assert_eq!(stopped.unwrap().summary.runtime_id, worker.runtime_id);
        } else {
            let unknown = |error| matches!(error, RegistryError::UnknownRuntime { runtime_id }
                if runtime_id == worker.runtime_id);
            prop_assert!(unknown(got.unwrap_err()) && unknown(stopped.unwrap_err()));
        }
    }
}

#[test]
fn a_runtime_id_can_be_registered_once() {
    let source = || Arc::new(MockSource::with_catalog_only(descriptor("twice")));
    let builder = RuntimeRegistry::builder().register(source()).unwrap();
    let refused = builder.register(source()).err().unwrap();
    assert_eq!(refused.runtime_id.as_str(), "twice");
}

#[tokio::test]
async fn an_absent_port_is_unsupported_and_the_catalog_is_not_asked_first() {
    let registry = registry(vec![MockSource::with_catalog_only(descriptor("local"))]);
    let worker = reference("local", "w");
    let stream = registry.subscribe(&worker, Cursor::new(0, 0)).err();
    let refusals = [
        (
            Capability::CreateWorker,
            registry
                .create_worker(&worker.runtime_id, CreateWorker::default())
                .await
                .err(),
        ),
        (
            Capability::SendInput,
            registry.send_input(&worker, input()).await.err(),
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
            Capability::ReadTranscript,
            registry
                .transcript(&worker, &TranscriptQuery::default())
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
        (Capability::ReadEvents, stream),
    ];
    for (wanted, refusal) in refusals {
        match refusal {
            Some(RegistryError::OperationUnsupported {
                runtime_id,
                capability,
            }) => {
                assert_eq!((runtime_id.as_str(), capability), ("local", wanted));
            }
            other => panic!("{wanted:?}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_refusal_gets_the_ids_that_the_source_left_out() {
    let mut source = MockSource::with_all_ports(descriptor("r"));
    let run: RunId = "run-1".parse().unwrap();
    let active = run.clone();
    source
        .interaction
        .as_mut()
        .unwrap()
        .expect_send_input()
        .times(1)
        .returning(move |_, _| {
            Err(SourceError::WorkerBusy {
                active_run: active.clone(),
            })
        });
    let active = run.clone();
    source
        .lifecycle
        .as_mut()
        .unwrap()
        .expect_cancel()
        .times(1)
        .returning(move |_, _| {
            Err(SourceError::RunMismatch {
                active_run: active.clone(),
            })
        });
    source
        .lifecycle
        .as_mut()
        .unwrap()
        .expect_create()
        .times(1)
        .returning(|_| Err(SourceError::UnknownProfile));
    let registry = registry(vec![source]);
    let worker = reference("r", "w");

    match registry.send_input(&worker, input()).await {
        Err(RegistryError::WorkerBusy {
            worker: named,
            active_run,
        }) => {
            assert_eq!((named, active_run), (worker.clone(), run.clone()));
        }
        other => panic!("{other:?}"),
    }
    let expected: RunId = "run-2".parse().unwrap();
    match registry
        .cancel(&worker, CancelTarget::Run(expected.clone()))
        .await
    {
        Err(RegistryError::RunMismatch {
            worker: named,
            expected: wanted,
            active_run,
        }) => {
            assert_eq!((named, wanted, active_run), (worker.clone(), expected, run));
        }
        other => panic!("{other:?}"),
    }
    let profile = "builtin:none".parse().unwrap();
    let request = CreateWorker {
        profile: Some(profile),
        ..CreateWorker::default()
    };
    match registry.create_worker(&worker.runtime_id, request).await {
        Err(RegistryError::UnknownProfile {
            runtime_id,
            profile,
        }) => {
            assert_eq!(
                (runtime_id.as_str(), profile.as_str()),
                ("r", "builtin:none")
            );
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_refusal_that_makes_no_sense_is_the_runtimes_failure_not_the_clients() {
    let mut source = MockSource::with_all_ports(descriptor("r"));
    source
        .lifecycle
        .as_mut()
        .unwrap()
        .expect_cancel()
        .returning(|_, _| {
            Err(SourceError::RunMismatch {
                active_run: "run-1".parse().unwrap(),
            })
        });
    source
        .catalog
        .expect_get()
        .returning(|_| Err(SourceError::UnknownProfile));
    let registry = registry(vec![source]);
    let worker = reference("r", "w");
    let cancel = registry
        .cancel(&worker, CancelTarget::ActiveRun)
        .await
        .err();
    let get = registry.worker(&worker).await.err();
    for refusal in [cancel, get] {
        match refusal {
            Some(RegistryError::RuntimeUnavailable { reason, cause, .. }) => {
                assert_eq!(reason, UnavailableReason::SourceFailed);
                assert!(cause.is_some(), "the log must be able to say what happened");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_source_past_its_deadline_is_unavailable_never_unknown() {
    let hanging: Arc<dyn RuntimeSource> = Arc::new(Hanging(descriptor("r")));
    let registry = RuntimeRegistry::builder()
        .register(hanging)
        .unwrap()
        .build();
    let began = tokio::time::Instant::now();
    match registry.worker(&reference("r", "w")).await {
        Err(RegistryError::RuntimeUnavailable {
            runtime_id, reason, ..
        }) => {
            let expected = UnavailableReason::DeadlineExceeded;
            assert_eq!((runtime_id.as_str(), reason), ("r", expected));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(began.elapsed(), READ_DEADLINE_DEFAULT);
}

#[tokio::test]
async fn a_cancel_passes_its_target_and_the_answer_through() {
    let mut source = MockSource::with_all_ports(descriptor("r"));
    let run: RunId = "run-1".parse().unwrap();
    let answer = CancelAnswer::Cancelled {
        run_id: run.clone(),
    };
    let returned = answer.clone();
    source
        .lifecycle
        .as_mut()
        .unwrap()
        .expect_cancel()
        .with(
            eq("w".parse::<WorkerId>().unwrap()),
            eq(CancelTarget::Run(run.clone())),
        )
        .times(1)
        .returning(move |_, _| Ok(returned.clone()));
    let registry = registry(vec![source]);
    let result = registry
        .cancel(&reference("r", "w"), CancelTarget::Run(run))
        .await;
    assert_eq!(result.unwrap(), answer);
}

#[test]
fn a_wait_beyond_its_bound_is_refused() {
    assert!(EventWait::new(crate::port::EVENT_WAIT_MAX).is_ok());
    assert!(EventWait::new(crate::port::EVENT_WAIT_MAX + Duration::from_millis(1)).is_err());
}

#[tokio::test]
async fn a_deadline_may_be_as_long_as_a_duration_can_be() {
    let mut source = MockSource::with_all_ports(descriptor("r"));
    let observation = source.observation.as_mut().unwrap();
    observation
        .expect_events()
        .returning(|_, _| Err(SourceError::UnknownWorker));
    let registry = RuntimeRegistry::builder().deadlines(Deadlines {
        read: Duration::MAX,
        mutation: Duration::MAX,
    });
    let registry = registry.register(Arc::new(source)).unwrap().build();
    let query = EventsQuery {
        wait: EventWait::new(Duration::from_secs(30)).unwrap(),
        ..EventsQuery::default()
    };
    let answer = registry.events(&reference("r", "w"), &query).await;
    assert!(matches!(answer, Err(RegistryError::UnknownWorker { .. })));
}
