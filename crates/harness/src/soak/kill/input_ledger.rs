//! The inputs that were sent to one worker, and what became of them.

use std::collections::HashMap;

use registry_core::RunId;
use registry_core::projection::{AcceptedInput, EntryRole, TranscriptEntry};

use super::clock::Moment;
use super::findings::{Findings, Promise};
use crate::engine::{Numbered, Script};

/// An input, which may be sent several times when it has a key.
#[derive(Debug)]
pub(super) struct Input {
    pub(super) content: String,
    pub(super) key: Option<String>,
    /// The run and the sequence of its entry, once an answer or the transcript told them.
    pub(super) accepted: Option<(RunId, u64)>,
    pub(super) first_sent: Moment,
    attempts: usize,
    /// Attempts that were not answered before the server was gone.
    unknown: usize,
    /// Answers that said it was accepted just now.
    fresh: usize,
    /// Whether the next verification repeats it.
    is_due: bool,
}

impl Input {
    /// The reply that the engine was asked for.
    pub(super) fn reply(&self) -> Option<Numbered> {
        match serde_json::from_str(&self.content) {
            Ok(Script::Numbered(reply)) => Some(reply),
            _ => None,
        }
    }
}

/// What was answered to an input.
#[derive(Debug)]
pub(super) enum InputAnswer {
    Accepted(AcceptedInput, Replay),
    /// The worker was busy, stopped or gone, or there was no capacity.
    Refused,
    /// The server was gone.
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Replay {
    /// It was carried out just now.
    Fresh,
    /// It had been carried out before.
    Replayed,
}

#[derive(Debug, Default)]
pub(super) struct InputLedger {
    inputs: Vec<Input>,
}

impl InputLedger {
    /// An input is about to be sent. Gives its index.
    pub(super) fn add(&mut self, content: String, key: Option<String>, now: Moment) -> usize {
        self.inputs.push(Input {
            content,
            key,
            accepted: None,
            first_sent: now,
            attempts: 1,
            unknown: 0,
            fresh: 0,
            is_due: true,
        });
        self.inputs.len() - 1
    }

    /// An input is about to be sent once more. Gives its content and key.
    pub(super) fn repeat(&mut self, index: usize) -> (String, Option<String>) {
        let input = &mut self.inputs[index];
        input.attempts += 1;
        (input.content.clone(), input.key.clone())
    }

    /// The indices of the inputs that may be repeated.
    pub(super) fn keyed(&self) -> Vec<usize> {
        let keyed = |(_, input): &(usize, &Input)| input.key.is_some();
        let inputs = self.inputs.iter().enumerate().filter(keyed);
        inputs.map(|(index, _)| index).collect()
    }

    /// The indices of those that may be repeated and were not given by this before.
    pub(super) fn take_due(&mut self) -> Vec<usize> {
        let keyed = self.keyed();
        let due = keyed.into_iter();
        due.filter(|index| std::mem::take(&mut self.inputs[*index].is_due))
            .collect()
    }

