//! The worker against the [reference](crate::reference): many random commands, and after each
//! of them everything that can be seen.

use proptest::prelude::*;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};

use super::*;
use crate::reference::{self, Begun, Millis, Names, Refusal, RunNumber, Step};

mod seen;

/// Commands in one sequence: enough for every ring to turn over several times.
const COMMANDS: std::ops::Range<usize> = 1..60;

/// What can happen to a worker. Late is what comes from a run that isn't the active one.
#[derive(Debug, Clone)]
enum Command {
    Input { content: String, key: Option<u8> },
    Engine { late: bool, step: Step },
    Cancel { expected: Option<RunNumber> },
    Stop,
}

/// What a command was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Answer {
    Input(Result<reference::Accepted, Refusal>),
    /// Whether the output takes more text.
    Open(bool),
    /// How the run has ended, if it was this one.
    Ended(Option<RunOutcome>),
    Begun(Result<Begun, Refusal>),
    None,
}

/// The reference, the time, and what it answered last.
#[derive(Debug, Clone)]
struct Model {
    limits: Limits,
    worker: reference::Worker,
    runs: usize,
    now: Millis,
    answer: Answer,
}

impl ReferenceStateMachine for Model {
    type State = Self;
    type Transition = Command;

    fn init_state() -> BoxedStrategy<Self> {
        let model = |limits: Limits| Self {
            worker: reference::Worker::new(limits.clone(), None, 0),
            limits,
            runs: 0,
            now: 0,
            answer: Answer::None,
        };
        limits().prop_map(model).boxed()
    }

    fn transitions(model: &Self) -> BoxedStrategy<Command> {
        let key = proptest::option::of(0..5_u8);
        let late = prop::bool::weighted(0.1);
        let expected = proptest::option::of(0..=model.runs);
        prop_oneof![
            6 => ("[ab ]{0,3}|[ab]{7}", key)
                .prop_map(|(content, key)| Command::Input { content, key }),
            10 => (late, steps()).prop_map(|(late, step)| Command::Engine { late, step }),
            2 => expected.prop_map(|expected| Command::Cancel { expected }),
            1 => Just(Command::Stop),
        ]
        .boxed()
    }

    fn apply(mut model: Self, command: &Command) -> Self {
        model.now += 1;
        let now = model.now;
        let worker = &mut model.worker;
        model.answer = match command {
            Command::Input { content, key } => {
                let key = key.map(|key| key.to_string());
                Answer::Input(worker.admit(content, key.as_deref()).map(|replay| {
                    replay.unwrap_or_else(|| {
                        model.runs += 1;
                        worker.accept(model.runs - 1, content, key.as_deref(), now)
                    })
                }))
            }
            Command::Engine { late, step } => {
                let ends = worker.active_run().is_some() && !late;
                let open = !late && worker.engine(step, now);
                match step {
                    Step::Say(_) => Answer::Open(open),
                    Step::Remark(_) => Answer::None,
                    Step::Complete(_) | Step::Fail(_) | Step::Dawdle => {
                        let last = worker.last_end().filter(|_| ends);
                        Answer::Ended(last.map(|last| last.outcome))
                    }
                }
            }
            Command::Cancel { expected } => Answer::Begun(worker.cancel(*expected)),
            Command::Stop => Answer::Begun(Ok(worker.stop(now))),
        };
        model
    }
}

/// The worker, and which run has which number.
struct Subject {
    worker: Worker,
    names: Names,
}

impl Subject {
    fn do_as_told(&mut self, command: Command, now: Timestamp) -> Answer {
        // A run that is never the active one.
        let stray = run(u32::MAX);
        match command {
            Command::Input { content, key } => Answer::Input(self.input(&content, key, now)),
            Command::Engine { late, step } => {
                let active = self.worker.active_run().filter(|_| !late).unwrap_or(stray);
                self.engine(active, step, now)
            }
            Command::Cancel { expected } => {
                let expected = expected.map(|run| *self.names.runs.get(run).unwrap_or(&stray));
                let begun = self.worker.cancel(expected);
                match begun {
                    Ok(run) => Answer::Begun(Ok(self.begun(run))),
                    Err(error) => Answer::Begun(Err(self.names.refused_cancel(&error))),
                }
            }
            Command::Stop => {
                let begun = self.worker.stop(now);
                Answer::Begun(Ok(self.begun(begun)))
            }
        }
    }

