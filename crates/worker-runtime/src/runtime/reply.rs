//! Awaiting the reply to an input.

use std::pin::pin;
use std::time::Duration;

use futures_util::StreamExt as _;

use super::Runtime;
use crate::command::Accepted;
use crate::error::{
    CapacityExhausted, CursorExpired, EventsError, StoreUnavailable, UnknownWorker,
};
use crate::event::EventKind;
use crate::id::{RunId, WorkerId};
use crate::run::{RunDiagnostics, RunError, RunOutcome, Usage};
use crate::sync;

/// The reply of a run that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The run.
    pub run_id: RunId,
    /// How it ended. Unless it is `completed`, the text may stop in the middle.
    pub outcome: RunOutcome,
    /// The text, at most [`Limits::output_bytes`](crate::Limits) long; may be empty.
    pub text: String,
    /// What the engine used, as far as it said.
    pub usage: Option<Usage>,
    /// Why the run failed, if it did.
    pub error: Option<RunError>,
    /// What readers of the reply should know.
    pub diagnostics: RunDiagnostics,
}

/// Why a reply can't be awaited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReplyError {
    /// There is no such worker, or no longer.
    #[error(transparent)]
    UnknownWorker(#[from] UnknownWorker),
    /// The worker's events have no such run after its cursor.
    #[error("run {run_id} is unknown to worker {worker_id}")]
    UnknownRun {
        /// The worker.
        worker_id: WorkerId,
        /// The run.
        run_id: RunId,
    },
    /// Events of the run were dropped before they were read. The transcript still has the text.
    #[error(transparent)]
    Expired(#[from] CursorExpired),
    /// Too many readers are waiting already.
    #[error(transparent)]
    Capacity(#[from] CapacityExhausted),
    /// The worker is in the store, which can't be read.
    #[error(transparent)]
    Store(#[from] StoreUnavailable),
    /// The run has not ended within the timeout.
    #[error("run {run_id} of worker {worker_id} has not ended in time")]
    DeadlineExceeded {
        /// The worker.
        worker_id: WorkerId,
        /// The run.
        run_id: RunId,
    },
}

impl From<EventsError> for ReplyError {
    fn from(error: EventsError) -> Self {
        match error {
            EventsError::UnknownWorker(error) => error.into(),
            EventsError::Expired(error) => error.into(),
            EventsError::Capacity(error) => error.into(),
            EventsError::Store(error) => error.into(),
        }
    }
}

impl Runtime {
    /// Waits until a run has ended, at most for `timeout`, and returns its whole reply. `run` is
    /// what [`send_input`](Self::send_input) returned for this worker. While it waits it counts
    /// as a reader of events.
    ///
    /// # Errors
    /// See [`ReplyError`]. A run that didn't complete is no error: see [`Reply::outcome`].
    ///
    /// # Cancellation
    /// Dropping the future, and a timeout, only give up waiting: the run goes on. It can be
    /// awaited again for as long as the event log holds its events.
    pub async fn reply(
        &self,
        worker_id: WorkerId,
        run: &Accepted,
        timeout: Duration,
    ) -> Result<Reply, ReplyError> {
        let collected = sync::until(sync::after(timeout), self.collect_reply(worker_id, run));
        collected.await.unwrap_or(Err(ReplyError::DeadlineExceeded {
            worker_id,
            run_id: run.run_id,
        }))
    }

    async fn collect_reply(
        &self,
        worker_id: WorkerId,
        run: &Accepted,
    ) -> Result<Reply, ReplyError> {
        let mut reply = String::new();
        let mut events = pin!(self.subscribe(worker_id, run.cursor));
        while let Some(event) = events.next().await {
            match event?.kind {
                EventKind::OutputDelta { run_id, text } if run_id == run.run_id => {
                    reply.push_str(&text);
                }
                EventKind::RunFinished(finished) if finished.run_id == run.run_id => {
                    return Ok(Reply {
                        run_id: finished.run_id,
                        outcome: finished.outcome,
                        text: reply,
                        usage: finished.usage,
                        error: finished.error,
                        diagnostics: finished.diagnostics,
                    });
                }
                EventKind::WorkerCreated
                | EventKind::InputAccepted { .. }
                | EventKind::OutputDelta { .. }
                | EventKind::ReasoningDelta { .. }
                | EventKind::RunRetrying { .. }
                | EventKind::RunFinished(_)
                | EventKind::WorkerStopped => {}
            }
        }
        Err(ReplyError::UnknownRun {
            worker_id,
            run_id: run.run_id,
        })
    }
}