    /// How many were accepted for certain.
    pub(super) fn accepted(&self) -> usize {
        let is_accepted = |input: &&Input| input.accepted.is_some();
        self.inputs.iter().filter(is_accepted).count()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Input> {
        self.inputs.iter()
    }

    pub(super) fn answered(
        &mut self,
        index: usize,
        answer: InputAnswer,
        worker: &str,
        findings: &mut Findings,
    ) {
        let input = &mut self.inputs[index];
        let (accepted, replay) = match answer {
            InputAnswer::Accepted(accepted, replay) => (accepted, replay),
            InputAnswer::Refused => return,
            InputAnswer::Unknown => {
                input.unknown += 1;
                return;
            }
        };
        let content = &input.content;
        let found = (accepted.run_id, accepted.sequence);
        input.fresh += usize::from(replay == Replay::Fresh);
        let mut check = |held: bool, text: &str| {
            findings.check(held, Promise::Twice, worker, || {
                format!("{text}: {content}, {found:?} {replay:?}")
            });
        };
        check(input.fresh <= 1, "accepted twice");
        let is_first = input.attempts == 1 || input.key.is_none();
        let is_repeated = replay == Replay::Replayed;
        check(!(is_first && is_repeated), "a replay of what was sent once");
        if let Some(before) = &input.accepted {
            check(*before == found, &format!("accepted as {before:?} before"));
        }
        input.accepted.get_or_insert(found);
    }

    /// Holds a whole transcript, read while nothing is being sent, against what was sent.
    pub(super) fn compare(
        &mut self,
        entries: &[TranscriptEntry],
        worker: &str,
        findings: &mut Findings,
    ) {
        let mut sequences: HashMap<&str, &TranscriptEntry> = HashMap::new();
        for entry in entries.iter().filter(|entry| entry.role == EntryRole::User) {
            if let Some(other) = sequences.insert(&entry.content, entry) {
                let (first, second, content) = (other.sequence, entry.sequence, &entry.content);
                let text = format!("entries {first} and {second} are both {content}");
                findings.add(Promise::Twice, worker, text);
            }
        }
        for input in &mut self.inputs {
            let content = &input.content;
            let found = sequences.remove(content.as_str());
            let found = found.map(|entry| (entry.run_id.clone(), entry.sequence));
            match (&input.accepted, found) {
                (None, None) => {}
                (Some(expected), Some(found)) if *expected == found => {}
                (Some(expected), found) => {
                    let text = format!("expected {content} as {expected:?}, found {found:?}");
                    findings.add(Promise::Lost, worker, text);
                }
                (None, Some(found)) if input.unknown > 0 => input.accepted = Some(found),
                (None, Some(found)) => {
                    let text = format!("{content} was refused, and is there as {found:?}");
                    findings.add(Promise::Twice, worker, text);
                }
            }
            // What has not happened by now never will.
            input.unknown = 0;
        }
        for content in sequences.into_keys() {
            let text = format!("nobody sent {content}");
            findings.add(Promise::Torn, worker, text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use registry_core::Cursor;
    use serde_json::json;

    fn accepted(run: &str, sequence: u64) -> AcceptedInput {
        let cursor = Cursor::new(1, 1);
        let input = json!({ "run_id": run, "sequence": sequence, "cursor": cursor });
        serde_json::from_value(input).unwrap()
    }

    fn entry(sequence: u64, run: &str, content: &str) -> TranscriptEntry {
        serde_json::from_value(json!({
            "sequence": sequence, "role": "user", "content": content, "run_id": run,
            "created_at": "2026-01-01T00:00:00Z",
        }))
        .unwrap()
    }

    /// What is found when a keyed input is sent once for each answer, and then read.
    fn found(answers: Vec<InputAnswer>, entries: &[TranscriptEntry]) -> Vec<Promise> {
        let (mut ledger, mut findings) = (InputLedger::default(), Findings::default());
        let index = ledger.add("x".to_owned(), Some("key".to_owned()), Moment::NEVER);
        for (number, answer) in answers.into_iter().enumerate() {
            if number > 0 {
                ledger.repeat(index);
            }
            ledger.answered(index, answer, "w", &mut findings);
        }
        ledger.compare(entries, "w", &mut findings);
        findings.promises()
    }

    fn fresh() -> InputAnswer {
        InputAnswer::Accepted(accepted("r", 1), Replay::Fresh)
    }

    fn replayed() -> InputAnswer {
        InputAnswer::Accepted(accepted("r", 1), Replay::Replayed)
    }

    #[test]
    fn an_input_that_is_there_once_or_not_at_all_is_consistent() {
        let there = [entry(1, "r", "x")];
        assert_eq!(found(vec![fresh(), replayed()], &there), []);
        assert_eq!(found(vec![InputAnswer::Unknown], &there), []);
        assert_eq!(found(vec![InputAnswer::Unknown], &[]), []);
        assert_eq!(found(vec![InputAnswer::Unknown, replayed()], &there), []);
        assert_eq!(found(vec![InputAnswer::Refused], &[]), []);
    }

    #[test]
    fn an_input_that_is_lost_or_there_twice_is_found() {
        let (lost, twice) = (Promise::Lost, Promise::Twice);
        assert_eq!(found(vec![fresh()], &[]), [lost]);
        assert_eq!(found(vec![fresh()], &[entry(1, "s", "x")]), [lost]);
        assert_eq!(
            found(vec![fresh(), fresh()], &[entry(1, "r", "x")]),
            [twice]
        );
        assert_eq!(found(vec![replayed()], &[entry(1, "r", "x")]), [twice]);
        let both = [entry(1, "r", "x"), entry(2, "s", "x")];
        assert_eq!(found(vec![InputAnswer::Unknown], &both), [twice]);
        assert_eq!(
            found(vec![InputAnswer::Refused], &[entry(1, "r", "x")]),
            [twice]
        );
        let other = InputAnswer::Accepted(accepted("s", 3), Replay::Replayed);
        let entries = [entry(1, "r", "x")];
        assert_eq!(found(vec![fresh(), other], &entries), [twice]);
        assert_eq!(found(vec![], &[entry(1, "r", "y")]), [Promise::Torn]);
    }
}
