//! Whatever was done before: an operation reaches the one source that it names, once, and no
//! other; or it is refused, and says why.

use proptest::prelude::*;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};

use super::memory::Worker;
use super::*;
use crate::cursor::Cursor;
use crate::port::{CancelTarget, CreateWorker, EventsQuery, Input, TranscriptQuery};
use crate::projection::{CancelAnswer, WorkerDetail};

mod expected;

use expected::{Model, Operation, Runtime};

/// Runtimes and worker numbers that operations name; some of each are not there.
const RUNTIMES: usize = 4;
const WORKERS: usize = 4;

#[derive(Debug, Clone)]
enum Command {
    Health {
        runtime: usize,
        health: Health,
    },
    Ask {
        runtime: usize,
        worker: usize,
        what: Operation,
    },
}

impl ReferenceStateMachine for Model {
    type State = Self;
    type Transition = Command;

    fn init_state() -> BoxedStrategy<Self> {
        let flags = (any::<bool>(), any::<bool>(), any::<bool>());
        let worker = (0..WORKERS, any::<bool>());
        let runtime =
            (flags, prop::collection::vec(worker, 0..WORKERS)).prop_map(|(flags, known)| {
                let known = known.into_iter().map(|(number, stopped)| {
                    let inputs = 0;
                    (number, Worker { inputs, stopped })
                });
                Runtime {
                    ports: Ports {
                        lifecycle: flags.0,
                        interaction: flags.1,
                        observation: flags.2,
                    },
                    health: Health::Sound,
                    workers: known.collect(),
                }
            });
        let runtimes = prop::collection::vec(runtime, 1..RUNTIMES);
        let model = |runtimes| Self {
            runtimes,
            answer: String::new(),
            call: None,
        };
        runtimes.prop_map(model).boxed()
    }

    fn transitions(_: &Self) -> BoxedStrategy<Command> {
        let health = prop::sample::select(vec![Health::Sound, Health::Failing, Health::Hanging]);
        let what = prop::sample::select(vec![
            Operation::Get,
            Operation::Create,
            Operation::Send,
            Operation::Send,
            Operation::Cancel,
            Operation::Stop,
            Operation::Transcript,
            Operation::Events,
            Operation::Subscribe,
        ]);
        prop_oneof![
            1 => (0..RUNTIMES, health)
                .prop_map(|(runtime, health)| Command::Health { runtime, health }),
            8 => (0..RUNTIMES, 0..WORKERS, what)
                .prop_map(|(runtime, worker, what)| Command::Ask { runtime, worker, what }),
        ]
        .boxed()
    }

    fn apply(mut model: Self, command: &Command) -> Self {
        model.call = None;
        model.answer = match *command {
            Command::Health { runtime, health } => {
                if let Some(runtime) = model.runtimes.get_mut(runtime) {
                    runtime.health = health;
                }
                String::new()
            }
            Command::Ask {
                runtime,
                worker,
                what,
            } => model.ask(runtime, worker, what),
        };
        model
    }
}

struct Subject {
    executor: tokio::runtime::Runtime,
    sources: Vec<Arc<Memory>>,
    registry: RuntimeRegistry,
}

impl Subject {
    async fn ask(&self, place: usize, number: usize, what: Operation) -> String {
        let (registry, worker) = (
            &self.registry,
            WorkerRef::new(runtime_id(place), worker_id(number)),
        );
        let input = Input {
            content: "hello".to_owned(),
            idempotency_key: None,
        };
        let named = |worker: WorkerDetail| {
            let summary = worker.summary;
            format!("{}: {}", summary.display_ref, summary.display_name.as_str())
        };
        let answer = match what {
            Operation::Get => registry.worker(&worker).await.map(named),
            Operation::Create => registry
                .create_worker(&worker.runtime_id, CreateWorker::default())
                .await
                .map(|created| named(created.worker)),
            Operation::Send => registry
                .send_input(&worker, input)
                .await
                .map(|receipt| receipt.accepted.run_id.to_string()),
            Operation::Cancel => {
                registry
                    .cancel(&worker, CancelTarget::ActiveRun)
                    .await
                    .map(|answer| match answer {
                        CancelAnswer::Cancelled { run_id } => run_id.to_string(),
                        CancelAnswer::NotRunning => "not running".into(),
                    })
            }
            Operation::Stop => registry.stop(&worker).await.map(named),
            Operation::Transcript => registry
                .transcript(&worker, &TranscriptQuery::default())
                .await
                .map(|page| format!("after {}", page.cursor.sequence())),
            Operation::Events => registry
                .events(&worker, &EventsQuery::default())
                .await
                .map(|batch| format!("after {}", batch.next_cursor.sequence())),
            Operation::Subscribe => registry
                .subscribe(&worker, Cursor::new(0, 0))
                .map(|_| "a stream".into()),
        };
        answer.unwrap_or_else(|error| error.to_string())
    }
}

struct AnOperationReachesOneSource;

impl StateMachineTest for AnOperationReachesOneSource {
    type SystemUnderTest = Subject;
    type Reference = Model;

    fn init_test(model: &Model) -> Subject {
        let sources = model.runtimes.iter().enumerate().map(|(place, runtime)| {
            let source = Memory::new(place, ImplementationKind::Embedded, runtime.ports);
            source.set_workers(runtime.workers.clone());
            source
        });
        let sources: Vec<_> = sources.collect();
        Subject {
            executor: executor(),
            registry: of(&sources),
            sources,
        }
    }

    fn apply(subject: Subject, model: &Model, command: Command) -> Subject {
        match command {
            Command::Health { runtime, health } => {
                if let Some(source) = subject.sources.get(runtime) {
                    source.set_health(health);
                }
            }
            Command::Ask {
                runtime,
                worker,
                what,
            } => {
                let answer = subject
                    .executor
                    .block_on(subject.ask(runtime, worker, what));
                assert_eq!(answer, model.answer, "{what:?} w{worker}@r{runtime}");
            }
        }
        let calls = subject
            .sources
            .iter()
            .enumerate()
            .flat_map(|(place, source)| {
                let calls = source.take_calls().into_iter();
                calls.map(move |call| (place, call))
            });
        assert_eq!(
            calls.collect::<Vec<_>>(),
            Vec::from_iter(model.call.clone())
        );
        subject
    }

    fn check_invariants(subject: &Subject, model: &Model) {
        for (source, runtime) in subject.sources.iter().zip(&model.runtimes) {
            assert_eq!(source.workers(), runtime.workers);
        }
    }
}

prop_state_machine! {
    #[test]
    fn an_operation_reaches_the_source_that_it_names_once_and_no_other(
        sequential 1..40 => AnOperationReachesOneSource
    );
}
