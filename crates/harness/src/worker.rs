//! A worker of the embedded runtime: its operations, and reading its events by cursor.

use registry_core::Cursor;
use registry_core::projection::{
    AcceptedInput, EventBatch, EventKind, RunErrorCode, RunOutcome, WorkerDetail, WorkerEvent,
};
use serde_json::json;

use crate::client::Client;
use crate::engine::Script;
use crate::failure::Failure;
use crate::run_tracker::RunTracker;

pub(crate) const EMBEDDED: &str = "/api/runtimes/backend-internal";
/// The longest wait of a poll, in milliseconds.
const WAIT_MS: u32 = 30_000;
/// Most events of a batch.
const BATCH: u32 = 200;

#[derive(Debug, Clone)]
pub(crate) struct Worker {
    pub(crate) path: String,
    pub(crate) created: Cursor,
}

impl Worker {
    pub(crate) async fn create(client: &mut Client) -> Result<Self, Failure> {
        let path = format!("{EMBEDDED}/workers");
        let detail: WorkerDetail = client.post(&path, &json!({}), 201).await?.json()?;
        Ok(Self {
            path: format!("{path}/{}", detail.summary.worker_id),
            created: latest_cursor(&detail)?,
        })
    }

    pub(crate) async fn create_many(
        client: &mut Client,
        number: usize,
    ) -> Result<Vec<Self>, Failure> {
        let mut workers = Vec::with_capacity(number);
        for _ in 0..number {
            workers.push(Self::create(client).await?);
        }
        Ok(workers)
    }

    /// Sends an input to the scripted engine, which must be accepted.
    pub(crate) async fn send(
        &self,
        client: &mut Client,
        script: Script,
    ) -> Result<AcceptedInput, Failure> {
        let (path, body) = (self.input_path(), json!({ "content": script.input() }));
        client.post(&path, &body, 202).await?.json()
    }

    /// Sends an input and reads the reply to its end; gives the cursor behind it.
    pub(crate) async fn take_turn(
        &self,
        client: &mut Client,
        input: &str,
        mut after: Cursor,
    ) -> Result<Cursor, Failure> {
        let body = json!({ "content": input });
        client.post(&self.input_path(), &body, 202).await?;
        loop {
            let batch: EventBatch = client.get_json(&self.poll_path(after)).await?;
            after = batch.next_cursor;
            for event in batch.events {
                if let EventKind::RunFinished { outcome, .. } = event.kind {
                    return if outcome == RunOutcome::Completed {
                        Ok(after)
                    } else {
                        Err(Failure::Protocol(format!("a run ended as {outcome:?}")))
                    };
                }
            }
        }
    }

    pub(crate) fn input_path(&self) -> String {
        format!("{}/input", self.path)
    }

    pub(crate) async fn cancel(&self, client: &mut Client) -> Result<(), Failure> {
        let path = format!("{}/cancel", self.path);
        client.post(&path, &json!({}), 200).await.map(drop)
    }

    pub(crate) async fn stop(&self, client: &mut Client) -> Result<(), Failure> {
        let path = format!("{}/stop", self.path);
        client.post(&path, &json!({}), 200).await.map(drop)
    }

    pub(crate) async fn delete(&self, client: &mut Client) -> Result<(), Failure> {
        let request = client.endpoint().request("DELETE", &self.path, None);
        let response = client.send(&request).await?;
        response.expect(204, &self.path).map(drop)
    }

    pub(crate) async fn detail(&self, client: &mut Client) -> Result<WorkerDetail, Failure> {
        client.get_json(&self.path).await
    }

    pub(crate) async fn wait_until_idle(&self, client: &mut Client) -> Result<(), Failure> {
        loop {
            let detail = self.detail(client).await?;
            if detail.summary.active_run.is_none() {
                return Ok(());
            }
            // Returns at the next event, or with 410 when the log has passed the cursor.
            let path = self.poll_path(latest_cursor(&detail)?);
            let response = client.get(&path).await?;
            if response.status != 410 {
                response.expect(200, &path)?;
            }
        }
    }

    /// The path of a long-poll after `cursor` with the longest wait.
    pub(crate) fn poll_path(&self, after: Cursor) -> String {
        format!(
            "{}/events?after={after}&limit={BATCH}&wait_ms={WAIT_MS}",
            self.path
        )
    }

    /// A reader of all its events.
    pub(crate) fn events(&self) -> EventReader {
        EventReader {
            worker: self.clone(),
            after: self.created,
            gaps: 0,
        }
    }
}

/// The cursor after the newest event.
pub(crate) fn latest_cursor(detail: &WorkerDetail) -> Result<Cursor, Failure> {
    let conversation = detail.conversation.as_ref();
    conversation
        .map(|conversation| conversation.latest_cursor)
        .ok_or_else(|| Failure::Protocol("a worker without a conversation".to_owned()))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RunEnd {
    pub(crate) outcome: RunOutcome,
    pub(crate) error_code: Option<RunErrorCode>,
}

impl RunEnd {
    /// The end of a run that did not fail.
    pub(crate) fn without_error(outcome: RunOutcome) -> Self {
        let error_code = None;
        Self {
            outcome,
            error_code,
        }
    }
}

/// Reads one worker's events in order and counts gaps.
#[derive(Debug)]
pub(crate) struct EventReader {
    worker: Worker,
    after: Cursor,
    /// Events that do not follow directly on the one before.
    pub(crate) gaps: usize,
}

impl EventReader {
    pub(crate) fn poll_path(&self) -> String {
        self.worker.poll_path(self.after)
    }

    /// Checks `batch`, the response to the poll, and continues after it.
    pub(crate) fn advance(&mut self, batch: EventBatch) -> Result<Vec<WorkerEvent>, Failure> {
        for event in &batch.events {
            let successor = Cursor::new(self.after.epoch(), self.after.sequence() + 1);
            self.gaps += usize::from(event.cursor != successor);
            self.after = event.cursor;
        }
        if batch.next_cursor != self.after {
            let wrong = "`next_cursor` is not that of the batch's last event";
            return Err(Failure::Protocol(wrong.to_owned()));
        }
        Ok(batch.events)
    }

    /// Polls until `wanted` finds something in an event; `tracker` records every event.
    pub(crate) async fn find<T>(
        &mut self,
        client: &mut Client,
        tracker: &mut RunTracker,
        what: &'static str,
        wanted: impl Fn(&EventKind) -> Option<T>,
    ) -> Result<T, Failure> {
        loop {
            let batch = client.get_json(&self.poll_path()).await?;
            let events = self.advance(batch)?;
            if events.is_empty() {
                return Err(Failure::Timeout(what));
            }
            events.iter().for_each(|event| tracker.event(event));
            if let Some(found) = events.iter().find_map(|event| wanted(&event.kind)) {
                return Ok(found);
            }
        }
    }
}
