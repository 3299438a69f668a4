//! The routes that are measured, and what has to stand on the server before.

use clap::ValueEnum;
use serde_json::{Value, json};

use super::bare::Method;
use crate::client::Client;
use crate::failure::Failure;
use crate::server::Settings;
use crate::worker::{EMBEDDED, Worker};

/// Workers on the server while the routes that read are measured.
const WORKERS: usize = 1_000;
/// Workers with a conversation.
const TALKERS: usize = 32;
/// Inputs that each of them has heard: with the replies, one page of the transcript.
const TALK: usize = 25;
/// Fresh workers per connection and round of `input`: one that hears an input has finished its
/// run long before its turn comes again, and transcripts stay short.
const HEARERS: usize = 256;
/// Runs at once where `input` is measured: at the default limit clients that don't wait for
/// the end of a run are mostly refused, and refusals are not what is measured.
const RUNS_MAX: u64 = 1_000_000;
/// Workers that a connection asks about in turn.
const ASKED_ABOUT: usize = 16;
/// Workers where `create` is measured, for as many rounds as anybody would wait for: at the
/// default limit nearly all are refused.
const WORKERS_MAX: u64 = 4_000_000;
/// Bytes that these runs and workers count at most.
const BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024 * 1024;

/// What a person would say.
const CONTENT: &str = "Hello there. What is a run, and how does it end?";

/// What is measured, in the order in which it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(super) enum Route {
    /// One worker of a thousand
    WorkerDetail,
    /// 50 workers of a thousand
    WorkersPage50,
    /// 200 workers of a thousand
    WorkersPage200,
    /// All runtimes
    Runtimes,
    /// 50 entries of a conversation
    TranscriptPage,
    /// 50 events
    EventsBatch,
    /// An input that is accepted; its run's cost is in the figure too
    Input,
    /// A new worker
    Create,
}

/// One request, to whichever server.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    /// Path and query.
    pub(super) path: String,
    /// The JSON body.
    pub(super) body: Option<Value>,
}

impl Asked {
    pub(super) fn get(path: String) -> Self {
        Self { path, body: None }
    }
}

/// How often what is asked has to be prepared anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Preparation {
    /// The same requests in every round.
    Once,
    /// Others in every round, of fresh workers.
    EachRound,
}

impl Route {
    pub(super) fn name(self) -> String {
        let value = self.to_possible_value();
        value.expect("no route is hidden").get_name().to_owned()
    }

    pub(super) const fn method(self) -> Method {
        match self {
            Self::WorkerDetail
            | Self::WorkersPage50
            | Self::WorkersPage200
            | Self::Runtimes
            | Self::TranscriptPage
            | Self::EventsBatch => Method::Get,
            Self::Input | Self::Create => Method::Post,
        }
    }

