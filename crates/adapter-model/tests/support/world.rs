//! A runtime with one worker, whose model is at a provider's address.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use adapter_model::{ApiKey, Endpoint, ModelConfig, ModelEngine, RetryPolicy, Timeouts};
use worker_runtime::{
    Accepted, CreateWorker, Cursor, Event, EventKind, EventsQuery, Input, Role, RunErrorCode,
    RunOutcome, Runtime, TranscriptQuery, Usage, WorkerId,
};

pub(crate) const KEY: &str = "sk-key-of-the-test";

/// A configuration that loses no time.
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
            attempts: 3,
            base_pause: Duration::from_millis(1),
            max_pause: Duration::from_millis(2),
            ..RetryPolicy::default()
        },
        ..ModelConfig::new(model.parse().unwrap())
    }
}

pub(crate) struct World {
    pub(crate) runtime: Runtime,
    pub(crate) worker: WorkerId,
}

/// A run from its input to its end.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) deltas: Vec<String>,
    pub(crate) outcome: RunOutcome,
    pub(crate) code: Option<&'static str>,
    pub(crate) usage: Option<Usage>,
}

impl Run {
    pub(crate) fn text(&self) -> String {
        self.deltas.concat()
    }
}

impl World {
    pub(crate) fn new(config: &ModelConfig) -> Self {
        let engine = ModelEngine::new(config).unwrap();
        let runtime = Runtime::builder().engine(Arc::new(engine)).build().unwrap();
        let worker = runtime.create(CreateWorker::default()).unwrap().worker.id;
        Self { runtime, worker }
    }

    pub(crate) fn begin(&self, input: &str) -> Accepted {
        let input = Input::new(input);
        self.runtime.send_input(self.worker, input).unwrap()
    }

    /// The events after `cursor` up to the first one that is of interest.
    pub(crate) async fn until(
        &self,
        mut cursor: Cursor,
        last: impl Fn(&EventKind) -> bool,
    ) -> Vec<Event> {
        let mut seen = Vec::new();
        loop {
            let query = EventsQuery {
                after: Some(cursor),
                limit: None,
                wait: Duration::from_secs(20),
            };
            let batch = self.runtime.events(self.worker, query).await.unwrap();
            assert!(!batch.events.is_empty(), "nothing happens after {seen:?}");
            cursor = batch.next_cursor;
            for event in batch.events {
                let is_last = last(&event.kind);
                seen.push(event);
                if is_last {
                    return seen;
                }
            }
        }
    }

    pub(crate) async fn end(&self, accepted: &Accepted) -> Run {
        let is_end = |kind: &EventKind| matches!(kind, EventKind::RunFinished { .. });
        let events = self.until(accepted.cursor, is_end).await;
        let deltas = events.iter().filter_map(|event| {
            let EventKind::OutputDelta { text, .. } = &event.kind else {
                return None;
            };
            Some(text.to_string())
        });
        let Some(EventKind::RunFinished {
            outcome,
            usage,
            error_code,
            ..
        }) = events.last().map(|event| event.kind.clone())
        else {
            panic!("the last event is the run's end");
        };
        Run {
            deltas: deltas.collect(),
            outcome,
            code: error_code.map(RunErrorCode::as_str),
            usage,
        }
    }

    pub(crate) async fn says(&self, input: &str) -> Run {
        let accepted = self.begin(input);
        self.end(&accepted).await
    }

    /// The transcript; `…` marks a partial entry.
    pub(crate) fn transcript(&self) -> Vec<String> {
        let query = TranscriptQuery::default();
        let page = self.runtime.transcript(self.worker, query).unwrap();
        let entries = page.entries.iter().map(|entry| {
            let who = match entry.role {
                Role::User => "user",
                Role::Assistant => "assistant",
            };
            let mark = if entry.partial { "…" } else { "" };
            format!("{who}: {}{mark}", entry.content)
        });
        entries.collect()
    }

    /// How many ends each run has had, in the order of their inputs.
    pub(crate) async fn ends(&self) -> Vec<usize> {
        let query = EventsQuery {
            limit: Some(200),
            ..EventsQuery::default()
        };
        let events = self.runtime.events(self.worker, query).await.unwrap();
        assert!(events.caught_up, "the events that are held fit on a page");
        let mut runs = Vec::new();
        for event in &events.events {
            // Of a long run, only the end may still be held.
            let (run_id, ends) = match event.kind {
                EventKind::InputAccepted { run_id, .. } => (run_id, 0),
                EventKind::RunFinished { run_id, .. } => (run_id, 1),
                EventKind::WorkerCreated
                | EventKind::OutputDelta { .. }
                | EventKind::WorkerStopped => continue,
            };
            match runs.iter_mut().find(|(known, _)| *known == run_id) {
                Some((_, counted)) => *counted += ends,
                None => runs.push((run_id, ends)),
            }
        }
        runs.into_iter().map(|(_, ends)| ends).collect()
    }
}
