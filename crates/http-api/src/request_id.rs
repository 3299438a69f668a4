//! The server's own id of the request at hand. The client's is never taken over: an id that
//! a client chooses could forge log lines.

use std::fmt;
use std::future::Future;

use uuid::Uuid;

tokio::task_local! {
    static CURRENT: RequestId;
}

/// Names one request, in its answer and in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RequestId(Uuid);

impl RequestId {
    /// A fresh id; UUIDv7, so that ids sort by time.
    pub(crate) fn new() -> Self {
        Self(Uuid::now_v7())
    }

    /// Runs `work` as part of this request.
    pub(crate) async fn scope<T>(self, work: impl Future<Output = T>) -> T {
        CURRENT.scope(self, work).await
    }

    /// The request that the running task works on.
    pub(crate) fn current() -> Option<Self> {
        CURRENT.try_with(|id| *id).ok()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
