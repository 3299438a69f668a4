//! Commands to a runtime, and the results that the reference gives.

use std::time::Duration;

use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use proptest_state_machine::ReferenceStateMachine;

use super::Refusal;
use crate::limits::Limits;
use crate::reference::{
    Accepted, Create, Created, Initiated, Keeping, Millis, Profile, RunNumber, Runtime, Step,
    Worker, WorkerNumber,
};
use crate::run::{
    EngineErrorKind, ErrorDetail, Report, RunDiagnostic, RunError, RunErrorCode, Usage,
};
use crate::status::WorkerState;
use crate::transcript::TranscriptPosition;

/// The profiles at the beginning, the default one first.
pub(super) const PROFILES: &[Profile] = &[
    ("builtin:default", None),
    ("local:large", Some("large")),
    ("local:lost", Some("lost")),
];
/// The profiles that may replace them.
const OTHER_PROFILES: &[Profile] = &[("local:large", None), ("local:new", Some("large"))];
/// The models, the default one first.
pub(super) const MODELS: &[&str] = &["small", "large"];
/// How many readers follow along.
pub(super) const READERS: usize = 2;

/// An operation, or something that engines and time do.
#[derive(Debug, Clone)]
pub(super) enum Command {
    Create(Create),
    SetProfiles(&'static [Profile]),
    Send {
        worker: WorkerNumber,
        content: String,
        key: Option<u8>,
    },
    Engine {
        worker: WorkerNumber,
        step: Step,
    },
    /// A cancel or a stop starts; the run ends at the next `Settle`.
    Cancel {
        worker: WorkerNumber,
        expected: Option<RunNumber>,
    },
    Stop {
        worker: WorkerNumber,
    },
    Rename {
        worker: WorkerNumber,
        name: String,
    },
    /// A deletion starts; if a run has to end first, it is done at the next `Settle`.
    Delete {
        worker: WorkerNumber,
    },
    Settle,
    /// The longest time that a run may take passes.
    TimeOut,
    ShutDown,
    /// Some seconds pass.
    Wait,
    /// The store is full from now on.
    Refuse,
    /// The store takes changes again.
    Accept,
    /// The process ends in the middle of what it does, and another one opens the same store.
    Restart,
    List {
        after: Option<WorkerNumber>,
        state: Option<WorkerState>,
        limit: Option<usize>,
    },
    Events {
        worker: WorkerNumber,
        after: After,
        limit: Option<usize>,
    },
    Transcript {
        worker: WorkerNumber,
        position: TranscriptPosition,
        limit: Option<usize>,
    },
    /// A reader takes a page of a transcript, to continue from there.
    Open {
        reader: usize,
        worker: WorkerNumber,
    },
    /// A reader reads the events after its cursor.
    Follow {
        reader: usize,
        limit: Option<usize>,
    },
}

/// Where to read events from.
#[derive(Debug, Clone, Copy)]
pub(super) enum After {
    Nothing,
    Event(u64),
    /// The event with this number, of another epoch.
    Foreign(u64),
}

/// The result of a command that may change something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CommandResult {
    Created(Result<Created, Refusal>),
    Sent(Result<Accepted, Refusal>),
    Initiated(Result<Initiated, Refusal>),
    Renamed(Result<(), Refusal>),
    /// The runs that a shutdown cancels.
    Ending(Vec<(WorkerNumber, RunNumber)>),
    None,
}

/// The reference, the time, and the latest result.
#[derive(Debug, Clone)]
pub(super) struct Model {
    pub(super) runtime: Runtime,
    pub(super) now: Millis,
    pub(super) result: CommandResult,
}

impl ReferenceStateMachine for Model {
    type State = Self;
    type Transition = Command;

    fn init_state() -> BoxedStrategy<Self> {
        let model = |(limits, step)| Self::new(limits, step, Keeping::InMemory);
        (limits(), reservation_steps()).prop_map(model).boxed()
    }

