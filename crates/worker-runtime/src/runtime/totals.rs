//! The sums over all workers: bytes, runs, readers, states, and the order of stopping.

use std::collections::VecDeque;
use std::sync::Arc;

use super::pollers::Pollers;
use super::run_queue::RunQueue;
use super::usage_counter::UsageCounter;
use crate::id::WorkerId;
use crate::limits::Limits;
use crate::status::{WorkerCounts, WorkerState};
use crate::sync::{AtomicUsize, Mutex, Ordering};

/// What the slots of one runtime count together.
#[derive(Debug)]
pub(super) struct Totals {
    pub(super) bytes: Arc<UsageCounter>,
    /// The bytes by which the reservation of a run grows.
    reservation_step: usize,
    pub(super) runs: Arc<RunQueue>,
    pub(super) pollers: Arc<Pollers>,
    idle: AtomicUsize,
    queued: AtomicUsize,
    running: AtomicUsize,
    cancelling: AtomicUsize,
    stopped: AtomicUsize,
    /// Stopped workers that aren't forgotten yet, in the order in which they stopped.
    stop_order: Mutex<VecDeque<WorkerId>>,
}

impl Totals {
    pub(super) fn new(limits: &Limits, reservation_step: usize) -> Self {
        Self {
            bytes: UsageCounter::new(limits.total_bytes),
            reservation_step,
            runs: RunQueue::new(limits.concurrent_runs, limits.queued_runs),
            pollers: Pollers::new(limits),
            idle: AtomicUsize::new(0),
            queued: AtomicUsize::new(0),
            running: AtomicUsize::new(0),
            cancelling: AtomicUsize::new(0),
            stopped: AtomicUsize::new(0),
            stop_order: Mutex::default(),
        }
    }

    /// What is reserved for a run that needs so many bytes now, and never more than `max`.
    pub(super) fn in_steps(&self, needed: usize, max: usize) -> usize {
        let whole_steps = needed.checked_next_multiple_of(self.reservation_step);
        whole_steps.map_or(max, |bytes| bytes.min(max))
    }

    pub(super) fn worker_counts(&self) -> WorkerCounts {
        let read = |state| self.count(state).load(Ordering::Relaxed);
        WorkerCounts {
            idle: read(WorkerState::Idle),
            queued: read(WorkerState::Queued),
            running: read(WorkerState::Running),
            cancelling: read(WorkerState::Cancelling),
            stopped: read(WorkerState::Stopped),
        }
    }

    /// Counts a worker that is now in this state.
    pub(super) fn enter(&self, state: WorkerState) {
        self.count(state).fetch_add(1, Ordering::Relaxed);
    }

    /// Stops counting a worker that was in this state.
    pub(super) fn leave(&self, state: WorkerState) {
        self.count(state).fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn push_stopped(&self, id: WorkerId) {
        self.stop_order.with(|order| order.push_back(id));
    }

    pub(super) fn remove_stopped(&self, id: WorkerId) {
        self.stop_order.with(|order| {
            // Mostly the first one, to be forgotten.
            if let Some(index) = order.iter().position(|stopped| *stopped == id) {
                order.remove(index);
            }
        });
    }

    /// The stopped workers, the one first that has been stopped for longest.
    pub(super) fn stopped(&self) -> Vec<WorkerId> {
        self.stop_order
            .with(|order| order.iter().copied().collect())
    }

    fn count(&self, state: WorkerState) -> &AtomicUsize {
        match state {
            WorkerState::Idle => &self.idle,
            WorkerState::Queued => &self.queued,
            WorkerState::Running => &self.running,
            WorkerState::Cancelling => &self.cancelling,
            WorkerState::Stopped => &self.stopped,
        }
    }
}
