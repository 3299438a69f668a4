//! Following a worker: reading its events by cursor, one long poll after another.
//!
//! The cursor is all that there is to lose. A poll that fails is repeated from where the
//! last one ended, so nothing is printed twice and nothing is left out; a cursor that the
//! server no longer knows is for the caller to replace, from the transcript.

pub(crate) mod reply;

use std::time::Duration;

use http_api::wire::ProblemCode;
use registry_core::page::PAGE_LIMIT_MAX;
use registry_core::projection::EventBatch;
use registry_core::{Cursor, WorkerRef};
use tokio::time::{Instant, sleep, sleep_until};

use crate::client::{Answer, Client, EventsQuery};
use crate::failure::Failure;

/// How long one poll waits for an event, in seconds: less than the 30 s that the server
/// grants, and much less than the client's own patience with a request.
const WAIT: Duration = Duration::from_secs(25);

/// The pause before a read is repeated that there was no room for, when the server names none;
/// and the least, whatever it names.
const ROOM_PAUSE: Duration = Duration::from_millis(200);

/// How much trouble a follower takes before it gives up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// Most polls that may fail one after another.
    pub(crate) attempts: u32,
    /// The pause after the first failure; each further one is twice as long.
    pub(crate) first_pause: Duration,
    /// Most times that the cursor may expire without a single answer in between.
    pub(crate) expiries: u32,
    /// Least time between two polls of which the first brought nothing, in case the server
    /// does not wait.
    pub(crate) idle_pause: Duration,
    /// Time after the first read that there was no room for ([`Failure::lacks_room`]) after
    /// which no further attempt begins. Such reads are not counted as `attempts`.
    pub(crate) room: Duration,
}

impl Patience {
    /// Three seconds in all: a network that stumbles, but no server that is gone. Half a
    /// minute for room: about as long as the server bears with a client that takes nothing.
    pub(crate) const DEFAULT: Self = Self {
        attempts: 5,
        first_pause: Duration::from_millis(200),
        expiries: 5,
        idle_pause: Duration::from_secs(1),
        room: Duration::from_secs(30),
    };

    /// No patience but for room: whatever else fails, somebody else repairs or tells.
    pub(crate) const FOR_ROOM: Self = Self {
        attempts: 1,
        ..Self::DEFAULT
    };

    /// Does `read` again while it fails in a way that may pass. Not for what changes anything.
    pub(crate) async fn persist<T>(
        self,
        mut read: impl AsyncFnMut() -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let mut pause = self.first_pause;
        let mut attempts_left = self.attempts;
        let mut room_until = None;
        loop {
            let failure = match read().await {
                Err(failure) if failure.may_pass() => failure,
                result => return result,
            };
            if failure.lacks_room() {
                let now = Instant::now();
                let next = now + failure.retry_after().unwrap_or_default().max(ROOM_PAUSE);
                if next >= *room_until.get_or_insert(now + self.room) {
                    return Err(failure);
                }
                sleep_until(next).await;
                continue;
            }
            attempts_left = attempts_left.saturating_sub(1);
            if attempts_left == 0 {
                return Err(failure);
            }
            sleep(pause).await;
            pause *= 2;
        }
    }
}

/// A position in a worker's events that moves forward as they are read.
pub(crate) struct Feed<'a> {
    client: &'a Client,
    worker: &'a WorkerRef,
    patience: Patience,
    after: Option<Cursor>,
    expired: u32,
    not_before: Option<Instant>,
}

/// What a feed brings.
#[derive(Debug)]
pub(crate) enum Fed {
    /// Events, or none within the wait.
    Batch(Answer<EventBatch>),
    /// Some events can't be read any more: read the transcript, then [`Feed::resume`].
    Expired,
}

impl<'a> Feed<'a> {
    /// The events after `after`; without a cursor, from the oldest retained.
    pub(crate) fn new(
        client: &'a Client,
        worker: &'a WorkerRef,
        after: Option<Cursor>,
        patience: Patience,
    ) -> Self {
        Self {
            client,
            worker,
            patience,
            after,
            expired: 0,
            not_before: None,
        }
    }

    /// Goes on after `cursor`, whatever was read before.
    pub(crate) fn resume(&mut self, cursor: Cursor) {
        self.after = Some(cursor);
    }

    /// The next events. A poll that fails in a way that may pass is repeated.
    pub(crate) async fn next(&mut self) -> Result<Fed, Failure> {
        if let Some(instant) = self.not_before.take() {
            sleep_until(instant).await;
        }
        let patience = self.patience;
        patience.persist(async || self.poll().await).await
    }

    async fn poll(&mut self) -> Result<Fed, Failure> {
        let asked_at = Instant::now();
        let query = EventsQuery {
            after: self.after,
            limit: Some(PAGE_LIMIT_MAX),
            wait: WAIT,
        };
        match self.client.events(self.worker, &query).await {
            Ok(answer) => {
                self.expired = 0;
                self.after = Some(answer.value.next_cursor);
                if answer.value.events.is_empty() {
                    self.not_before = Some(asked_at + self.patience.idle_pause);
                }
                Ok(Fed::Batch(answer))
            }
            Err(Failure::Refused(refusal))
                if refusal.problem.code == ProblemCode::CursorExpired
                    && self.expired < self.patience.expiries =>
            {
                self.expired += 1;
                Ok(Fed::Expired)
            }
            Err(failure) => Err(failure),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
