//! The server that ours is compared with: axum and reqwest, and between them no more than what relays
//! replies to readers that poll. It has no limits, no authorisation, and remembers every event.

use std::error::Error;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use clap::Args;
use jiff::Timestamp;
use registry_core::projection::{EventBatch, EventKind, RunOutcome, WorkerEvent};
use registry_core::{Cursor, RunId};
use serde::Deserialize;
use serde_json::json;
use tokio::runtime::Builder;
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::client::{Client, Endpoint};
use crate::failure::Failure;
use crate::process_stats::ProcessStats;
use crate::provider::Provider;
use crate::server::Process;
use crate::side_server::{self, serve_streams};
use crate::worker::{EMBEDDED, Worker};

pub(crate) const SUBCOMMAND: &str = "bare-relay";
/// Between two events of a stream.
const SEPARATOR: &[u8] = b"\n\n";

#[derive(Args)]
pub(crate) struct RelayArgs {
    /// Conversations, whose ids are the numbers from 0
    #[arg(long)]
    conversations: u32,
    /// The address of the provider
    #[arg(long)]
    endpoint: String,
}

struct Relay {
    conversations: Vec<Conversation>,
    provider: reqwest::Client,
    endpoint: String,
    run_id: RunId,
}

#[derive(Default)]
struct Conversation {
    events: Mutex<Vec<WorkerEvent>>,
    grown: Notify,
}

#[derive(Deserialize)]
struct InputBody {
    content: String,
}

#[derive(Deserialize)]
struct EventsParameters {
    after: Cursor,
    wait_ms: u64,
}

/// As much of a provider's event as is relayed.
#[derive(Deserialize)]
struct Chunk {
    choices: Vec<Choice>,
}

#[derive(Deserialize)]
struct Choice {
    delta: Delta,
}

#[derive(Deserialize)]
struct Delta {
    content: Option<String>,
}

/// Serves until the harness ends the process. Its address is the first line of output.
pub(crate) fn serve(args: RelayArgs) -> ExitCode {
    side_server::run(Builder::new_multi_thread(), listen(args))
}

async fn listen(args: RelayArgs) -> Result<(), Box<dyn Error>> {
    let conversations = (0..args.conversations).map(|_| Conversation::default());
    let relay = Arc::new(Relay {
        conversations: conversations.collect(),
        provider: reqwest::Client::builder().no_proxy().build()?,
        endpoint: args.endpoint,
        run_id: "run".parse()?,
    });
    let worker = format!("{EMBEDDED}/workers/{{number}}");
    let router = Router::new()
        .route(&format!("{worker}/input"), post(send_input))
        .route(&format!("{worker}/events"), get(read_events))
        .with_state(relay);
    serve_streams(router).await
}

async fn send_input(
    State(relay): State<Arc<Relay>>,
    Path(number): Path<usize>,
    Json(InputBody { content }): Json<InputBody>,
) -> StatusCode {
    if number >= relay.conversations.len() {
        return StatusCode::NOT_FOUND;
    }
    tokio::spawn(async move {
        // A reply that fails lacks deltas, and so does the measurement.
        let _ = relay.reply(number, &content).await;
        relay.finish(number);
    });
    StatusCode::ACCEPTED
}

async fn read_events(
    State(relay): State<Arc<Relay>>,
    Path(number): Path<usize>,
    Query(parameters): Query<EventsParameters>,
) -> Result<Json<EventBatch>, StatusCode> {
    let conversation = relay.conversations.get(number);
    let conversation = conversation.ok_or(StatusCode::NOT_FOUND)?;
    let wait = Duration::from_millis(parameters.wait_ms);
    let events = timeout(wait, conversation.events_after(parameters.after)).await;
    let events = events.unwrap_or_default();
    Ok(Json(EventBatch {
        next_cursor: events.last().map_or(parameters.after, |last| last.cursor),
        caught_up: true,
        events,
    }))
}

impl Relay {
    /// Relays the reply to an input.
    async fn reply(
        &self,
        number: usize,
        content: &str,
    ) -> Result<(), Box<dyn Error + Send + Sync>> {
        let message = json!({ "role": "user", "content": content });
        let body = json!({ "model": "scripted", "stream": true, "messages": [message] });
        let request = self.provider.post(&self.endpoint).json(&body);
        let mut response = request.send().await?;
        let mut received = Vec::new();
        while let Some(bytes) = response.chunk().await? {
            received.extend_from_slice(&bytes);
            while let Some(end) = find(&received, SEPARATOR) {
                let event: Vec<u8> = received.drain(..end + SEPARATOR.len()).collect();
                // The last one is no JSON.
                let data = event.strip_prefix(b"data: ").unwrap_or(&event);
                let chunk = serde_json::from_slice::<Chunk>(data);
                let choices = chunk.into_iter().flat_map(|chunk| chunk.choices);
                for text in choices.filter_map(|choice| choice.delta.content) {
                    let run_id = self.run_id.clone();
                    let text = text.into();
                    self.conversations[number].push(EventKind::OutputDelta { run_id, text });
                }
            }
        }
        Ok(())
    }

    fn finish(&self, number: usize) {
        self.conversations[number].push(EventKind::RunFinished {
            run_id: self.run_id.clone(),
            outcome: RunOutcome::Completed,
            sequence: None,
            usage: None,
            error_code: None,
            error_detail: None,
            retry_after_s: None,
            diagnostics: Vec::new(),
        });
    }
}

impl Conversation {
    fn push(&self, kind: EventKind) {
        {
            let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
            let cursor = Cursor::new(0, events.len() as u64 + 1);
            let at = Timestamp::now();
            events.push(WorkerEvent { cursor, at, kind });
        }
        self.grown.notify_waiters();
    }

    /// Waits until there are events after the cursor.
    async fn events_after(&self, after: Cursor) -> Vec<WorkerEvent> {
        loop {
            let grown = self.grown.notified();
            let events = self.copy_after(after);
            if !events.is_empty() {
                return events;
            }
            grown.await;
        }
    }

    fn copy_after(&self, after: Cursor) -> Vec<WorkerEvent> {
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        let position = usize::try_from(after.sequence()).unwrap_or(usize::MAX);
        events.get(position..).unwrap_or_default().to_vec()
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}

/// The running relay.
pub(super) struct BareRelay {
    process: Process,
    endpoint: Endpoint,
}

impl BareRelay {
    pub(super) async fn start(provider: &Provider, conversations: u32) -> Result<Self, Failure> {
        let process = Process::start(SUBCOMMAND, |command| {
            command
                .args(["--conversations", &conversations.to_string()])
                .args(["--endpoint", &provider.completions_url()]);
        })
        .await?;
        Ok(Self {
            endpoint: process.endpoint_without_token()?,
            process,
        })
    }

    pub(super) fn client(&self) -> Client {
        self.endpoint.client()
    }

    pub(super) fn stats(&self) -> Result<ProcessStats, Failure> {
        ProcessStats::read(self.process.id)
    }
}

/// The conversations of a relay.
pub(super) fn workers(number: u32) -> Vec<Worker> {
    let worker = |number| Worker {
        path: format!("{EMBEDDED}/workers/{number}"),
        created: Cursor::new(0, 0),
    };
    (0..number).map(worker).collect()
}
