//! Commands under which replies grow until the bytes of all workers are used up.

use std::time::Duration;

use proptest::prelude::*;
use proptest_state_machine::ReferenceStateMachine;

use super::command::{Command, Model};
use crate::limits::Limits;
use crate::reference::{Create, Keeping, Step};
use crate::run::{EngineErrorKind, Report};
use crate::status::WorkerState;

/// Several runs at once, which hardly ever end by themselves.
#[derive(Debug)]
pub(super) struct GrowthModel;

impl ReferenceStateMachine for GrowthModel {
    type State = Model;
    type Transition = Command;

    fn init_state() -> BoxedStrategy<Model> {
        let model = |(limits, step)| Model::new(limits, step, Keeping::InMemory);
        (limits(), 1..1_000_usize).prop_map(model).boxed()
    }

    fn transitions(model: &Model) -> BoxedStrategy<Command> {
        let known = model.mostly(|_| true);
        let idle = model.mostly(|worker| worker.state() == WorkerState::Idle);
        let running = || model.mostly(|worker| worker.active_run().is_some());
        let create = Create {
            name: None,
            profile: None,
            model: None,
            key: None,
        };
        let send = |worker| Command::Send {
            worker,
            content: "hi".to_owned(),
            key: None,
        };
        let few_workers = if model.runtime.known().count() < 3 {
            20
        } else {
            2
        };
        prop_oneof![
            few_workers => Just(Command::Create(create)),
            6 => idle.prop_map(send),
            15 => (running(), growing()).prop_map(|(worker, step)| Command::Engine { worker, step }),
            1 => running().prop_map(|worker| Command::Engine { worker, step: Step::Complete }),
            1 => running().prop_map(|worker| Command::Cancel { worker, expected: None }),
            1 => known.prop_map(|worker| Command::Stop { worker }),
            2 => Just(Command::Settle),
        ]
        .boxed()
    }

    fn preconditions(model: &Model, command: &Command) -> bool {
        Model::preconditions(model, command)
    }

    fn apply(model: Model, command: &Command) -> Model {
        Model::apply(model, command)
    }
}

fn growing() -> impl Strategy<Value = Step> {
    let retrying = Report::Retrying {
        kind: EngineErrorKind::Overloaded,
        delay: Duration::from_secs(1),
    };
    prop_oneof![
        3 => "[xyé]{1,20}".prop_map(Step::Push),
        1 => "[xyé]{1,6}".prop_map(Step::Reason),
        1 => Just(Step::Report(retrying)),
    ]
}

/// Limits that leave room for several runs as they start, and for few replies of full size.
fn limits() -> impl Strategy<Value = Limits> {
    (1_000..6_000_usize, 0..12_000_usize).prop_map(|(event_bytes, more)| {
        Limits {
            workers: 8,
            input_bytes: 6,
            output_bytes: 100,
            reasoning_bytes: 30,
            delta_bytes: 4,
            transcript_bytes: 1_000,
            events: 40,
            event_bytes,
            input_keys: 1,
            page_default: 3,
            page_max: 3,
            list_scan: 3,
            ..Limits::default()
        }
        .with_least_bytes_and(more)
    })
}
