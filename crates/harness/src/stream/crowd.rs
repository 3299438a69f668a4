//! Conversations at once, each with its readers.

use std::time::Duration;

use registry_core::Cursor;
use registry_core::projection::{EventBatch, EventKind};
use serde_json::json;
use tokio::task::JoinSet;

use crate::client::Client;
use crate::failure::Failure;
use crate::provider::{Provider, Reply, ages};
use crate::server::{Server, Settings};
use crate::statistics::Latencies;
use crate::worker::{Worker, latest_cursor};

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

impl Crowd {
    pub(super) async fn measure(&self) -> Result<Figures, Failure> {
        let provider = Provider::start().await?;
        // With the limits that a server has by default.
        let settings = provider.as_model(Settings::default().discard_log());
        let server = Server::start(settings).await?;
        let mut client = server.client();
        let workers = Worker::create_many(&mut client, self.conversations as usize).await?;
        // The first reply opens connections and fills caches.
        self.converse(&server, &workers, 1).await?;
        let before = server.stats()?.cpu;
        let mut figures = self.converse(&server, &workers, self.deltas).await?;
        let after = server.stats()?;
        figures.cpu = after.cpu.saturating_sub(before);
        figures.resident_bytes = after.resident_bytes;
        let expected = self.deltas as usize * workers.len() * self.watchers as usize;
        if figures.delays.len() != expected {
            let lost = format!("{} deltas of {expected} arrived", figures.delays.len());
            return Err(Failure::Protocol(lost));
        }
        Ok(figures)
    }

    /// Has a reply of so many deltas in each conversation.
    async fn converse(
        &self,
        server: &Server,
        workers: &[Worker],
        deltas: u32,
    ) -> Result<Figures, Failure> {
        let gap_us = 1_000_000 / u64::from(self.rate);
        let reply = Reply { deltas, gap_us };
        let apart = STARTS_WITHIN / self.conversations;
        let mut readers = JoinSet::new();
        for (number, worker) in (0..).zip(workers) {
            let mut client = server.client();
            let start = apart * number;
            let detail = worker.detail(&mut client).await?;
            let after = latest_cursor(&detail)?;
            for _ in 0..self.watchers {
                let (client, worker) = (server.client(), worker.clone());
                readers.spawn(watch(client, worker, after, self.batch_ms));
            }
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
