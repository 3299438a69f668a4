//! The routes that are measured, and the workers that they need.

use std::sync::Arc;

use clap::ValueEnum;
use serde_json::json;

use crate::client::{Client, Endpoint};
use crate::failure::Failure;
use crate::server::Settings;
use crate::worker::{EMBEDDED, Worker};

/// Workers on the server while details and pages of workers are measured.
const WORKERS: usize = 1_000;
/// Workers with a conversation.
const CONVERSATIONS: usize = 32;
/// Inputs of each conversation: with the replies, one page of the transcript.
const INPUTS: usize = 25;
/// Workers that each connection sends inputs to in turn: so many that a run has ended before its
/// worker's next input, and so few that their event rings are full after the first round, as in a
/// server that has run for long.
const INPUT_WORKERS: usize = 4;
/// Entries that a transcript keeps where `input` is measured, so that the context of a run does
/// not grow from round to round.
const TRANSCRIPT_ENTRIES: u64 = 16;
/// Runs at once where `input` is measured: at the default limit clients that don't wait for the
/// end of a run would be refused.
const RUNS_MAX: u64 = 1_000_000;
/// Bytes that these runs may reserve.
const BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024 * 1024;

/// The requests of each connection, sent in this order again and again.
pub(super) type Requests = Vec<Arc<Vec<Vec<u8>>>>;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(super) enum Route {
    /// One worker of a thousand
    WorkerDetail,
    /// 50 workers of a thousand
    WorkerPage,
    /// 50 entries of a conversation
    TranscriptPage,
    /// 50 events
    EventBatch,
    /// An input that is accepted, and its run
    Input,
}

impl Route {
    /// The name on the command line and in the table.
    pub(super) fn name(self) -> String {
        let value = self.to_possible_value();
        value.expect("no route is hidden").get_name().to_owned()
    }

    /// The route as axum writes it.
    pub(super) const fn pattern(self) -> &'static str {
        match self {
            Self::WorkerDetail => "/api/runtimes/{runtime_id}/workers/{worker_id}",
            Self::WorkerPage => "/api/runtimes/{runtime_id}/workers",
            Self::TranscriptPage => "/api/runtimes/{runtime_id}/workers/{worker_id}/transcript",
            Self::EventBatch => "/api/runtimes/{runtime_id}/workers/{worker_id}/events",
            Self::Input => "/api/runtimes/{runtime_id}/workers/{worker_id}/input",
        }
    }

    /// The status of a response that counts.
    pub(super) fn status(self) -> u16 {
        if self == Self::Input { 202 } else { 200 }
    }

    /// The least ratio to the bare server that is aimed at.
    pub(super) const fn goal(self) -> f64 {
        match self {
            Self::WorkerDetail => 0.60,
            Self::WorkerPage | Self::TranscriptPage | Self::EventBatch => 0.75,
            Self::Input => 0.40,
        }
    }

    /// One request in this many may be refused: an input when its worker is still busy.
    pub(super) fn refusals_divisor(self) -> u32 {
        if self == Self::Input { 20 } else { u32::MAX }
    }

    /// The default settings, with limits under which nothing is refused.
    pub(super) fn settings(self) -> Settings {
        let settings = Settings::default()
            .flag("--engine-as-configured")
            .with("--offline-pace-ms", 0)
            .discard_log();
        if self != Self::Input {
            return settings;
        }
        settings
            .limit("transcript_entries", TRANSCRIPT_ENTRIES)
            .limit("concurrent_runs", RUNS_MAX)
            .limit("total_bytes", BYTES_MAX)
    }

    /// Creates the workers that the requests are about.
    pub(super) async fn prepare(
        self,
        client: &mut Client,
        connections: usize,
    ) -> Result<Vec<Worker>, Failure> {
        match self {
            Self::WorkerDetail | Self::WorkerPage => Worker::create_many(client, WORKERS).await,
            Self::TranscriptPage | Self::EventBatch => {
                let workers = Worker::create_many(client, CONVERSATIONS).await?;
                for worker in &workers {
                    for _ in 0..INPUTS {
                        client.post(&worker.input_path(), &input(), 202).await?;
                        worker.wait_until_idle(client).await?;
                    }
                }
                Ok(workers)
            }
            Self::Input => Worker::create_many(client, connections * INPUT_WORKERS).await,
        }
    }

    /// The requests of each connection. Connections share no worker where there are enough.
    pub(super) fn requests(
        self,
        endpoint: &Endpoint,
        workers: &[Worker],
        connections: usize,
    ) -> Requests {
        let request = |worker: &Worker| {
            let path = &worker.path;
            let get = |path: &str| endpoint.request("GET", path, None);
            match self {
                Self::WorkerDetail => get(path),
                Self::WorkerPage => get(&format!("{EMBEDDED}/workers?limit=50")),
                Self::TranscriptPage => get(&format!("{path}/transcript?limit=50")),
                Self::EventBatch => {
                    get(&format!("{path}/events?after={}&limit=50", worker.created))
                }
                Self::Input => endpoint.request("POST", &worker.input_path(), Some(&input())),
            }
        };
        let share = (workers.len() / connections).max(1);
        let of_connection = |connection| {
            let own = workers.iter().cycle().skip(connection).step_by(connections);
            Arc::new(own.take(share).map(request).collect())
        };
        (0..connections).map(of_connection).collect()
    }
}

/// What a person would write.
fn input() -> serde_json::Value {
    json!({ "content": "Hello there. What is a run, and how does it end?" })
}