    fn input(
        &mut self,
        content: &str,
        key: Option<u8>,
        now: Timestamp,
    ) -> Result<reference::Accepted, Refusal> {
        let id = run(u32::try_from(self.names.runs.len()).unwrap());
        let new = match key {
            Some(key) => keyed(id, content, &key.to_string()),
            None => input(id, content),
        };
        match self.worker.accept(new, now) {
            Ok(accepted) => {
                if !accepted.replayed {
                    self.names.runs.push(id);
                }
                Ok(self.names.accepted(&accepted))
            }
            Err(error) => Err(self.names.refused_input(&error)),
        }
    }

    fn engine(&mut self, run: RunId, step: Step, now: Timestamp) -> Answer {
        let end = match step {
            Step::Say(texts) => {
                let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
                return Answer::Open(self.worker.extend(run, &texts, now).is_ok());
            }
            Step::Remark(remark) => {
                self.worker.remark(run, remark);
                return Answer::None;
            }
            Step::Complete(usage) => RunEnd::Completed(usage),
            Step::Fail(code) => RunEnd::Failed(code),
            Step::Dawdle => RunEnd::TimedOut,
        };
        Answer::Ended(self.worker.finish(run, end, now))
    }

    fn begun(&self, run: Option<RunId>) -> Begun {
        run.map_or(Begun::Nothing, |run| Begun::Ending(self.names.run(run)))
    }
}

struct TheWorkerDoesWhatTheReferenceSays;

impl StateMachineTest for TheWorkerDoesWhatTheReferenceSays {
    type SystemUnderTest = Subject;
    type Reference = Model;

    fn init_test(model: &Model) -> Subject {
        model.limits.validate().unwrap();
        Subject {
            worker: worker_with(model.limits.clone()),
            names: Names::default(),
        }
    }

    fn apply(mut subject: Subject, model: &Model, command: Command) -> Subject {
        let told = format!("{command:?}");
        let now = Timestamp::from_millisecond(model.now).unwrap();
        let answer = subject.do_as_told(command, now);
        assert_eq!(answer, model.answer, "the answer to {told}");
        subject
    }

    fn check_invariants(subject: &Subject, model: &Model) {
        seen::check_state(subject, model);
        seen::check_events(subject, model);
        seen::check_transcript(subject, model);
        seen::check_bytes(subject, model);
    }
}

/// Bounds so small that everything is reached.
fn limits() -> impl Strategy<Value = Limits> {
    (
        2..6_usize,
        274..700_usize,
        1..8_usize,
        164..1000_usize,
        1..5_usize,
        1..500_usize,
    )
        .prop_map(
            |(entries, transcript_bytes, events, event_bytes, input_keys, page_bytes)| Limits {
                input_bytes: 6,
                output_bytes: 12,
                delta_bytes: 4,
                transcript_entries: entries,
                transcript_bytes,
                transcript_page_bytes: page_bytes,
                events,
                event_bytes,
                input_keys,
                ..Limits::default()
            },
        )
}

fn steps() -> impl Strategy<Value = Step> {
    let usage = |input_tokens| Usage {
        input_tokens,
        output_tokens: 1,
    };
    prop_oneof![
        3 => "[xyé]{0,8}".prop_map(|text| Step::Say(vec![text])),
        3 => prop::collection::vec("[xyé]{0,2}|[xyé]{1,8}", 0..5).prop_map(Step::Say),
        1 => (0..3_usize).prop_map(|entries| Step::Remark(Remark::ContextTruncated { entries })),
        1 => Just(Step::Remark(Remark::ReplyCutShort)),
        3 => (0..3_u64).prop_map(move |tokens| Step::Complete(usage(tokens))),
        1 => Just(Step::Dawdle),
        1 => Just(Step::Fail(RunErrorCode::EnginePanicked)),
    ]
}

prop_state_machine! {
    #[test]
    fn the_worker_does_what_the_reference_says(
        sequential COMMANDS => TheWorkerDoesWhatTheReferenceSays
    );
}
