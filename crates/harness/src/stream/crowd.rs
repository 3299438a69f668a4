//! Conversations at once, each with its readers.

use std::time::Duration;

use registry_core::Cursor;
use registry_core::projection::{EventBatch, EventKind};
use serde_json::json;
use tokio::task::JoinSet;

use crate::client::Client;
use crate::failure::Failure;
use crate::process_stats::ProcessStats;
use crate::provider::{Provider, Reply, ages};
use crate::server::{Server, Settings};
use crate::statistics::Latencies;
use crate::worker::Worker;

use super::relay::{self, BareRelay};

/// How far the conversations' starts lie apart in all: people don't all speak at once.
const STARTS_WITHIN: Duration = Duration::from_secs(1);

/// Who talks, who reads, and how fast replies come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Crowd {
    pub(super) conversations: u32,
    /// Readers of each conversation.
    pub(super) watchers: u32,
    pub(super) batch_ms: u32,
    pub(super) deltas: u32,
    pub(super) rate: u32,
}

/// What was measured.
#[derive(Debug, Default)]
pub(super) struct Figures {
    /// From the provider's write of a delta to its reader.
    pub(super) delays: Latencies,
    /// The same of the first delta of each reply.
    pub(super) first_delays: Latencies,
    /// Requests of the readers.
    pub(super) requests: usize,
    /// Of the server.
    pub(super) cpu: Duration,
    /// Of the server, after the last reply.
    pub(super) resident_bytes: u64,
}

/// A kind of server.
#[derive(Debug, Clone, Copy)]
pub(super) enum Subject {
    BareRelay,
    Yoi,
}

impl Subject {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::BareRelay => "bare relay",
            Self::Yoi => "yoi",
        }
    }
}

/// The server that is measured.
enum Measured {
    BareRelay(BareRelay),
    Yoi(Server),
}

impl Measured {
    /// Starts a server, and gives its conversations.
    async fn start(
        subject: Subject,
        provider: &Provider,
        conversations: u32,
    ) -> Result<(Self, Vec<Worker>), Failure> {
        match subject {
            Subject::BareRelay => {
                let relay = BareRelay::start(provider, conversations).await?;
                Ok((Self::BareRelay(relay), relay::workers(conversations)))
            }
            Subject::Yoi => {
                // With the limits that a server has by default.
                let settings = provider.as_model(Settings::default().discard_log());
                let server = Server::start(settings).await?;
                let conversations = conversations as usize;
                let workers = Worker::create_many(&mut server.client(), conversations).await?;
                Ok((Self::Yoi(server), workers))
            }
        }
    }

    fn client(&self) -> Client {
        match self {
            Self::BareRelay(relay) => relay.client(),
            Self::Yoi(server) => server.client(),
        }
    }

    fn stats(&self) -> Result<ProcessStats, Failure> {
        match self {
            Self::BareRelay(relay) => relay.stats(),
            Self::Yoi(server) => server.stats(),
        }
    }
}

impl Crowd {
    pub(super) async fn measure(&self, subject: Subject) -> Result<Figures, Failure> {
        let provider = Provider::start().await?;
        let started = Measured::start(subject, &provider, self.conversations).await?;
        let (server, workers) = started;
        let conversations = warm_up(&server, workers).await?;
        let before = server.stats()?.cpu;
        let mut figures = self.converse(&server, &conversations).await?;
        let after = server.stats()?;
        figures.cpu = after.cpu.saturating_sub(before);
        figures.resident_bytes = after.resident_bytes;
        let expected = self.deltas as usize * conversations.len() * self.watchers as usize;
        if figures.delays.len() != expected {
            let lost = format!("{} deltas of {expected} arrived", figures.delays.len());
            return Err(Failure::Protocol(lost));
        }
        Ok(figures)
    }

    /// Has a reply in each conversation.
    async fn converse(
        &self,
        server: &Measured,
        conversations: &[(Worker, Cursor)],
    ) -> Result<Figures, Failure> {
        let gap_us = 1_000_000 / u64::from(self.rate);
        let deltas = self.deltas;
        let reply = Reply { deltas, gap_us };
        let apart = STARTS_WITHIN / self.conversations;
        let mut readers = JoinSet::new();
        for (number, (worker, after)) in (0..).zip(conversations) {
            for _ in 0..self.watchers {
                let (client, worker) = (server.client(), worker.clone());
                readers.spawn(watch(client, worker, *after, self.batch_ms));
            }
            let start = apart * number;
            let mut client = server.client();
            let path = worker.input_path();
            readers.spawn(async move {
                tokio::time::sleep(start).await;
                let body = json!({ "content": reply.input() });
                client.post(&path, &body, 202).await?;
                Ok(Figures::default())
            });
        }
        let mut figures = Figures::default();
        while let Some(watched) = readers.join_next().await {
            let watched = watched??;
            figures.delays.merge(watched.delays);
            figures.first_delays.merge(watched.first_delays);
            figures.requests += watched.requests;
        }
        Ok(figures)
    }
}

/// Has a reply of one word in each conversation, which opens connections and fills caches. Gives the
/// cursors behind them.
async fn warm_up(
    server: &Measured,
    workers: Vec<Worker>,
) -> Result<Vec<(Worker, Cursor)>, Failure> {
    let mut turns = JoinSet::new();
    for worker in workers {
        let mut client = server.client();
        turns.spawn(async move {
            let input = Reply::ONE_WORD.input();
            let after = worker.take_turn(&mut client, &input, worker.created);
            let after = after.await?;
            Ok((worker, after))
        });
    }
    turns.join_all().await.into_iter().collect()
}

/// Reads the events of a conversation until its run has ended.
async fn watch(
    mut client: Client,
    worker: Worker,
    mut after: Cursor,
    batch_ms: u32,
) -> Result<Figures, Failure> {
    let mut figures = Figures::default();
    loop {
        let path = format!("{}&batch_ms={batch_ms}", worker.poll_path(after));
        let batch: EventBatch = client.get_json(&path).await?;
        figures.requests += 1;
        after = batch.next_cursor;
        for event in batch.events {
            match event.kind {
                EventKind::OutputDelta { text, .. } => {
                    for age in ages(&text) {
                        if figures.delays.len() == 0 {
                            figures.first_delays.record(age);
                        }
                        figures.delays.record(age);
                    }
                }
                EventKind::RunFinished { .. } => return Ok(figures),
                EventKind::WorkerCreated
                | EventKind::InputAccepted { .. }
                | EventKind::ReasoningDelta { .. }
                | EventKind::RunRetrying { .. }
                | EventKind::WorkerStopped => {}
            }
        }
    }
}
