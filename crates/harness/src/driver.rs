//! Drives workers through runs and tallies what was observed.

use registry_core::projection::EventKind;
use tokio::task::JoinSet;

use crate::client::Client;
use crate::engine::Script;
use crate::failure::Failure;
use crate::report::Report;
use crate::run_tracker::RunTracker;
use crate::statistics::Latencies;
use crate::worker::{EventReader, RunEnd, Worker};

/// What was observed of runs; merged over the tasks of a scenario.
#[derive(Default)]
pub(crate) struct RunTally {
    pub(crate) tracker: RunTracker,
    /// Runs that ended otherwise than expected.
    pub(crate) unexpected_ends: usize,
    pub(crate) gaps: usize,
    /// How long the ends took that were timed.
    pub(crate) times: Latencies,
}

impl RunTally {
    pub(crate) fn merge(&mut self, other: Self) {
        self.tracker.merge(other.tracker);
        self.unexpected_ends += other.unexpected_ends;
        self.gaps += other.gaps;
        self.times.merge(other.times);
    }

    /// Merges the tallies of all `tasks`.
    pub(crate) async fn join(mut tasks: JoinSet<Result<Self, Failure>>) -> Result<Self, Failure> {
        let mut total = Self::default();
        while let Some(tally) = tasks.join_next().await {
            total.merge(tally??);
        }
        Ok(total)
    }

    /// Reports every fault; `label` says which runs these were.
    pub(crate) fn report(&self, report: &mut Report, label: &str) {
        self.tracker.totals().report(report, label);
        report.expect_zero(
            &format!("runs that ended otherwise{label}"),
            self.unexpected_ends,
        );
        report.expect_zero(&format!("gaps in the event logs{label}"), self.gaps);
    }
}

pub(crate) struct Driver {
    client: Client,
    worker: Worker,
    events: EventReader,
    tally: RunTally,
}

impl Driver {
    /// A driver of `worker` that uses `client`.
    pub(crate) fn new(client: Client, worker: Worker) -> Self {
        Self {
            client,
            events: worker.events(),
            worker,
            tally: RunTally::default(),
        }
    }

    pub(crate) async fn send(&mut self, script: Script) -> Result<(), Failure> {
        let accepted = self.worker.send(&mut self.client, script).await?;
        self.tally.tracker.accepted(&accepted);
        Ok(())
    }

    pub(crate) async fn cancel(&mut self) -> Result<(), Failure> {
        self.worker.cancel(&mut self.client).await
    }

    pub(crate) async fn stop(&mut self) -> Result<(), Failure> {
        self.worker.stop(&mut self.client).await
    }

    /// Waits for output and returns the text of its first delta.
    pub(crate) async fn wait_for_output(&mut self) -> Result<String, Failure> {
        let (client, tracker) = (&mut self.client, &mut self.tally.tracker);
        let text = |kind: &EventKind| match kind {
            EventKind::OutputDelta { text, .. } => Some(text.to_string()),
            EventKind::WorkerCreated
            | EventKind::InputAccepted { .. }
            | EventKind::ReasoningDelta { .. }
            | EventKind::RunRetrying { .. }
            | EventKind::RunFinished { .. }
            | EventKind::WorkerStopped => None,
        };
        self.events
            .find(client, tracker, "output of a run", text)
            .await
    }

    /// Waits for the end of the run; whether it was the expected one.
    pub(crate) async fn wait_for_end(&mut self, expected: RunEnd) -> Result<bool, Failure> {
        let (client, tracker) = (&mut self.client, &mut self.tally.tracker);
        let end = |kind: &EventKind| match kind {
            EventKind::RunFinished {
                outcome,
                error_code,
                ..
            } => Some(RunEnd {
                outcome: *outcome,
                error_code: *error_code,
            }),
            EventKind::WorkerCreated
            | EventKind::InputAccepted { .. }
            | EventKind::ReasoningDelta { .. }
            | EventKind::RunRetrying { .. }
            | EventKind::OutputDelta { .. }
            | EventKind::WorkerStopped => None,
        };
        let end = self
            .events
            .find(client, tracker, "the end of a run", end)
            .await?;
        self.tally.unexpected_ends += usize::from(end != expected);
        Ok(end == expected)
    }

    pub(crate) fn into_tally(self) -> RunTally {
        self.finish().1
    }

    /// The client, for another worker, and everything that was observed.
    pub(crate) fn finish(self) -> (Client, RunTally) {
        let tally = RunTally {
            gaps: self.events.gaps,
            ..self.tally
        };
        (self.client, tally)
    }
}
