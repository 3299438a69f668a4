//! Checks that each accepted input has exactly one terminal event, and that no event of a run
//! precedes its beginning or follows its end.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use registry_core::RunId;
use registry_core::projection::{AcceptedInput, EventKind, WorkerEvent};

use crate::report::Report;

/// Every run that was accepted or occurred in an event.
#[derive(Debug, Default)]
pub(crate) struct RunTracker {
    runs: HashMap<RunId, Run>,
}

#[derive(Debug, Default)]
struct Run {
    /// A response to an input named it.
    accepted: bool,
    started: usize,
    finished: usize,
    /// Events outside of the run's life, and events of a second worker.
    misplaced: usize,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RunTotals {
    pub(crate) accepted: usize,
    /// Accepted inputs without a terminal event.
    pub(crate) unfinished: usize,
    /// Runs with more than one terminal event.
    pub(crate) finished_twice: usize,
    /// Runs that no response accepted, that did not start exactly once, that had text or an end
    /// outside of their life, or that two workers share.
    pub(crate) inconsistent: usize,
}

impl RunTotals {
    /// Reports every fault; `label` says which runs these were.
    pub(crate) fn report(self, report: &mut Report, label: &str) {
        for (what, number) in [
            ("runs without a terminal event", self.unfinished),
            ("runs with two", self.finished_twice),
            ("inconsistent runs", self.inconsistent),
        ] {
            report.expect_zero(&format!("{what}{label}"), number);
        }
    }
}

impl RunTracker {
    /// Records the response to an input.
    pub(crate) fn accepted(&mut self, input: &AcceptedInput) {
        self.run(&input.run_id).accepted = true;
    }

    /// Records an event, in the order of its worker's log.
    pub(crate) fn event(&mut self, event: &WorkerEvent) {
        match &event.kind {
            EventKind::WorkerCreated | EventKind::WorkerStopped => {}
            EventKind::InputAccepted { run_id, .. } => self.run(run_id).started += 1,
            EventKind::RunFinished { run_id, .. } => {
                let run = self.run(run_id);
                run.finished += 1;
                run.misplaced += usize::from(run.started != 1);
            }
            EventKind::OutputDelta { run_id, .. }
            | EventKind::ReasoningDelta { run_id, .. }
            | EventKind::RunRetrying { run_id, .. } => {
                let run = self.run(run_id);
                run.misplaced += usize::from(run.started != 1 || run.finished != 0);
            }
        }
    }

    /// Adds the runs of other workers: a run that both know is inconsistent.
    pub(crate) fn merge(&mut self, other: Self) {
        for (id, more) in other.runs {
            match self.runs.entry(id) {
                Entry::Vacant(entry) => {
                    entry.insert(more);
                }
                Entry::Occupied(mut shared) => {
                    let run = shared.get_mut();
                    run.accepted |= more.accepted;
                    run.started += more.started;
                    run.finished += more.finished;
                    run.misplaced += more.misplaced + 1;
                }
            }
        }
    }

    pub(crate) fn totals(&self) -> RunTotals {
        let count = |test: fn(&Run) -> bool| self.runs.values().filter(|run| test(run)).count();
        RunTotals {
            accepted: count(|run| run.accepted),
            unfinished: count(|run| run.accepted && run.finished == 0),
            finished_twice: count(|run| run.finished > 1),
            inconsistent: count(|run| !run.accepted || run.started != 1 || run.misplaced > 0),
        }
    }

    /// How many of the observed runs were not started and finished exactly once, or were
    /// accepted by no response that `accepted` recorded.
    pub(crate) fn inconsistent_with(&self, accepted: &Self) -> usize {
        let inconsistent = |(id, run): &(&RunId, &Run)| {
            let known = accepted.runs.get(*id).is_some_and(|run| run.accepted);
            !known || run.started != 1 || run.finished != 1 || run.misplaced > 0
        };
        self.runs.iter().filter(inconsistent).count()
    }

    fn run(&mut self, id: &RunId) -> &mut Run {
        self.runs.entry(id.clone()).or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use registry_core::Cursor;
    use serde_json::{Value, json};

    fn event(tracker: &mut RunTracker, mut event: Value) {
        event["cursor"] = json!(Cursor::new(1, 1));
        event["at"] = json!("2026-01-01T00:00:00Z");
        tracker.event(&serde_json::from_value(event).unwrap());
    }

    fn start(id: &str) -> Value {
        json!({ "kind": "input_accepted", "run_id": id, "sequence": 1 })
    }

    fn end(id: &str) -> Value {
        json!({ "kind": "run_finished", "run_id": id, "outcome": "completed" })
    }

    fn accepted(id: &str) -> RunTracker {
        let mut tracker = RunTracker::default();
        let input = json!({ "run_id": id, "sequence": 1, "cursor": Cursor::new(1, 1) });
        tracker.accepted(&serde_json::from_value(input).unwrap());
        tracker
    }

    fn started(id: &str) -> RunTracker {
        let mut tracker = accepted(id);
        event(&mut tracker, start(id));
        tracker
    }

    #[test]
    fn a_run_without_an_end_or_with_two_is_counted() {
        let mut tracker = started("r");
        assert_eq!(tracker.totals().unfinished, 1);
        event(&mut tracker, end("r"));
        let consistent = RunTotals {
            accepted: 1,
            ..RunTotals::default()
        };
        assert_eq!(tracker.totals(), consistent);
        event(&mut tracker, end("r"));
        assert_eq!(tracker.totals().finished_twice, 1);
    }

    #[test]
    fn text_after_the_end_and_runs_without_an_input_are_inconsistent() {
        let delta = json!({ "kind": "output_delta", "run_id": "r", "text": "x" });
        let mut tracker = started("r");
        event(&mut tracker, delta.clone());
        assert_eq!(tracker.totals().inconsistent, 0);
        event(&mut tracker, end("r"));
        event(&mut tracker, delta);
        assert_eq!(tracker.totals().inconsistent, 1);
        let mut unrequested = RunTracker::default();
        event(&mut unrequested, end("s"));
        assert_eq!(unrequested.totals().inconsistent, 1);
    }

    #[test]
    fn an_end_before_the_start_is_inconsistent() {
        let mut tracker = accepted("r");
        event(&mut tracker, end("r"));
        event(&mut tracker, start("r"));
        let early = RunTotals {
            accepted: 1,
            inconsistent: 1,
            ..RunTotals::default()
        };
        assert_eq!(tracker.totals(), early);
        assert_eq!(tracker.inconsistent_with(&started("r")), 1);
    }

    #[test]
    fn a_run_that_two_workers_share_is_inconsistent_and_others_are_not() {
        let finished = |id| {
            let mut tracker = started(id);
            event(&mut tracker, end(id));
            tracker
        };
        let mut tracker = finished("r");
        tracker.merge(finished("s"));
        assert_eq!(tracker.totals().inconsistent, 0);
        tracker.merge(finished("r"));
        assert_eq!(tracker.totals().inconsistent, 1);
        assert_eq!(tracker.totals().finished_twice, 1);
        // A run that only a response to an input named is shared as well.
        tracker.merge(accepted("s"));
        assert_eq!(tracker.totals().inconsistent, 2);
    }
}
