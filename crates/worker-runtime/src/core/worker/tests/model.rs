//! The rules once more, written the slow and obvious way, and compared with the worker
//! after every one of many random commands.

use proptest::prelude::*;

use super::*;

/// What can happen to a worker.
#[derive(Debug, Clone)]
enum Command {
    Input { content: String, key: Option<u8> },
    Text { late: bool, text: String },
    Cancel { expected: Option<u32> },
    Stop,
    Finish { late: bool, end: RunEnd },
}

/// How the model says that the run in progress will end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Open,
    Cancelled,
    Full,
}

#[derive(Debug, Default)]
struct Model {
    /// Run number, text so far, and its fate.
    active: Option<(u32, String, Fate)>,
    stop_asked: bool,
    stopped: bool,
    /// Everything ever said and everything that ever happened.
    said: Vec<String>,
    happened: Vec<String>,
    keys: Vec<(u8, String, u32)>,
    runs: u32,
}

const OUTPUT: usize = 12;
const ENTRIES: usize = 4;
const EVENTS: usize = 6;
const KEYS: usize = 3;

fn limits() -> Limits {
    Limits {
        input_bytes: 6,
        output_bytes: OUTPUT,
        delta_bytes: 4,
        transcript_entries: ENTRIES,
        events: EVENTS,
        input_keys: KEYS,
        ..Limits::default()
    }
}

impl Model {
    fn state(&self) -> WorkerState {
        match &self.active {
            None if self.stopped => WorkerState::Stopped,
            None => WorkerState::Idle,
            Some((_, _, Fate::Open)) => WorkerState::Running,
            Some(_) => WorkerState::Cancelling,
        }
    }

    /// The expected answer: `ok N`, `replay N` or the name of the refusal.
    fn input(&mut self, content: &str, key: Option<u8>) -> String {
        let known = self.keys.iter().find(|(known, _, _)| Some(*known) == key);
        match known {
            Some((_, said, number)) if said == content => return format!("replay {number}"),
            Some(_) => return "conflict".into(),
            None => {}
        }
        if self.stopped || self.stop_asked {
            return "stopped".into();
        }
        if self.active.is_some() {
            return "busy".into();
        }
        if content.trim().is_empty() {
            return "empty".into();
        }
        if content.len() > 6 {
            return "too large".into();
        }
        self.runs += 1;
        if let Some(key) = key {
            self.keys.push((key, content.to_owned(), self.runs));
            if self.keys.len() > KEYS {
                self.keys.remove(0);
            }
        }
        self.said.push(format!("user:{content}"));
        self.happened.push("input_accepted".into());
        self.active = Some((self.runs, String::new(), Fate::Open));
        format!("ok {}", self.runs)
    }

    fn text(&mut self, text: &str) -> bool {
        let Some((_, reply, fate @ Fate::Open)) = &mut self.active else {
            return false;
        };
        let mut delta = String::new();
        for character in text.chars() {
            if reply.len() + character.len_utf8() > OUTPUT {
                *fate = Fate::Full;
                break;
            }
            if delta.len() + character.len_utf8() > 4 {
                self.happened.push(format!("+{delta}"));
                delta.clear();
            }
            delta.push(character);
            reply.push(character);
        }
        if !delta.is_empty() {
            self.happened.push(format!("+{delta}"));
        }
        *fate == Fate::Open
    }

    fn cancel(&mut self, expected: Option<u32>) -> String {
        match &mut self.active {
            None => "not running".into(),
            Some((number, _, _)) if expected.is_some_and(|run| run != *number) => "mismatch".into(),
            Some((number, _, fate)) => {
                *fate = Fate::Cancelled;
                format!("ok {number}")
            }
        }
    }

    fn stop(&mut self) {
        match &mut self.active {
            Some((_, _, fate)) => {
                *fate = Fate::Cancelled;
                self.stop_asked = true;
            }
            None if self.stopped => {}
            None => {
                self.stopped = true;
                self.happened.push("worker_stopped".into());
            }
        }
    }

    fn finish(&mut self, end: RunEnd) {
        let Some((_, reply, fate)) = self.active.take() else {
            return;
        };
        let (word, whole) = match (fate, end) {
            (Fate::Cancelled, _) => ("cancelled".to_owned(), false),
            (Fate::Full, _) => ("failed(output_limit)".to_owned(), false),
            (_, RunEnd::Completed(_)) => ("completed".to_owned(), true),
            (_, RunEnd::Cancelled) => ("cancelled".to_owned(), false),
            (_, RunEnd::Failed(code)) => (format!("failed({code})"), false),
            (_, RunEnd::TimedOut) => ("timed_out".to_owned(), false),
        };
        if !reply.is_empty() {
            let more = if whole { "" } else { "…" };
            self.said.push(format!("assistant:{reply}{more}"));
        }
        self.happened.push(word);
        if self.stop_asked {
            self.stopped = true;
            self.happened.push("worker_stopped".into());
        }
    }
}

fn answer(worker: &mut Worker, content: &str, key: Option<u8>, number: u32) -> String {
    let new = match key {
        Some(key) => keyed(run(number), content, &key.to_string()),
        None => input(run(number), content),
    };
    match worker.accept(new, NOW) {
        Ok(accepted) => {
            let word = if accepted.replayed { "replay" } else { "ok" };
            let number = (1..=number).find(|n| run(*n) == accepted.run_id).unwrap();
            format!("{word} {number}")
        }
        Err(InputError::IdempotencyConflict { .. }) => "conflict".into(),
        Err(InputError::WorkerStopped { .. }) => "stopped".into(),
        Err(InputError::Busy { .. }) => "busy".into(),
        Err(InputError::Empty) => "empty".into(),
        Err(InputError::TooLarge { .. }) => "too large".into(),
        Err(other) => panic!("{other}"),
    }
}

