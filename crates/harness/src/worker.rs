//! A worker of the embedded runtime, and reading its events on by cursor.

use registry_core::Cursor;
use registry_core::projection::{
    AcceptedInput, EventBatch, EventKind, RunErrorCode, RunOutcome, WorkerDetail, WorkerEvent,
};
use serde_json::json;

use crate::client::{Answer, Client};
use crate::engine::Order;
use crate::failure::Failure;

/// The embedded runtime, in every path.
pub(crate) const EMBEDDED: &str = "/api/runtimes/backend-internal";
/// The longest wait of a poll, in milliseconds.
const WAIT_MS: u32 = 30_000;
/// The most events of a batch.
const BATCH: u32 = 200;

/// A worker, by its path.
#[derive(Debug, Clone)]
pub(crate) struct Worker {
    /// Its path.
    pub(crate) path: String,
    /// The position at which it was created.
    pub(crate) created: Cursor,
}

impl Worker {
    /// Creates a worker.
    pub(crate) async fn create(client: &mut Client) -> Result<Self, Failure> {
        let path = format!("{EMBEDDED}/workers");
        let answer = client.post(&path, &json!({})).await?.expect(201)?;
        let detail: WorkerDetail = answer.json()?;
        Ok(Self {
            path: format!("{path}/{}", detail.summary.worker_id),
            created: latest(&detail)?,
        })
    }

    /// Creates this many workers.
    pub(crate) async fn crowd(client: &mut Client, number: usize) -> Result<Vec<Self>, Failure> {
        let mut workers = Vec::with_capacity(number);
        for _ in 0..number {
            workers.push(Self::create(client).await?);
        }
        Ok(workers)
    }

    /// Sends an order that must be accepted.
    pub(crate) async fn hears(
        &self,
        client: &mut Client,
        order: Order,
    ) -> Result<AcceptedInput, Failure> {
        let path = format!("{}/input", self.path);
        let answer = client
            .post(&path, &json!({ "content": order.text() }))
            .await?;
        answer.expect(202)?.json()
    }

    /// Cancels what it does.
    pub(crate) async fn cancel(&self, client: &mut Client) -> Result<Answer, Failure> {
        let path = format!("{}/cancel", self.path);
        client.post(&path, &json!({})).await?.expect(200)
    }

    /// Stops it for good.
    pub(crate) async fn stop(&self, client: &mut Client) -> Result<Answer, Failure> {
        let path = format!("{}/stop", self.path);
        client.post(&path, &json!({})).await?.expect(200)
    }

    /// What it is doing.
    pub(crate) async fn detail(&self, client: &mut Client) -> Result<WorkerDetail, Failure> {
        client.read(&self.path).await
    }

    /// Waits until it is idle, however fast its events go by.
    pub(crate) async fn until_idle(&self, client: &mut Client) -> Result<(), Failure> {
        loop {
            let detail = self.detail(client).await?;
            if detail.summary.active_run.is_none() {
                return Ok(());
            }
            // Answers with the next event; or with 410, when the log has passed it already.
            let answer = client.get(&self.poll_path(latest(&detail)?)).await?;
            if !matches!(answer.status, 200 | 410) {
                answer.expect(200)?;
            }
        }
    }

    /// The path of a poll after `cursor` that waits as long as one may.
    pub(crate) fn poll_path(&self, after: Cursor) -> String {
        format!(
            "{}/events?after={after}&limit={BATCH}&wait_ms={WAIT_MS}",
            self.path
        )
    }

    /// A reader that begins where the worker did.
    pub(crate) fn follower(&self) -> Follower {
        Follower {
            worker: self.clone(),
            after: self.created,
            gaps: 0,
        }
    }
}

/// The position after the newest event.
pub(crate) fn latest(detail: &WorkerDetail) -> Result<Cursor, Failure> {
    let conversation = detail.conversation.as_ref();
    conversation
        .map(|conversation| conversation.latest_cursor)
        .ok_or_else(|| Failure::Undocumented("a worker without a conversation".to_owned()))
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct End {
    /// Its outcome.
    pub(crate) outcome: RunOutcome,
    /// Why it failed.
    pub(crate) error_code: Option<RunErrorCode>,
}

/// A reader of one worker's events, which checks that it misses none.
#[derive(Debug)]
pub(crate) struct Follower {
    worker: Worker,
    after: Cursor,
    /// Events that are not the successor of the one before.
    pub(crate) gaps: usize,
}

impl Follower {
    /// The events after those that were read: none if nothing happens for as long as one may
    /// wait.
    pub(crate) async fn next(&mut self, client: &mut Client) -> Result<Vec<WorkerEvent>, Failure> {
        let batch: EventBatch = client.read(&self.worker.poll_path(self.after)).await?;
        self.take(batch)
    }

    /// Goes on behind `batch`.
    pub(crate) fn take(&mut self, batch: EventBatch) -> Result<Vec<WorkerEvent>, Failure> {
        for event in &batch.events {
            let successor = Cursor::new(self.after.epoch(), self.after.sequence() + 1);
            if event.cursor != successor {
                self.gaps += 1;
            }
            self.after = event.cursor;
        }
        if batch.next_cursor != self.after {
            return Err(Failure::Undocumented(
                "`next_cursor` is not that of the batch's last event".to_owned(),
            ));
        }
        Ok(batch.events)
    }

    /// The path of its next poll.
    pub(crate) fn poll_path(&self) -> String {
        self.worker.poll_path(self.after)
    }

    /// Reads on until a run has ended, giving every event to `seen`.
    pub(crate) async fn until_finished(
        &mut self,
        client: &mut Client,
        seen: impl FnMut(&WorkerEvent),
    ) -> Result<End, Failure> {
        self.until(client, "the end of a run", seen, |event| ended(&event.kind))
            .await
    }

    /// Reads on until a run says something, giving every event to `seen`.
    pub(crate) async fn until_text(
        &mut self,
        client: &mut Client,
        seen: impl FnMut(&WorkerEvent),
    ) -> Result<String, Failure> {
        self.until(client, "a word of a run", seen, |event| match &event.kind {
            EventKind::OutputDelta { text, .. } => Some(text.to_string()),
            EventKind::WorkerCreated
            | EventKind::InputAccepted { .. }
            | EventKind::RunFinished { .. }
            | EventKind::WorkerStopped => None,
        })
        .await
    }

    /// Reads on until an event is `wanted`.
    async fn until<T>(
        &mut self,
        client: &mut Client,
        what: &'static str,
        mut seen: impl FnMut(&WorkerEvent),
        wanted: impl Fn(&WorkerEvent) -> Option<T>,
    ) -> Result<T, Failure> {
        loop {
            let events = self.next(client).await?;
            if events.is_empty() {
                return Err(Failure::TooLate(what));
            }
            events.iter().for_each(&mut seen);
            if let Some(found) = events.iter().find_map(&wanted) {
                return Ok(found);
            }
        }
    }
}

/// How a run ended, if the event says so.
pub(crate) fn ended(kind: &EventKind) -> Option<End> {
    match kind {
        EventKind::RunFinished {
            outcome,
            error_code,
            ..
        } => Some(End {
            outcome: *outcome,
            error_code: *error_code,
        }),
        EventKind::WorkerCreated
        | EventKind::InputAccepted { .. }
        | EventKind::OutputDelta { .. }
        | EventKind::WorkerStopped => None,
    }
}
