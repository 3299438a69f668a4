//! Group commit, for implementations of a store whose one writer puts everything that waits for it into
//! one transaction.

use tokio::sync::{mpsc, oneshot};

use super::{Change, StoreError, StoreRecorder};

/// Requests that wait for the writer; further callers wait for room.
pub const COMMIT_QUEUE: usize = 256;
/// Requests in one transaction at most.
const GROUP_REQUESTS: usize = 128;

/// Changes to commit, and who waits for it.
#[derive(Debug)]
pub struct CommitRequest {
    /// The changes.
    pub changes: Vec<Change>,
    answer: oneshot::Sender<Result<(), StoreError>>,
}

impl CommitRequest {
    /// A request, and what its answer comes by: none when the request is dropped.
    #[must_use]
    pub fn new(changes: Vec<Change>) -> (Self, oneshot::Receiver<Result<(), StoreError>>) {
        let (answer, answered) = oneshot::channel();
        (Self { changes, answer }, answered)
    }

    /// This request, and those that wait behind it, for one transaction.
    #[must_use]
    pub fn group(self, queue: &mut mpsc::Receiver<Self>) -> Vec<Self> {
        let mut group = vec![self];
        while group.len() < GROUP_REQUESTS
            && let Ok(request) = queue.try_recv()
        {
            group.push(request);
        }
        group
    }
}

/// Counts the outcomes of a transaction's requests, which are in the same order, and answers them.
pub fn answer_group<E: Into<StoreError>>(
    group: Vec<CommitRequest>,
    outcomes: Vec<Result<(), E>>,
    recorder: &StoreRecorder,
) {
    for (request, outcome) in group.into_iter().zip(outcomes) {
        let outcome = outcome.map_err(E::into);
        match &outcome {
            Ok(()) => recorder.done(),
            Err(error) => recorder.failed(error.kind()),
        }
        // Nobody waits any more: the change is made nevertheless.
        drop(request.answer.send(outcome));
    }
}
