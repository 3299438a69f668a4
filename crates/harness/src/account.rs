//! The account of runs: each accepted input has exactly one terminal event, and nothing is
//! said of a run before it began or after it ended.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use registry_core::RunId;
use registry_core::projection::{AcceptedInput, EventKind, WorkerEvent};

/// What is known of every run that was accepted.
#[derive(Debug, Default)]
pub(crate) struct Account {
    runs: HashMap<RunId, Run>,
}

#[derive(Debug, Default)]
struct Run {
    /// The answer to the input said so.
    accepted: bool,
    begun: usize,
    ended: usize,
    /// What was said outside of the run's life: text, an end before the beginning, or anything
    /// at all by a second worker.
    astray: usize,
}

/// What does not add up.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Balance {
    /// Accepted inputs.
    pub(crate) accepted: usize,
    /// Accepted inputs without a terminal event.
    pub(crate) without_end: usize,
    /// Runs with more than one terminal event.
    pub(crate) ended_twice: usize,
    /// Runs in the log that no answer accepted, that began not once, whose text or end came
    /// outside of their life, or that two workers share.
    pub(crate) disorderly: usize,
}

impl Account {
    /// An input was accepted.
    pub(crate) fn accepted(&mut self, input: &AcceptedInput) {
        self.run(&input.run_id).accepted = true;
    }

    /// An event was read.
    pub(crate) fn saw(&mut self, event: &WorkerEvent) {
        match &event.kind {
            EventKind::WorkerCreated | EventKind::WorkerStopped => {}
            EventKind::InputAccepted { run_id, .. } => self.run(run_id).begun += 1,
            EventKind::RunFinished { run_id, .. } => {
                let run = self.run(run_id);
                run.ended += 1;
                if run.begun != 1 {
                    run.astray += 1;
                }
            }
            EventKind::OutputDelta { run_id, .. } => {
                let run = self.run(run_id);
                if run.begun != 1 || run.ended != 0 {
                    run.astray += 1;
                }
            }
        }
    }

    /// Takes over what another account knows, of other workers: a run that both know is astray.
    pub(crate) fn join(&mut self, other: Self) {
        for (id, more) in other.runs {
            match self.runs.entry(id) {
                Entry::Vacant(place) => {
                    place.insert(more);
                }
                Entry::Occupied(mut shared) => {
                    let run = shared.get_mut();
                    run.accepted |= more.accepted;
                    run.begun += more.begun;
                    run.ended += more.ended;
                    run.astray += more.astray + 1;
                }
            }
        }
    }

    /// What does not add up.
    pub(crate) fn balance(&self) -> Balance {
        let count = |test: fn(&Run) -> bool| self.runs.values().filter(|run| test(run)).count();
        Balance {
            accepted: count(|run| run.accepted),
            without_end: count(|run| run.accepted && run.ended == 0),
            ended_twice: count(|run| run.ended > 1),
            disorderly: count(|run| !run.accepted || run.begun != 1 || run.astray > 0),
        }
    }

    /// How many of the runs that this account saw begin did not end exactly once, or were
    /// accepted by none of the answers that `accepted` knows.
    pub(crate) fn against(&self, accepted: &Self) -> usize {
        let unsound = |(id, run): &(&RunId, &Run)| {
            let known = accepted.runs.get(*id).is_some_and(|run| run.accepted);
            !known || run.begun != 1 || run.ended != 1 || run.astray > 0
        };
        self.runs.iter().filter(unsound).count()
    }

    fn run(&mut self, id: &RunId) -> &mut Run {
        self.runs.entry(id.clone()).or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use registry_core::Cursor;
    use serde_json::json;

    fn saw(account: &mut Account, mut event: serde_json::Value) {
        event["cursor"] = json!(Cursor::new(1, 1));
        event["at"] = json!("2026-01-01T00:00:00Z");
        account.saw(&serde_json::from_value(event).unwrap());
    }

    fn begun(id: &str) -> Account {
        let mut account = Account::default();
        let input = json!({ "run_id": id, "sequence": 1, "cursor": Cursor::new(1, 1) });
        account.accepted(&serde_json::from_value(input).unwrap());
        saw(
            &mut account,
            json!({ "kind": "input_accepted", "run_id": id, "sequence": 1 }),
        );
        account
    }

    #[test]
    fn a_run_without_an_end_or_with_two_does_not_add_up() {
        let end = json!({ "kind": "run_finished", "run_id": "r", "outcome": "completed" });
        let mut account = begun("r");
        assert_eq!(account.balance().without_end, 1);
        saw(&mut account, end.clone());
        let sound = Balance {
            accepted: 1,
            ..Balance::default()
        };
        assert_eq!(account.balance(), sound);
        saw(&mut account, end);
        assert_eq!(account.balance().ended_twice, 1);
    }

    #[test]
    fn text_after_the_end_and_runs_that_nobody_asked_for_are_disorderly() {
        let delta = json!({ "kind": "output_delta", "run_id": "r", "text": "x" });
        let mut account = begun("r");
        saw(&mut account, delta.clone());
        assert_eq!(account.balance().disorderly, 0);
        saw(
            &mut account,
            json!({ "kind": "run_finished", "run_id": "r", "outcome": "completed" }),
        );
        saw(&mut account, delta);
        assert_eq!(account.balance().disorderly, 1);
        let mut unasked = Account::default();
        saw(
            &mut unasked,
            json!({ "kind": "run_finished", "run_id": "s", "outcome": "completed" }),
        );
        assert_eq!(unasked.balance().disorderly, 1);
    }

    #[test]
    fn an_end_before_the_beginning_is_disorderly() {
        let mut account = Account::default();
        let input = json!({ "run_id": "r", "sequence": 1, "cursor": Cursor::new(1, 1) });
        account.accepted(&serde_json::from_value(input).unwrap());
        let end = json!({ "kind": "run_finished", "run_id": "r", "outcome": "completed" });
        let begin = json!({ "kind": "input_accepted", "run_id": "r", "sequence": 1 });
        saw(&mut account, end);
        saw(&mut account, begin);
        let early = Balance {
            accepted: 1,
            disorderly: 1,
            ..Balance::default()
        };
        assert_eq!(account.balance(), early);
        assert_eq!(account.against(&begun("r")), 1);
    }

    #[test]
    fn a_run_that_two_workers_share_is_disorderly_and_others_are_not() {
        let end = |id| json!({ "kind": "run_finished", "run_id": id, "outcome": "completed" });
        let ended = |id| {
            let mut account = begun(id);
            saw(&mut account, end(id));
            account
        };
        let mut account = ended("r");
        account.join(ended("s"));
        assert_eq!(account.balance().disorderly, 0);
        account.join(ended("r"));
        assert_eq!(account.balance().disorderly, 1);
        assert_eq!(account.balance().ended_twice, 1);
        // One that only the answer to an input spoke of is shared as well.
        let mut named = Account::default();
        named.run(&"s".parse().unwrap()).accepted = true;
        account.join(named);
        assert_eq!(account.balance().disorderly, 2);
    }
}
