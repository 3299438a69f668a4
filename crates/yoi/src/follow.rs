//! Follows a worker's events by cursor, one long poll after another.
//!
//! A poll that fails is repeated from the cursor where the last one ended, so no event is
//! printed twice or left out.

pub(crate) mod reasoning;
pub(crate) mod reply;

use http_api::wire::ProblemCode;
use registry_core::page::PAGE_LIMIT_MAX;
use registry_core::projection::EventBatch;
use registry_core::{Cursor, WorkerRef};
use tokio::time::{Instant, sleep_until};

use crate::client::{Client, EventsQuery, Response};
use crate::error::Error;
use crate::retry::RetryPolicy;

/// How long one poll waits for an event, in milliseconds: less than the 30 s that the server
/// allows, and much less than the client's request timeout.
const WAIT_MS: u64 = 25_000;
/// How often in a row the cursor may expire without a single batch in between.
const EXPIRED_MAX: u32 = 5;

/// A position in a worker's events that advances as they are read.
pub(crate) struct EventFollower<'a> {
    worker: &'a WorkerRef,
    retry: RetryPolicy,
    position: Option<Cursor>,
    expired: u32,
    not_before: Option<Instant>,
}

#[derive(Debug)]
pub(crate) enum Followed {
    /// Events; none when nothing happened within the wait.
    Batch(Response<EventBatch>),
    /// The next events are no longer retained: read the transcript, then
    /// [`EventFollower::resume_at`] its cursor.
    CursorExpired,
}

impl<'a> EventFollower<'a> {
    /// Starts after the event at `position`; without one, at the oldest retained event.
    pub(crate) fn new(worker: &'a WorkerRef, position: Option<Cursor>, retry: RetryPolicy) -> Self {
        Self {
            worker,
            retry,
            position,
            expired: 0,
            not_before: None,
        }
    }

    pub(crate) fn position(&self) -> Option<Cursor> {
        self.position
    }

    pub(crate) fn resume_at(&mut self, position: Cursor) {
        self.position = Some(position);
    }

    /// Waits for the next events. When dropped, the position stays where it was.
    pub(crate) async fn next(&mut self, client: &Client) -> Result<Followed, Error> {
        if let Some(instant) = self.not_before.take() {
            sleep_until(instant).await;
        }
        let retry = self.retry;
        retry.run(async || self.poll(client).await).await
    }

    async fn poll(&mut self, client: &Client) -> Result<Followed, Error> {
        let started_at = Instant::now();
        let query = EventsQuery {
            after: self.position,
            limit: Some(PAGE_LIMIT_MAX),
            wait_ms: Some(WAIT_MS),
        };
        match client.events(self.worker, &query).await {
            Ok(batch) => {
                self.expired = 0;
                self.position = Some(batch.value.next_cursor);
                if batch.value.events.is_empty() {
                    self.not_before = Some(started_at + self.retry.empty_poll_interval);
                }
                Ok(Followed::Batch(batch))
            }
            Err(error)
                if error.problem_code() == Some(ProblemCode::CursorExpired)
                    && self.expired < EXPIRED_MAX =>
            {
                self.expired += 1;
                Ok(Followed::CursorExpired)
            }
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
