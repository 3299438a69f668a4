//! Routing: exactly one source or a typed error, and the source's answer with ids added.

use mockall::predicate::eq;
use proptest::prelude::*;

use super::*;
use crate::capability::Capability;
use crate::cursor::Cursor;
use crate::id::RunId;
use crate::port::WorkerRecord;
use crate::projection::WorkerState;
use crate::text::DisplayName;

/// What is asked of the registry, named by the capability that it needs.
const OPERATIONS: [Capability; 9] = [
    Capability::GetWorker,
    Capability::CreateWorker,
    Capability::SendInput,
    Capability::CancelRun,
    Capability::StopWorker,
    Capability::RenameWorker,
    Capability::DeleteWorker,
    Capability::ReadTranscript,
    Capability::ReadEvents,
];

async fn refusal(
    registry: &RuntimeRegistry,
    operation: Capability,
    worker: &WorkerRef,
) -> RegistryError {
    let refusal = match operation {
        Capability::CreateWorker => {
            let request = CreateWorker::default();
            registry
                .create_worker(&worker.runtime_id, request)
                .await
                .err()
        }
        Capability::SendInput => registry.send_input(worker, input("hello")).await.err(),
        Capability::CancelRun => {
            let target = CancelTarget::ActiveRun;
            registry.cancel(worker, target).await.err()
        }
        Capability::StopWorker => registry.stop(worker).await.err(),
        Capability::RenameWorker => {
            let name = "A name".parse().unwrap();
            registry.rename(worker, name).await.err()
        }
        Capability::DeleteWorker => registry.delete(worker).await.err(),
        Capability::ReadTranscript => {
            let query = TranscriptQuery::default();
            registry.transcript(worker, &query).await.err()
        }
        Capability::ReadEvents => registry.events(worker, &EventsQuery::default()).await.err(),
        Capability::GetWorker | Capability::ListWorkers => registry.worker(worker).await.err(),
    };
    refusal.expect("a source in memory refuses every operation on a worker")
}

fn any_source() -> impl Strategy<Value = (Ports, Health)> {
    let health = prop::sample::select(vec![Health::Sound, Health::Failing, Health::Hanging]);
    let ports = any::<(bool, bool, bool)>();
    let ports = ports.prop_map(|(lifecycle, interaction, observation)| Ports {
        lifecycle,
        interaction,
        observation,
    });
    (ports, health)
}

proptest! {
    /// Whatever the sources can do and however they are: the named one is called once and no
    /// other, or the refusal says why none was.
    #[test]
    fn an_operation_reaches_the_source_that_it_names_once_and_no_other(
        sources in prop::collection::vec(any_source(), 1..5),
        asked in prop::collection::vec((0..5_usize, prop::sample::select(OPERATIONS.to_vec())), 1..20),
    ) {
        let executor = executor();
        let sources: Vec<_> = sources.into_iter().enumerate()
            .map(|(n, (ports, health))| (Memory::new(descriptor(&format!("r{n}")), ports, health), health))
            .collect();
        let registry = registry_of(
            sources.iter().map(|(source, _)| Arc::clone(source) as Arc<dyn RuntimeSource>),
        );
        for (named, operation) in asked {
            let worker = reference(&format!("r{named}"), "w1");
            let refusal = executor.block_on(refusal(&registry, operation, &worker)).to_string();
            let id = &worker.runtime_id;
            let name = operation.as_str();
            let supported = sources.get(named).map(|(source, health)| {
                let source = Arc::clone(source) as Arc<dyn RuntimeSource>;
                (source.capabilities().contains(operation), *health)
            });
            let expected = match supported {
                None => format!("runtime {id} is unknown"),
                Some((false, _)) => format!("runtime {id} does not support {name}"),
                Some((true, Health::Failing)) => format!("runtime {id} is unavailable: source_failed"),
                Some((true, Health::Hanging)) => format!("runtime {id} is unavailable: deadline_exceeded"),
                Some((true, Health::Sound)) if operation == Capability::CreateWorker => {
                    format!("runtime {id} is shutting down")
                }
                Some((true, Health::Sound)) => format!("worker {worker} is unknown"),
            };
            prop_assert_eq!(refusal, expected);
            let worker = if operation == Capability::CreateWorker { "" } else { " w1" };
            let call = matches!(supported, Some((true, _))).then(|| (named, format!("{name}{worker}")));
            let calls: Vec<_> = sources.iter().enumerate()
                .flat_map(|(n, (source, _))| source.take_calls().into_iter().map(move |call| (n, call)))
                .collect();
            prop_assert_eq!(calls, Vec::from_iter(call));
        }
    }
}

#[test]
fn a_stream_of_a_source_without_observation_is_unsupported() {
    let registry = registry_of([Memory::with_workers("local", 1) as Arc<dyn RuntimeSource>]);
    let stream = registry.subscribe(&reference("local", "w0"), Cursor::new(0, 0));
    assert!(matches!(
        stream.err(),
        Some(RegistryError::OperationUnsupported {
            capability: Capability::ReadEvents,
            ..
        })
    ));
}

