//! Commands to a runtime with a store: the same, and what stores and processes do.

use std::time::Duration;

use proptest::prelude::*;
use proptest_state_machine::ReferenceStateMachine;

use super::command::{Command, Model, limits, reservation_steps};
use crate::limits::Limits;
use crate::reference::Keeping;

/// The commands of a runtime with a store. Each of them settles: an operation waits for the store,
/// and everything else goes on meanwhile.
#[derive(Debug)]
pub(super) struct StoredModel;

impl ReferenceStateMachine for StoredModel {
    type State = Model;
    type Transition = Command;

    fn init_state() -> BoxedStrategy<Model> {
        let model = |(limits, step, stored_workers)| {
            let limits = Limits {
                stored_workers,
                // Everything fits in memory, so that what is there is no question.
                workers: 100,
                total_bytes: usize::MAX,
                // Longer than all seconds that pass otherwise.
                run_time: Duration::from_secs(2_000),
                ..limits
            };
            Model::new(limits, step, Keeping::Stored)
        };
        let steps = reservation_steps();
        (limits(), steps, 1..4_usize).prop_map(model).boxed()
    }

    fn transitions(model: &Model) -> BoxedStrategy<Command> {
        let (refuse, accept) = match model.runtime.keeping() {
            Keeping::Refused => (0, 4),
            // Nothing tries to store what is refused any more.
            Keeping::InMemory | Keeping::Stored if model.runtime.is_shutting_down() => (0, 0),
            Keeping::InMemory | Keeping::Stored => (1, 0),
        };
        prop_oneof![
            30 => Model::transitions(model),
            2 => Just(Command::Wait),
            refuse => Just(Command::Refuse),
            accept => Just(Command::Accept),
            4 => Just(Command::Restart),
        ]
        .boxed()
    }

    fn preconditions(model: &Model, command: &Command) -> bool {
        let refused = model.runtime.keeping() == Keeping::Refused;
        if let Command::ShutDown | Command::Refuse = command {
            return !refused && !model.runtime.is_shutting_down();
        }
        refused || !matches!(command, Command::Accept)
    }

    fn apply(model: Model, command: &Command) -> Model {
        let mut model = Model::apply(model, command);
        model.runtime.settle(model.now);
        model
    }
}