fn cancelled(worker: &mut Worker, expected: Option<u32>, last: u32) -> String {
    match worker.cancel(expected.map(run)) {
        Ok(None) => "not running".into(),
        Ok(Some(id)) => {
            let number = (1..=last).find(|n| run(*n) == id).unwrap();
            format!("ok {number}")
        }
        Err(CancelError::RunMismatch { .. }) => "mismatch".into(),
        Err(other) => panic!("{other}"),
    }
}

/// Compares everything that can be seen, and checks what must hold of any worker.
fn check(worker: &Worker, model: &Model) {
    assert_eq!(worker.state(), model.state());
    assert_eq!(
        worker.active_run(),
        model.active.as_ref().map(|(n, ..)| run(*n))
    );

    let tail = |all: &[String], kept| all[all.len().saturating_sub(kept)..].join(" ");
    assert_eq!(said(worker), tail(&model.said, ENTRIES));
    let last = worker.bounds().last_sequence.unwrap_or(0);
    assert_eq!(last, model.said.len() as u64);

    // `story` leaves out the first event held, which is `worker_created` at first.
    let held = model.happened.len().min(EVENTS - 1);
    assert_eq!(story(worker), tail(&model.happened, held));
    assert_eq!(worker.cursor().sequence(), 1 + model.happened.len() as u64);
    let page = worker.read(None, usize::MAX).unwrap();
    let numbers = page.events.iter().map(|event| event.cursor.sequence());
    assert!(
        numbers.rev().eq((1..=worker.cursor().sequence())
            .rev()
            .take(page.events.len()))
    );

    let reply = worker.in_flight().map(|(_, pieces)| pieces.concat());
    assert_eq!(
        reply,
        model.active.as_ref().map(|(_, text, _)| text.clone())
    );

    let begun = model
        .happened
        .iter()
        .filter(|word| *word == "input_accepted")
        .count();
    let ended = model.happened.iter().filter(|word| is_end(word)).count();
    assert_eq!(begun - ended, usize::from(model.active.is_some()));
}

fn is_end(word: &str) -> bool {
    matches!(word, "completed" | "cancelled" | "timed_out") || word.starts_with("failed")
}

fn commands() -> impl Strategy<Value = Command> {
    let key = proptest::option::of(0..5_u8);
    let end = prop_oneof![
        3 => Just(RunEnd::Completed(Usage::default())),
        1 => Just(RunEnd::TimedOut),
        1 => Just(RunEnd::Failed(RunErrorCode::EnginePanicked)),
    ];
    let late = prop::bool::weighted(0.1);
    prop_oneof![
        6 => ("[ab ]{0,3}|[ab]{7}", key).prop_map(|(content, key)| Command::Input { content, key }),
        6 => (late, "[xyé]{0,8}").prop_map(|(late, text)| Command::Text { late, text }),
        2 => proptest::option::of(0..6_u32).prop_map(|expected| Command::Cancel { expected }),
        1 => Just(Command::Stop),
        4 => (late, end).prop_map(|(late, end)| Command::Finish { late, end }),
    ]
}

proptest! {
    #[test]
    fn the_worker_does_what_the_model_says(commands in prop::collection::vec(commands(), 1..60)) {
        let mut worker = worker_with(limits());
        let mut model = Model::default();
        let mut ceiling = worker.held_bytes();
        // A run that is never the active one.
        let stray = u32::MAX;
        for command in commands {
            match command {
                Command::Input { content, key } => {
                    let next = model.runs + 1;
                    if let Ok(Admission::Start { ceiling_bytes }) =
                        worker.admit(&match key {
                            Some(key) => keyed(run(next), &content, &key.to_string()),
                            None => input(run(next), &content),
                        })
                    {
                        ceiling = ceiling_bytes;
                    }
                    let expected = model.input(&content, key);
                    prop_assert_eq!(answer(&mut worker, &content, key, next), expected);
                }
                Command::Text { late: true, text } => {
                    prop_assert_eq!(worker.extend(run(stray), &text, NOW), Err(OutputClosed));
                }
                Command::Text { late: false, text } => {
                    let number = model.active.as_ref().map_or(stray, |(number, ..)| *number);
                    let taken = worker.extend(run(number), &text, NOW).is_ok();
                    prop_assert_eq!(taken, model.text(&text));
                }
                Command::Cancel { expected } => {
                    let wanted = model.cancel(expected);
                    prop_assert_eq!(cancelled(&mut worker, expected, model.runs), wanted);
                }
                Command::Stop => {
                    worker.stop(NOW);
                    model.stop();
                }
                Command::Finish { late: true, end } => {
                    prop_assert_eq!(worker.finish(run(stray), end, NOW), None);
                }
                Command::Finish { late: false, end } => {
                    let number = model.active.as_ref().map_or(stray, |(number, ..)| *number);
                    worker.finish(run(number), end, NOW);
                    model.finish(end);
                }
            }
            check(&worker, &model);
            prop_assert!(worker.held_bytes() <= ceiling);
        }
    }
}