#[tokio::test]
async fn a_refusal_gets_the_ids_that_the_source_left_out() {
    let run = |text: &str| -> RunId { text.parse().unwrap() };
    let mut source = MockSource::with_all_ports(descriptor("r"));
    let interaction = source.interaction.as_mut().unwrap();
    interaction
        .expect_send_input()
        .times(1)
        .returning(move |_, _| {
            Err(SourceError::WorkerBusy {
                active_run: run("run-1"),
            })
        });
    let lifecycle = source.lifecycle.as_mut().unwrap();
    lifecycle.expect_cancel().times(1).returning(move |_, _| {
        Err(SourceError::RunMismatch {
            active_run: run("run-1"),
        })
    });
    let create = lifecycle.expect_create().times(1);
    create.returning(|_| Err(SourceError::UnknownProfile));
    let registry = registry_of_mock(source);
    let worker = reference("r", "w");

    match registry.send_input(&worker, input("hello")).await {
        Err(RegistryError::WorkerBusy {
            worker: named,
            active_run,
        }) => assert_eq!((&named, active_run), (&worker, run("run-1"))),
        other => panic!("{other:?}"),
    }
    let target = CancelTarget::Run(run("run-2"));
    match registry.cancel(&worker, target).await {
        Err(RegistryError::RunMismatch {
            worker: named,
            expected,
            active_run,
        }) => {
            assert_eq!(named, worker);
            assert_eq!((expected, active_run), (run("run-2"), run("run-1")));
        }
        other => panic!("{other:?}"),
    }
    let request = CreateWorker {
        profile: Some("builtin:none".parse().unwrap()),
        ..CreateWorker::default()
    };
    match registry.create_worker(&worker.runtime_id, request).await {
        Err(RegistryError::UnknownProfile {
            runtime_id,
            profile,
        }) => {
            let named = (runtime_id.as_str(), profile.as_str());
            assert_eq!(named, ("r", "builtin:none"));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_refusal_that_makes_no_sense_is_the_runtimes_failure_not_the_clients() {
    let mut source = MockSource::with_all_ports(descriptor("r"));
    let cancel = source.lifecycle.as_mut().unwrap().expect_cancel();
    cancel.returning(|_, _| {
        Err(SourceError::RunMismatch {
            active_run: "run-1".parse().unwrap(),
        })
    });
    let get = source.catalog.expect_get();
    get.returning(|_| Err(SourceError::UnknownProfile));
    let registry = registry_of_mock(source);
    let worker = reference("r", "w");
    let cancel = registry.cancel(&worker, CancelTarget::ActiveRun).await;
    let get = registry.worker(&worker).await;
    for refusal in [cancel.err(), get.err()] {
        match refusal {
            Some(RegistryError::RuntimeUnavailable { reason, cause, .. }) => {
                assert_eq!(reason, UnavailableReason::SourceFailed);
                assert!(cause.is_some(), "the log must be able to say what happened");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_rename_passes_the_name_and_projects_the_record_and_a_delete_gives_nothing() {
    let mut source = MockSource::with_all_ports(descriptor("r"));
    let lifecycle = source.lifecycle.as_mut().unwrap();
    let name: DisplayName = "Another name".parse().unwrap();
    let id: WorkerId = "w1".parse().unwrap();
    let rename = lifecycle.expect_rename().times(1);
    rename
        .with(eq(id.clone()), eq(name.clone()))
        .returning(|id, name| Ok(WorkerRecord::new(id.clone(), name, WorkerState::Stopped).into()));
    let delete = lifecycle.expect_delete().times(1);
    delete.with(eq(id)).returning(|_| Ok(()));
    let registry = registry_of_mock(source);
    let worker = reference("r", "w1");
    let renamed = registry.rename(&worker, name.clone()).await.unwrap();
    assert_eq!(renamed.summary.display_name, name);
    assert_eq!(renamed.summary.runtime_id, worker.runtime_id);
    registry.delete(&worker).await.unwrap();
}

#[tokio::test]
async fn a_cancel_passes_its_target_and_the_answer_through() {
    let mut source = MockSource::with_all_ports(descriptor("r"));
    let run: RunId = "run-1".parse().unwrap();
    let target = CancelTarget::Run(run.clone());
    let answer = CancelResult::Cancelled { run_id: run };
    let returned = answer.clone();
    let cancel = source.lifecycle.as_mut().unwrap().expect_cancel();
    cancel
        .with(eq("w".parse::<WorkerId>().unwrap()), eq(target.clone()))
        .times(1)
        .returning(move |_, _| Ok(returned.clone()));
    let registry = registry_of_mock(source);
    let result = registry.cancel(&reference("r", "w"), target).await;
    assert_eq!(result.unwrap(), answer);
}
