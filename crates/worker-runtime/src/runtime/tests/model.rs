//! The whole runtime against the [reference](crate::reference): random operations on several
//! workers, each followed by checks of everything that can be read.
//!
//! Time is paused and the executor has one thread, so engines and cancelled runs make progress
//! only when a command [settles](Command::Settle).

use proptest_state_machine::{StateMachineTest, prop_state_machine};

use super::*;
use crate::reference::Refusal;

mod checks;
mod command;
mod reader;
mod scripted_engine;
mod subject;

use command::{Command, CommandResult, Model};
use subject::Subject;

/// Commands in one sequence: enough for workers to be created, used up and forgotten.
const COMMANDS: std::ops::Range<usize> = 1..50;

struct TheRuntimeDoesWhatTheReferenceSays;

impl StateMachineTest for TheRuntimeDoesWhatTheReferenceSays {
    type SystemUnderTest = Subject;
    type Reference = Model;

    fn init_test(model: &Model) -> Subject {
        Subject::new(model.runtime.limits.clone())
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
            Command::Settle => subject.settle(),
            Command::TimeOut => subject.time_out(&model.runtime.limits),
            Command::ShutDown => subject.shut_down(),
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

    fn check_invariants(subject: &Subject, model: &Model) {
        checks::check_everything(subject, &model.runtime);
    }

    fn teardown(subject: Subject, mut model: Model) {
        // The executor shuts down, and drops the tasks of the active runs.
        model.runtime.interrupt(model.now);
        let subject = subject.without_executor();
        checks::check_everything(&subject, &model.runtime);
    }
}

prop_state_machine! {
    #[test]
    fn the_runtime_does_what_the_reference_says(
        sequential COMMANDS => TheRuntimeDoesWhatTheReferenceSays
    );
}
