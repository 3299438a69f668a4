//! What each operation should answer, and which call it should come down to.

use std::collections::BTreeMap;

use super::super::memory::{Health, Ports, Worker};

/// What is asked of the registry.
#[derive(Debug, Clone, Copy)]
pub(super) enum Operation {
    Get,
    Create,
    Send,
    Cancel,
    Stop,
    Transcript,
    Events,
    Subscribe,
}

/// A runtime, as it should be.
#[derive(Debug, Clone)]
pub(super) struct Runtime {
    pub(super) ports: Ports,
    pub(super) health: Health,
    pub(super) workers: BTreeMap<usize, Worker>,
}

/// All runtimes; what was to be answered last, and which call of which source was to be made.
#[derive(Debug, Clone)]
pub(super) struct Model {
    pub(super) runtimes: Vec<Runtime>,
    pub(super) answer: String,
    pub(super) call: Option<(usize, String)>,
}

impl Model {
    /// What the operation answers: who did what, or the refusal.
    pub(super) fn ask(&mut self, place: usize, number: usize, what: Operation) -> String {
        let Some(runtime) = self.runtimes.get_mut(place) else {
            return format!("runtime r{place} is unknown");
        };
        let name = what.name();
        if !what.is_possible_with(runtime.ports) {
            return format!("runtime r{place} does not support {name}");
        }
        let created = matches!(what, Operation::Create);
        let about = if created {
            String::new()
        } else {
            format!(" w{number}")
        };
        self.call = Some((place, format!("{name}{about}")));
        match (what, runtime.health) {
            // A stream is only handed out.
            (Operation::Subscribe, _) => "a stream".into(),
            (_, Health::Failing) => format!("runtime r{place} is unavailable: source_failed"),
            (_, Health::Hanging) => format!("runtime r{place} is unavailable: deadline_exceeded"),
            (_, Health::Sound) => runtime.answer(place, number, what),
        }
    }
}

impl Operation {
    fn name(self) -> &'static str {
        match self {
            Self::Get => "get_worker",
            Self::Create => "create_worker",
            Self::Send => "send_input",
            Self::Cancel => "cancel_run",
            Self::Stop => "stop_worker",
            Self::Transcript => "read_transcript",
            Self::Events | Self::Subscribe => "read_events",
        }
    }

    /// Whether a source with these ports can do it.
    fn is_possible_with(self, ports: Ports) -> bool {
        match self {
            Self::Get => true,
            Self::Create | Self::Cancel | Self::Stop => ports.lifecycle,
            Self::Send => ports.interaction,
            Self::Transcript | Self::Events | Self::Subscribe => ports.observation,
        }
    }
}

impl Runtime {
    fn answer(&mut self, place: usize, number: usize, what: Operation) -> String {
        if matches!(what, Operation::Create) {
            let number = self.workers.keys().max().map_or(0, |number| number + 1);
            self.workers.insert(number, Worker::default());
            return format!("w{number}@r{place}: w{number} of r{place} after 0");
        }
        let Some(worker) = self.workers.get_mut(&number) else {
            return format!("worker w{number}@r{place} is unknown");
        };
        match what {
            Operation::Send if worker.stopped => {
                return format!("worker w{number}@r{place} is stopped");
            }
            Operation::Send => worker.inputs += 1,
            Operation::Stop => worker.stopped = true,
            Operation::Get
            | Operation::Create
            | Operation::Cancel
            | Operation::Transcript
            | Operation::Events
            | Operation::Subscribe => {}
        }
        let inputs = worker.inputs;
        match what {
            Operation::Cancel if inputs == 0 => "not running".into(),
            Operation::Send | Operation::Cancel => format!("w{number}-r{place}-{inputs}"),
            Operation::Transcript | Operation::Events => format!("after {inputs}"),
            Operation::Get | Operation::Stop | Operation::Create | Operation::Subscribe => {
                format!("w{number}@r{place}: w{number} of r{place} after {inputs}")
            }
        }
    }
}
