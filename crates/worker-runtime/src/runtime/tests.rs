//! The shell, driven through its public handle with engines that follow a script.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;

use super::*;
use crate::{
    Accepted, CreateWorker, Cursor, Event, EventKind, EventsQuery, Input, RunErrorCode, RunId,
    RunOutcome, TranscriptQuery, WorkerState,
};

mod capacity;
mod crowd;
mod ending;
mod handle;
mod idempotency;
mod model;
mod reading;
mod running;
mod script;

use script::Script;

const SECOND: Duration = Duration::from_secs(1);

/// A runtime whose engine does what its input says; see [`Script`].
struct Stage {
    runtime: Runtime,
    script: Arc<Script>,
}

/// How a run ended, as its terminal event tells.
#[derive(Debug, PartialEq, Eq)]
struct End {
    outcome: RunOutcome,
    error_code: Option<RunErrorCode>,
}

impl Stage {
    fn new() -> Self {
        Self::with(Limits::default())
    }

    fn with(limits: Limits) -> Self {
        let script = Arc::new(Script::default());
        let engine: Arc<dyn TurnEngine> = script.clone();
        let runtime = Runtime::builder().engine(engine).limits(limits);
        Self {
            runtime: runtime.build().unwrap(),
            script,
        }
    }

    fn worker(&self) -> WorkerId {
        let created = self.runtime.create(CreateWorker::default());
        created.unwrap().worker.id
    }

    fn send(&self, worker: WorkerId, script: &str) -> Accepted {
        self.runtime.send_input(worker, Input::new(script)).unwrap()
    }

    fn state(&self, worker: WorkerId) -> WorkerState {
        self.runtime.get(worker).unwrap().state
    }

    /// The events after `cursor` up to the first one that `wanted` accepts.
    async fn until(
        &self,
        worker: WorkerId,
        cursor: Cursor,
        wanted: impl Fn(&EventKind) -> bool,
    ) -> Vec<Event> {
        let mut events = Vec::new();
        let mut stream = std::pin::pin!(self.runtime.subscribe(worker, cursor));
        while let Some(event) = in_time(stream.next()).await {
            let event = event.unwrap();
            let done = wanted(&event.kind);
            events.push(event);
            if done {
                return events;
            }
        }
        panic!("the stream ended before the event came: {events:?}");
    }

    /// Waits until the run has said something.
    async fn spoken(&self, worker: WorkerId, run: &Accepted) {
        let spoken = |kind: &EventKind| matches!(kind, EventKind::OutputDelta { .. });
        self.until(worker, run.cursor, spoken).await;
    }

    /// Waits until the run has ended.
    async fn end(&self, worker: WorkerId, run: &Accepted) -> End {
        let ended = |kind: &EventKind| matches!(kind, EventKind::RunFinished { .. });
        let events = self.until(worker, run.cursor, ended).await;
        let last = &events[events.len() - 1].kind;
        let EventKind::RunFinished {
            run_id,
            outcome,
            error_code,
            ..
        } = *last
        else {
            panic!("{last:?}");
        };
        assert_eq!(run_id, run.run_id);
        End {
            outcome,
            error_code,
        }
    }

    /// How many terminal events a run has.
    async fn ends(&self, worker: WorkerId, run: RunId) -> usize {
        let query = EventsQuery {
            limit: Some(200),
            ..EventsQuery::default()
        };
        let events = self.runtime.events(worker, query).await.unwrap().events;
        let ended = |event: &&Event| matches!(event.kind, EventKind::RunFinished { run_id, .. } if run_id == run);
        events.iter().filter(ended).count()
    }

    /// The transcript: `user:…` and `assistant:…`, partial ones ending in `…`.
    fn said(&self, worker: WorkerId) -> Vec<String> {
        let page = self.runtime.transcript(worker, TranscriptQuery::default());
        let entries = page.unwrap().entries;
        let line = |entry: &crate::Entry| {
            let more = if entry.partial { "…" } else { "" };
            format!("{}:{}{more}", entry.role.as_str(), entry.content)
        };
        entries.iter().map(line).collect()
    }
}

/// What the future gives: if it gives nothing, the test fails and doesn't hang.
async fn in_time<F: Future>(future: F) -> F::Output {
    let given = tokio::time::timeout(20 * SECOND, future).await;
    given.expect("it happens in time")
}

/// An end without an error code.
fn ended(outcome: RunOutcome) -> End {
    End {
        outcome,
        error_code: None,
    }
}

fn failed(code: RunErrorCode) -> End {
    End {
        outcome: RunOutcome::Failed,
        error_code: Some(code),
    }
}
