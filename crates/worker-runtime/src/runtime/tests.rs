//! The shell, driven through its public handle with a scripted engine.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{FutureExt, StreamExt};

use super::*;
use crate::error::UnknownWorker;
use crate::{
    Accepted, CreateWorker, Cursor, Event, EventKind, EventsQuery, Input, RunError, RunErrorCode,
    RunId, RunOutcome, TranscriptQuery, WorkerState,
};

mod batching;
mod capacity;
mod choosing;
mod concurrency;
mod ending;
mod growing;
mod handle;
mod idempotency;
mod model;
mod queueing;
mod reading;
mod reply;
mod running;
mod scripted_engine;
mod storing;

use scripted_engine::ScriptedEngine;

const SECOND: Duration = Duration::from_secs(1);

/// A runtime whose engine does what its input says; see [`ScriptedEngine`].
struct Fixture {
    runtime: Runtime,
    engine: Arc<ScriptedEngine>,
}

/// How a run ended, by its terminal event.
#[derive(Debug, PartialEq, Eq)]
struct RunEnd {
    outcome: RunOutcome,
    error: Option<RunError>,
}

impl Fixture {
    fn new() -> Self {
        Self::with(Limits::default())
    }

    fn with(limits: Limits) -> Self {
        let scripted = Arc::new(ScriptedEngine::default());
        let engine: Arc<dyn TurnEngine> = scripted.clone();
        let runtime = Runtime::builder().engine(engine).limits(limits);
        Self {
            runtime: runtime.build().unwrap(),
            engine: scripted,
        }
    }

    fn worker(&self) -> WorkerId {
        let created = at_once(self.runtime.create(CreateWorker::default()));
        created.unwrap().worker.id
    }

    fn send(&self, worker: WorkerId, input: &str) -> Accepted {
        at_once(self.runtime.send_input(worker, Input::new(input))).unwrap()
    }

    fn state(&self, worker: WorkerId) -> WorkerState {
        at_once(self.runtime.get(worker)).unwrap().state
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

    /// Waits until the run has written something.
    async fn wait_for_output(&self, worker: WorkerId, run: &Accepted) {
        let wait_for_output = |kind: &EventKind| matches!(kind, EventKind::OutputDelta { .. });
        self.until(worker, run.cursor, wait_for_output).await;
    }

    /// Waits until the run has ended.
    async fn wait_for_end(&self, worker: WorkerId, run: &Accepted) -> RunEnd {
        let ended = |kind: &EventKind| matches!(kind, EventKind::RunFinished(_));
        let events = self.until(worker, run.cursor, ended).await;
        let last = &events[events.len() - 1].kind;
        let EventKind::RunFinished(finished) = last else {
            panic!("{last:?}");
        };
        assert_eq!(finished.run_id, run.run_id);
        RunEnd {
            outcome: finished.outcome,
            error: finished.error,
        }
    }

    /// Waits until the worker is idle again, without reading its events.
    async fn wait_until_idle(&self, worker: WorkerId) {
        while self.state(worker) != WorkerState::Idle {
            tokio::task::yield_now().await;
        }
    }

    /// How many terminal events a run has.
    async fn count_ends(&self, worker: WorkerId, run: RunId) -> usize {
        let query = EventsQuery {
            limit: Some(200),
            ..EventsQuery::default()
        };
        let events = self.runtime.events(worker, query).await.unwrap().events;
        let ended =
            |event: &&Event| matches!(&event.kind, EventKind::RunFinished(it) if it.run_id == run);
        events.iter().filter(ended).count()
    }

    fn transcript_lines(&self, worker: WorkerId) -> Vec<String> {
        let query = TranscriptQuery::default();
        let page = at_once(self.runtime.transcript(worker, query));
        transcript_lines(&page.unwrap().entries)
    }
}

/// The entries: `user:…` and `assistant:…`, partial ones ending in `…`, unanswered ones in `?`.
fn transcript_lines(entries: &[crate::Entry]) -> Vec<String> {
    let line = |entry: &crate::Entry| {
        let more = match (entry.partial, entry.unanswered) {
            (true, _) => "…",
            (false, true) => "?",
            (false, false) => "",
        };
        format!("{}:{}{more}", entry.role.as_str(), entry.content)
    };
    entries.iter().map(line).collect()
}

/// The output of a future that has nothing to wait for, as all have that only touch memory.
pub(crate) fn at_once<F: Future>(future: F) -> F::Output {
    future.now_or_never().expect("it doesn't wait")
}

/// The output of the future; fails instead of hanging when there is none.
async fn in_time<F: Future>(future: F) -> F::Output {
    let given = tokio::time::timeout(20 * SECOND, future).await;
    given.expect("it happens in time")
}

/// An end without an error.
fn ended(outcome: RunOutcome) -> RunEnd {
    RunEnd {
        outcome,
        error: None,
    }
}

fn failed(code: RunErrorCode) -> RunEnd {
    RunEnd {
        outcome: RunOutcome::Failed,
        error: Some(code.into()),
    }
}