    fn transitions(model: &Self) -> BoxedStrategy<Command> {
        // One more than there ever were: a worker that was never created, a run that was never
        // started.
        let mostly = |wanted: fn(&Worker) -> bool| model.mostly(wanted);
        let worker = mostly(|_| true);
        let idle = mostly(|worker| worker.state() == WorkerState::Idle);
        let running = mostly(|worker| worker.active_run().is_some());
        // Without workers there is not much to do.
        let first_ones = if model.runtime.known().count() < 2 {
            30
        } else {
            3
        };
        let run = option::weighted(0.3, 0..=model.runtime.runs);
        let limit = || option::of(0..6_usize);
        let number = || 0..14_u64;
        let key = option::of(0..4_u8);
        let changes = prop_oneof![
            first_ones => creations().prop_map(Command::Create),
            1 => prop_oneof![Just(PROFILES), Just(OTHER_PROFILES)].prop_map(Command::SetProfiles),
            6 => (idle, "[ab ]{0,3}|[ab]{7}|[ab]{3}", key).prop_map(
                |(worker, content, key)| Command::Send { worker, content, key }
            ),
            12 => (running, steps())
                .prop_map(|(worker, step)| Command::Engine { worker, step }),
            2 => (worker.clone(), run)
                .prop_map(|(worker, expected)| Command::Cancel { worker, expected }),
            2 => worker.clone().prop_map(|worker| Command::Stop { worker }),
            1 => (worker.clone(), prop_oneof![3 => Just("Eve"), 1 => Just(" ")])
                .prop_map(|(worker, name)| Command::Rename { worker, name: name.to_owned() }),
            1 => worker.clone().prop_map(|worker| Command::Delete { worker }),
        ];
        let passing = prop_oneof![
            20 => Just(Command::Settle),
            2 => Just(Command::TimeOut),
            1 => Just(Command::ShutDown),
        ];
        let after = prop_oneof![
            1 => Just(After::Nothing),
            4 => number().prop_map(After::Event),
            1 => number().prop_map(After::Foreign),
        ];
        let position = prop_oneof![
            Just(TranscriptPosition::Newest),
            number().prop_map(TranscriptPosition::Before),
            number().prop_map(TranscriptPosition::After),
        ];
        let reads = prop_oneof![
            (option::of(worker.clone()), option::of(states()), limit()).prop_map(
                |(after, state, limit)| Command::List {
                    after,
                    state,
                    limit
                }
            ),
            (worker.clone(), after, limit()).prop_map(|(worker, after, limit)| Command::Events {
                worker,
                after,
                limit
            }),
            (worker.clone(), position, limit()).prop_map(|(worker, position, limit)| {
                Command::Transcript {
                    worker,
                    position,
                    limit,
                }
            }),
            (0..READERS, worker).prop_map(|(reader, worker)| Command::Open { reader, worker }),
            (0..READERS, limit()).prop_map(|(reader, limit)| Command::Follow { reader, limit }),
        ];
        prop_oneof![8 => changes, 2 => passing, 4 => reads].boxed()
    }

    /// No two workers stop in the same `Settle`: their order would be up to the executor.
    fn preconditions(model: &Self, command: &Command) -> bool {
        let (Command::Stop { worker } | Command::Delete { worker }) = command else {
            return true;
        };
        // Whether it is stopped first would be, too.
        if model.runtime.is_being_deleted(*worker) {
            return false;
        }
        let stopping = |number| model.runtime.get(number).is_ok_and(Worker::is_stopping);
        let mut others = model.runtime.known().filter(|number| number != worker);
        !others.any(stopping)
    }

    fn apply(mut model: Self, command: &Command) -> Self {
        model.now += 1;
        let (runtime, now) = (&mut model.runtime, model.now);
        model.result = match command {
            Command::Create(request) => CommandResult::Created(runtime.create(request, now)),
            Command::SetProfiles(profiles) => {
                runtime.profiles = profiles;
                CommandResult::None
            }
            Command::Send {
                worker,
                content,
                key,
            } => {
                let key = key.map(|key| key.to_string());
                CommandResult::Sent(runtime.send(*worker, content, key.as_deref(), now))
            }
            Command::Cancel { worker, expected } => {
                CommandResult::Initiated(runtime.cancel(*worker, *expected))
            }
            Command::Stop { worker } => CommandResult::Initiated(runtime.stop(*worker, now)),
            Command::Delete { worker } => CommandResult::Initiated(runtime.delete(*worker, now)),
            Command::Rename { worker, name } => {
                CommandResult::Renamed(runtime.rename(*worker, name))
            }
            Command::ShutDown => CommandResult::Ending(runtime.shut_down()),
            Command::Engine { worker, step } => {
                runtime.engine(*worker, step, now);
                CommandResult::None
            }
            Command::Settle => {
                runtime.settle(now);
                CommandResult::None
            }
            Command::TimeOut => {
                runtime.time_out(now);
                CommandResult::None
            }
            Command::Wait => {
                runtime.wait();
                CommandResult::None
            }
            Command::Refuse => {
                runtime.set_keeping(Keeping::Refused);
                CommandResult::None
            }
            Command::Accept => {
                runtime.set_keeping(Keeping::Stored);
                runtime.wait();
                CommandResult::None
            }
            Command::Restart => {
                runtime.restart(now);
                CommandResult::None
            }
            Command::List { .. }
            | Command::Events { .. }
            | Command::Transcript { .. }
            | Command::Open { .. }
            | Command::Follow { .. } => CommandResult::None,
        };
        model
    }
}