    /// The route in axum's syntax.
    pub(super) const fn pattern(self) -> &'static str {
        match self {
            Self::WorkerDetail => "/api/runtimes/{runtime_id}/workers/{worker_id}",
            Self::WorkersPage50 | Self::WorkersPage200 | Self::Create => {
                "/api/runtimes/{runtime_id}/workers"
            }
            Self::Runtimes => "/api/runtimes",
            Self::TranscriptPage => "/api/runtimes/{runtime_id}/workers/{worker_id}/transcript",
            Self::EventsBatch => "/api/runtimes/{runtime_id}/workers/{worker_id}/events",
            Self::Input => "/api/runtimes/{runtime_id}/workers/{worker_id}/input",
        }
    }

    /// The status of an answer that counts.
    pub(super) const fn status(self) -> u16 {
        match self {
            Self::WorkerDetail
            | Self::WorkersPage50
            | Self::WorkersPage200
            | Self::Runtimes
            | Self::TranscriptPage
            | Self::EventsBatch => 200,
            Self::Input => 202,
            Self::Create => 201,
        }
    }

    /// The least ratio to the bare server that is aimed at.
    pub(super) const fn goal(self) -> Option<f64> {
        match self {
            Self::WorkerDetail => Some(0.85),
            Self::WorkersPage50 | Self::TranscriptPage | Self::EventsBatch | Self::Input => {
                Some(0.60)
            }
            Self::WorkersPage200 | Self::Runtimes | Self::Create => None,
        }
    }

    pub(super) const fn preparation(self) -> Preparation {
        match self {
            Self::Input => Preparation::EachRound,
            Self::WorkerDetail
            | Self::WorkersPage50
            | Self::WorkersPage200
            | Self::Runtimes
            | Self::TranscriptPage
            | Self::EventsBatch
            | Self::Create => Preparation::Once,
        }
    }

    /// The server as its users get it, but for what no measurement can do without.
    pub(super) fn settings(self) -> Settings {
        let settings = Settings::default()
            .flag("--engine-as-configured")
            .with("--offline-pace-ms", 0)
            .lose_log();
        match self {
            Self::WorkerDetail
            | Self::WorkersPage50
            | Self::WorkersPage200
            | Self::Runtimes
            | Self::TranscriptPage
            | Self::EventsBatch => settings,
            Self::Input => settings
                .limit("concurrent_runs", RUNS_MAX)
                .limit("total_bytes", BYTES_MAX),
            Self::Create => settings
                .limit("workers", WORKERS_MAX)
                .limit("total_bytes", BYTES_MAX),
        }
    }

    /// The workers that [`asked`](Self::asked) is about.
    pub(super) async fn prepare(
        self,
        client: &mut Client,
        connections: usize,
    ) -> Result<Vec<Worker>, Failure> {
        match self {
            Self::WorkerDetail | Self::WorkersPage50 | Self::WorkersPage200 | Self::Runtimes => {
                Worker::crowd(client, WORKERS).await
            }
            Self::TranscriptPage | Self::EventsBatch => {
                let workers = Worker::crowd(client, TALKERS).await?;
                for worker in &workers {
                    for _ in 0..TALK {
                        let path = format!("{}/input", worker.path);
                        let input = client.post(&path, &said()).await?;
                        input.expect(202)?;
                        worker.until_idle(client).await?;
                    }
                }
                Ok(workers)
            }
            Self::Input => Worker::crowd(client, connections * HEARERS).await,
            Self::Create => Ok(Vec::new()),
        }
    }

    /// What each of so many connections asks, in this order, again and again. Connections
    /// share no worker where there are enough.
    pub(super) fn asked(self, workers: &[Worker], connections: usize) -> Vec<Vec<Asked>> {
        let of = |connection: usize, most: usize, below: &str, body: Option<Value>| {
            share(workers, connection, connections)
                .take(most)
                .map(|worker| Asked {
                    path: format!("{}{below}", worker.path),
                    body: body.clone(),
                })
                .collect()
        };
        let one = |connection| match self {
            Self::WorkerDetail => of(connection, ASKED_ABOUT, "", None),
            Self::WorkersPage50 => vec![Asked::get(format!("{EMBEDDED}/workers?limit=50"))],
            Self::WorkersPage200 => vec![Asked::get(format!("{EMBEDDED}/workers?limit=200"))],
            Self::Runtimes => vec![Asked::get("/api/runtimes".to_owned())],
            Self::TranscriptPage => of(connection, ASKED_ABOUT, "/transcript?limit=50", None),
            Self::EventsBatch => of(connection, ASKED_ABOUT, "/events?limit=50", None),
            Self::Input => of(connection, HEARERS, "/input", Some(said())),
            Self::Create => vec![Asked {
                path: format!("{EMBEDDED}/workers"),
                body: Some(json!({ "display_name": "Reviewer" })),
            }],
        };
        (0..connections).map(one).collect()
    }
}

/// Those of `all` that one of so many connections asks about: no other's, where there are enough.
pub(super) fn share<T>(
    all: &[T],
    connection: usize,
    connections: usize,
) -> impl Iterator<Item = &T> {
    let own = all.iter().cycle().skip(connection).step_by(connections);
    own.take((all.len() / connections).max(1))
}

fn said() -> Value {
    json!({ "content": CONTENT })
}
