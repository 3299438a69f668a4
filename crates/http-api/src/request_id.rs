//! The server's own id of the request at hand. The client's is never taken over: an id that
//! a client chooses could forge log lines.

use std::fmt;
use std::future::Future;

use tokio::task::futures::TaskLocalFuture;
use uuid::{NoContext, Timestamp, Uuid};

tokio::task_local! {
    static CURRENT: RequestId;
}

/// Names one request, in its answer (`X-Request-Id`, and the `request_id` of a problem) and in
/// the log. The server makes it up; there is no way in from text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestId(Uuid);

impl RequestId {
    /// A fresh id; UUIDv7, so that ids sort by time, to the millisecond. A counter that puts those
    /// of one millisecond in order would be shared by all threads, behind a lock.
    pub(crate) fn new() -> Self {
        Self(Uuid::new_v7(Timestamp::now(NoContext)))
    }

    /// `work` as part of this request. No `async fn`: that would hold `work` twice.
    pub(crate) fn scope<W: Future>(self, work: W) -> TaskLocalFuture<Self, W> {
        CURRENT.scope(self, work)
    }

    /// The request that the running task works on; none outside requests, and none in a task
    /// that a request has spawned.
    #[must_use]
    pub fn current() -> Option<Self> {
        CURRENT.try_with(|id| *id).ok()
    }

    /// Gives the text that [`Display`](fmt::Display) shows to `read`, without the cost of
    /// formatting: a busy server needs it for every answer and every log line.
    pub fn with_text<R>(self, read: impl FnOnce(&str) -> R) -> R {
        read(self.0.hyphenated().encode_lower(&mut Uuid::encode_buffer()))
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn requests_of_one_millisecond_have_ids_of_their_own() {
        let ids: HashSet<String> = (0..10_000).map(|_| RequestId::new().to_string()).collect();
        assert_eq!(ids.len(), 10_000);
    }

    #[tokio::test]
    async fn a_request_knows_its_id_only_within_it_and_writes_it_as_it_is_shown() {
        let id = RequestId::new();
        assert_eq!(RequestId::current(), None);
        let (within, spawned) = id
            .scope(async {
                let spawned = tokio::spawn(async { RequestId::current() });
                (RequestId::current(), spawned.await.unwrap())
            })
            .await;
        assert_eq!(within, Some(id));
        assert_eq!(spawned, None);
        assert_eq!(RequestId::current(), None);

        id.with_text(|text| assert_eq!(text, id.to_string()));
    }
}