impl Model {
    pub(super) fn new(limits: Limits, reservation_step: usize, keeping: Keeping) -> Self {
        Self {
            runtime: Runtime::new(limits, reservation_step, PROFILES, MODELS, keeping),
            now: 0,
            result: CommandResult::None,
        }
    }

    /// Mostly one of the workers that are wanted, if there are any.
    pub(super) fn mostly(&self, wanted: fn(&Worker) -> bool) -> BoxedStrategy<WorkerNumber> {
        let any = 0..=self.runtime.total_created();
        let is_wanted = |number: &WorkerNumber| self.runtime.get(*number).is_ok_and(wanted);
        let numbers: Vec<_> = self.runtime.known().filter(is_wanted).collect();
        if numbers.is_empty() {
            return any.boxed();
        }
        prop_oneof![5 => select(numbers), 1 => any].boxed()
    }
}

fn creations() -> impl Strategy<Value = Create> {
    let name = option::of(prop_oneof![3 => Just("Ada"), 3 => Just("Bob"), 1 => Just(" ")]);
    let profile = option::of(prop_oneof![
        1 => Just("builtin:default"),
        4 => Just("local:large"),
        1 => Just("local:lost"),
        1 => Just("local:new"),
    ]);
    let model = prop_oneof![2 => Just("small"), 2 => Just("large"), 1 => Just("lost")];
    let model = option::weighted(0.3, model);
    let key = option::of(0..4_u8);
    (name, profile, model, key).prop_map(|(name, profile, model, key)| Create {
        name: name.map(str::to_owned),
        profile: profile.map(str::to_owned),
        model: model.map(str::to_owned),
        key: key.map(|key| key.to_string()),
    })
}

fn steps() -> impl Strategy<Value = Step> {
    let timed_out = RunError {
        code: RunErrorCode::Engine(EngineErrorKind::TimedOut),
        detail: Some(ErrorDetail::IdleTimeout),
        retry_after: Some(Duration::from_secs(3)),
    };
    prop_oneof![
        4 => "[xyé]{0,2}".prop_map(Step::Push),
        4 => "[xyé]{1,14}".prop_map(Step::Push),
        3 => "[xyé]{0,6}".prop_map(Step::Reason),
        4 => reports().prop_map(Step::Report),
        4 => Just(Step::Complete),
        1 => Just(Step::Fail(timed_out)),
        1 => Just(Step::Fail(RunErrorCode::EnginePanicked.into())),
    ]
}

fn reports() -> impl Strategy<Value = Report> {
    let tokens = || option::of(0..3_u64);
    prop_oneof![
        (0..3_usize).prop_map(|entries| RunDiagnostic::ContextTruncated { entries }.into()),
        Just(RunDiagnostic::ReplyCutShort.into()),
        (tokens(), tokens()).prop_map(|(input_tokens, output_tokens)| {
            Report::Usage(Usage {
                input_tokens,
                output_tokens,
            })
        }),
        Just(Report::Retrying {
            kind: EngineErrorKind::Overloaded,
            delay: Duration::from_secs(1),
        }),
    ]
}

fn states() -> impl Strategy<Value = WorkerState> {
    prop_oneof![
        Just(WorkerState::Idle),
        Just(WorkerState::Queued),
        Just(WorkerState::Running),
        Just(WorkerState::Cancelling),
        Just(WorkerState::Stopped),
    ]
}

/// Steps that are smaller, and such that are larger than what a run adds.
pub(super) fn reservation_steps() -> impl Strategy<Value = usize> {
    prop_oneof![3 => 1..500_usize, 1 => 1..5_000_usize]
}

/// Limits so small that every one of them is reached.
pub(super) fn limits() -> impl Strategy<Value = Limits> {
    let sums = (2..5_usize, 1..4_usize, 0..3_usize, 0..9_000_usize);
    let transcript = (2..6_usize, 274..700_usize, 1..1_500_usize);
    let events = (1..8_usize, 164..1000_usize);
    (sums, transcript, events, 1..4_usize, 1..3_usize).prop_map(
        |(sums, transcript, events, input_keys, page_default)| {
            Limits {
                workers: sums.0,
                concurrent_runs: sums.1,
                queued_runs: sums.2,
                input_bytes: 6,
                output_bytes: 12,
                reasoning_bytes: 7,
                delta_bytes: 4,
                transcript_entries: transcript.0,
                transcript_bytes: transcript.1,
                transcript_page_bytes: transcript.2,
                events: events.0,
                event_bytes: events.1,
                input_keys,
                page_default,
                page_max: 3,
                list_scan: 3,
                ..Limits::default()
            }
            .with_least_bytes_and(sums.3)
        },
    )
}
