//! The whole runtime against the [reference](crate::reference): random operations on several
//! workers, each followed by checks of everything that can be read.
//!
//! Time is paused and the executor has one thread, so engines and cancelled runs make progress
//! only when a command [settles](Command::Settle); with a store, every command does.

use std::marker::PhantomData;

use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};

use super::*;
use crate::reference::Refusal;

mod checks;
mod command;
mod growth_model;
mod reader;
mod scripted_engine;
mod stored_model;
mod subject;

use command::{Command, CommandResult, Model};
use growth_model::GrowthModel;
use stored_model::StoredModel;
use subject::Subject;

/// Commands in one sequence: enough for workers to be created, used up and forgotten.
const COMMANDS: std::ops::Range<usize> = 1..50;

/// More of them with a store: some of its rules take several runs of one worker to matter.
const STORED_COMMANDS: std::ops::Range<usize> = 1..100;

/// The runtime does what the reference says, whatever commands `M` gives.
struct AsTheReferenceSays<M>(PhantomData<M>);

impl<M> StateMachineTest for AsTheReferenceSays<M>
where
    M: ReferenceStateMachine<State = Model, Transition = Command>,
{
    type SystemUnderTest = Subject;
    type Reference = M;

    fn init_test(model: &Model) -> Subject {
        Subject::new(&model.runtime)
    }

    fn apply(subject: Subject, model: &Model, command: Command) -> Subject {
        apply(subject, model, command)
    }

    fn check_invariants(subject: &Subject, model: &Model) {
        checks::check_everything(subject, &model.runtime);
    }

    fn teardown(subject: Subject, model: Model) {
        teardown(subject, model);
    }
}

fn apply(mut subject: Subject, model: &Model, command: Command) -> Subject {
    subject.set_clock(model.now);
    let description = format!("{command:?}");
    let result = match command {
        Command::Create(request) => CommandResult::Created(subject.create(&request)),
        Command::SetProfiles(profiles) => subject.set_profiles(profiles),
        Command::Send {
            worker,
            content,
            key,
        } => CommandResult::Sent(subject.send(worker, content, key)),
        Command::Engine { worker, step } => subject.engine(worker, step),
        Command::Cancel { worker, expected } => subject.cancel(worker, expected),
        Command::Stop { worker } => subject.stop(worker),
        Command::Rename { worker, name } => CommandResult::Renamed(subject.rename(worker, &name)),
        Command::Delete { worker } => subject.delete(worker),
        Command::Settle => subject.settle(),
        Command::TimeOut => subject.time_out(&model.runtime.limits),
        Command::ShutDown => subject.shut_down(),
        Command::Wait => subject.wait(),
        Command::Refuse => subject.refuse(),
        Command::Accept => subject.accept(),
        Command::Restart => {
            subject = subject.restart(model.runtime.profiles);
            CommandResult::None
        }
        Command::List {
            after,
            state,
            limit,
        } => checks::check_list(&subject, &model.runtime, after, state, limit),
        Command::Events {
            worker,
            after,
            limit,
        } => checks::check_events(&subject, &model.runtime, worker, after, limit),
        Command::Transcript {
            worker,
            position,
            limit,
        } => checks::check_transcript(&subject, &model.runtime, worker, position, limit),
        Command::Open { reader, worker } => subject.open(reader, worker, &model.runtime),
        Command::Follow { reader, limit } => subject.follow(reader, limit, &model.runtime),
    };
    assert_eq!(result, model.result, "the result to {description}");
    subject
}

fn teardown(subject: Subject, mut model: Model) {
    // The executor shuts down, and drops the tasks of the active runs.
    model.runtime.interrupt(model.now);
    let subject = subject.without_executor();
    checks::check_everything(&subject, &model.runtime);
}

prop_state_machine! {
    #[test]
    fn the_runtime_does_what_the_reference_says(
        sequential COMMANDS => AsTheReferenceSays<Model>
    );

    #[test]
    fn replies_grow_as_the_reference_says(
        sequential COMMANDS => AsTheReferenceSays<GrowthModel>
    );

    #[test]
    fn the_runtime_with_a_store_does_what_the_reference_says(
        sequential STORED_COMMANDS => AsTheReferenceSays<StoredModel>
    );
}
