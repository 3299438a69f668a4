//! What the reference shows of its workers, and what they count together.

use super::{Create, Runtime};
use crate::reference::model::{Millis, Refusal};
use crate::reference::{Worker, WorkerNumber};
use crate::status::{WorkerCounts, WorkerState};

impl Runtime {
    /// The workers that are known, oldest first.
    pub(crate) fn known(&self) -> impl DoubleEndedIterator<Item = WorkerNumber> {
        (0..self.workers.len()).filter(|number| !self.workers[*number].forgotten)
    }

    /// How many workers were ever created.
    pub(crate) fn total_created(&self) -> usize {
        self.workers.len()
    }

    pub(crate) fn get(&self, number: WorkerNumber) -> Result<&Worker, Refusal> {
        let known = self.workers.get(number).filter(|known| !known.forgotten);
        known
            .map(|known| &known.worker)
            .ok_or(Refusal::UnknownWorker)
    }

    /// The request that created this worker.
    pub(super) fn request(&self, number: WorkerNumber) -> &Create {
        &self.workers[number].request
    }

    /// The name that this worker was given, if it was.
    pub(crate) fn name(&self, number: WorkerNumber) -> Option<&str> {
        self.workers[number].name.as_deref()
    }

    pub(crate) fn is_being_deleted(&self, number: WorkerNumber) -> bool {
        let known = self.workers.get(number);
        known.is_some_and(|known| known.delete_requested && !known.forgotten)
    }

    pub(crate) fn created_at(&self, number: WorkerNumber) -> Millis {
        self.workers[number].created_at
    }

    pub(crate) fn is_shutting_down(&self) -> bool {
        self.shutting_down
    }

    /// The profile and the model that a worker was created with.
    pub(crate) fn choice(&self, number: WorkerNumber) -> (&str, &str) {
        let known = &self.workers[number];
        (known.profile, &known.model)
    }

    /// A page of the list, newest first, and where the next one begins.
    pub(crate) fn list(
        &self,
        after: Option<WorkerNumber>,
        state: Option<WorkerState>,
        most: usize,
    ) -> (Vec<WorkerNumber>, Option<WorkerNumber>) {
        let older = |number: &WorkerNumber| after.is_none_or(|after| *number < after);
        let mut remaining = self.known().rev().filter(older).peekable();
        let examined = state.map_or(most, |_| self.limits.list_scan);
        let (mut page, mut last) = (Vec::new(), None);
        for number in remaining.by_ref().take(examined) {
            last = Some(number);
            if state.is_none_or(|state| self.workers[number].worker.state() == state) {
                page.push(number);
            }
            if page.len() == most {
                break;
            }
        }
        (page, last.filter(|_| remaining.peek().is_some()))
    }

    pub(crate) fn counts(&self) -> WorkerCounts {
        let mut counts = WorkerCounts::default();
        for number in self.known() {
            match self.workers[number].worker.state() {
                WorkerState::Idle => counts.idle += 1,
                WorkerState::Queued => counts.queued += 1,
                WorkerState::Running => counts.running += 1,
                WorkerState::Cancelling => counts.cancelling += 1,
                WorkerState::Stopped => counts.stopped += 1,
            }
        }
        counts
    }

    pub(crate) fn active_runs(&self) -> usize {
        let active = |number: &WorkerNumber| self.workers[*number].worker.active_run().is_some();
        self.known().filter(active).count() - self.queued_runs()
    }

    pub(crate) fn queued_runs(&self) -> usize {
        let queued = |number: &WorkerNumber| self.workers[*number].worker.is_queued();
        self.known().filter(queued).count()
    }

    pub(crate) fn counted_bytes(&self) -> usize {
        let counted = |number: WorkerNumber| self.workers[number].worker.counted_bytes();
        self.known().map(counted).sum()
    }
}
