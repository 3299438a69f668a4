//! A runtime with one worker, whose model is at a scripted provider.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use adapter_model::{ApiKey, Endpoint, ModelConfig, ModelEngine, RetryPolicy, Timeouts};
use futures_util::FutureExt as _;
use worker_runtime::{
    Accepted, CreateWorker, Cursor, ErrorDetail, Event, EventKind, EventsQuery, Input, ProfileSet,
    Role, RunOutcome, Runtime, TranscriptQuery, Usage, WorkerId, WorkerSnapshot,
};

pub(crate) const KEY: &str = "sk-key-of-the-test";

/// A configuration with short delays.
pub(crate) fn config(model: &str, address: SocketAddr) -> ModelConfig {
    let endpoint: Endpoint = format!("http://{address}/v1").parse().unwrap();
    let key: ApiKey = KEY.parse().unwrap();
    ModelConfig {
        endpoint: Some(endpoint),
        key: Some(key),
        timeouts: Timeouts {
            connect: Duration::from_secs(2),
            first_byte: Duration::from_secs(2),
            idle: Duration::from_secs(2),
        },
        retry: RetryPolicy {
            max_attempts: 3,
            base_delay: Duration::from_millis(1),
            max_delay: Duration::from_millis(2),
            ..RetryPolicy::default()
        },
        ..ModelConfig::new(model.parse().unwrap())
    }
}

pub(crate) struct Fixture {
    pub(crate) runtime: Runtime,
    pub(crate) worker: WorkerId,
}

/// A finished run.
#[derive(Debug, Default)]
pub(crate) struct Run {
    pub(crate) deltas: Vec<String>,
    pub(crate) outcome: Option<RunOutcome>,
    pub(crate) code: Option<&'static str>,
    pub(crate) detail: Option<&'static str>,
    pub(crate) usage: Option<Usage>,
}

impl Run {
    pub(crate) fn text(&self) -> String {
        self.deltas.concat()
    }
}

/// The output of a future that has nothing to wait for: the runtime is in memory.
fn at_once<F: Future>(future: F) -> F::Output {
    future.now_or_never().expect("it doesn't wait")
}

impl Fixture {
    pub(crate) fn new(config: &ModelConfig) -> Self {
        Self::with_profiles(config, ProfileSet::builtin())
    }

    pub(crate) fn with_profiles(config: &ModelConfig, profiles: ProfileSet) -> Self {
        let engine = Arc::new(ModelEngine::new(config).unwrap());
        let runtime = Runtime::builder().engine(engine).profiles(profiles);
        let runtime = runtime.build().unwrap();
        let worker = at_once(runtime.create(CreateWorker::default()));
        let worker = worker.unwrap().worker.id;
        Self { runtime, worker }
    }

    pub(crate) fn start_run(&self, input: &str) -> Accepted {
        let input = Input::new(input);
        at_once(self.runtime.send_input(self.worker, input)).unwrap()
    }

    pub(crate) async fn complete_run(&self, input: &str) -> Run {
        let accepted = self.start_run(input);
        self.run_end(&accepted).await
    }

    /// The events after `cursor` up to the first that `is_last` accepts.
    async fn events_until(
        &self,
        mut cursor: Cursor,
        is_last: impl Fn(&EventKind) -> bool,
    ) -> Vec<Event> {
        let mut events = Vec::new();
        loop {
            let query = EventsQuery {
                after: Some(cursor),
                wait: Duration::from_secs(20),
                ..EventsQuery::default()
            };
            let batch = self.runtime.events(self.worker, query).await.unwrap();
            assert!(!batch.events.is_empty(), "no event after {events:?}");
            cursor = batch.next_cursor;
            for event in batch.events {
                let is_last = is_last(&event.kind);
                events.push(event);
                if is_last {
                    return events;
                }
            }
        }
    }

    pub(crate) async fn first_delta(&self, accepted: &Accepted) {
        let is_delta = |kind: &EventKind| matches!(kind, EventKind::OutputDelta { .. });
        self.events_until(accepted.cursor, is_delta).await;
    }

    pub(crate) async fn run_end(&self, accepted: &Accepted) -> Run {
        let is_end = |kind: &EventKind| matches!(kind, EventKind::RunFinished(_));
        let events = self.events_until(accepted.cursor, is_end).await;
        let mut run = Run::default();
        for event in events {
            match event.kind {
                EventKind::OutputDelta { text, .. } => run.deltas.push(text.to_string()),
                EventKind::RunFinished(finished) => {
                    run.outcome = Some(finished.outcome);
                    run.code = finished.error.map(|error| error.code.as_str());
                    run.detail = finished
                        .error
                        .and_then(|error| error.detail)
                        .map(ErrorDetail::as_str);
                    run.usage = finished.usage;
                }
                EventKind::WorkerCreated
                | EventKind::InputAccepted { .. }
                | EventKind::ReasoningDelta { .. }
                | EventKind::RunRetrying { .. }
                | EventKind::WorkerStopped => {}
            }
        }
        run
    }

    pub(crate) fn snapshot(&self) -> WorkerSnapshot {
        at_once(self.runtime.get(self.worker)).unwrap()
    }

    /// The transcript; `…` marks a partial entry.
    pub(crate) fn transcript(&self) -> Vec<String> {
        let query = TranscriptQuery::default();
        let page = at_once(self.runtime.transcript(self.worker, query)).unwrap();
        let entries = page.entries.iter().map(|entry| {
            let role = match entry.role {
                Role::User => "user",
                Role::Assistant => "assistant",
            };
            let mark = if entry.partial { "…" } else { "" };
            format!("{role}: {}{mark}", entry.content)
        });
        entries.collect()
    }

    /// How often any run ended, as far as events are held.
    pub(crate) async fn run_ends(&self) -> usize {
        let query = EventsQuery {
            limit: Some(200),
            ..EventsQuery::default()
        };
        let events = self.runtime.events(self.worker, query).await.unwrap();
        assert!(events.caught_up, "the held events fit on a page");
        let kinds = events.events.iter().map(|event| &event.kind);
        kinds
            .filter(|kind| matches!(kind, EventKind::RunFinished(_)))
            .count()
    }
}
