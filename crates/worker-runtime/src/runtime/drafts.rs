//! Drafts: what the store gets of a reply while it grows, for the case that the process ends.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use super::run_task::RunStorage;
use super::slot::Slot;
use crate::id::RunId;
use crate::sync;

/// How often the store gets what has come of a reply since: the most that a crash can take from it.
const DRAFT_INTERVAL: Duration = Duration::from_secs(2);

/// Stores the growth of one reply now and then. Each draft is what came since the last one, so
/// that a long reply is written once.
pub(super) struct Drafts {
    slot: Arc<Slot>,
    run_id: RunId,
    storage: RunStorage,
    /// How much of the reply is stored, in bytes.
    stored: usize,
    step: Step,
}

enum Step {
    Resting(Pin<Box<dyn Future<Output = ()> + Send>>),
    /// The commit that is in progress, and how much of the reply is stored when it succeeds.
    Committing(Pin<Box<dyn Future<Output = bool> + Send>>, usize),
}

impl Drafts {
    pub(super) fn new(slot: &Arc<Slot>, run_id: RunId, storage: &RunStorage) -> Self {
        Self {
            slot: Arc::clone(slot),
            run_id,
            storage: storage.clone(),
            stored: 0,
            step: Step::rest(),
        }
    }

    /// Goes on as far as possible, and has the task woken when there is more to do.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) {
        loop {
            match &mut self.step {
                Step::Resting(rest) => {
                    if rest.as_mut().poll(cx).is_pending() {
                        return;
                    }
                    self.step = self.begin();
                }
                Step::Committing(commit, end) => {
                    let Poll::Ready(committed) = commit.as_mut().poll(cx) else {
                        return;
                    };
                    // What wasn't stored is part of the next draft.
                    if committed {
                        self.stored = *end;
                    }
                    self.slot.end_draft();
                    self.step = Step::rest();
                }
            }
        }
    }

    /// Waits for the commit that is in progress.
    pub(super) async fn finish(mut self) {
        if let Step::Committing(commit, _) = &mut self.step {
            commit.await;
            self.slot.end_draft();
        }
    }

    fn begin(&self) -> Step {
        let Some((draft, end)) = self.slot.begin_draft(self.run_id, self.stored) else {
            return Step::rest();
        };
        let RunStorage { storage, executor } = self.storage.clone();
        let commit = async move { storage.commit(&executor, vec![draft]).await.is_ok() };
        Step::Committing(Box::pin(commit), end)
    }
}

impl Step {
    fn rest() -> Self {
        Self::Resting(Box::pin(sync::sleep(DRAFT_INTERVAL)))
    }
}
