//! The sums over all workers: bytes, runs, readers, states, and the order of stopping.

use std::collections::VecDeque;
use std::sync::Arc;

use super::meter::Meter;
use crate::id::WorkerId;
use crate::limits::Limits;
use crate::snapshot::{WorkerCounts, WorkerState};
use crate::sync::{AtomicUsize, Mutex, Ordering};

/// What the slots of one runtime report to.
#[derive(Debug)]
pub(super) struct Ledger {
    pub(super) bytes: Arc<Meter>,
    pub(super) runs: Arc<Meter>,
    pub(super) pollers: Arc<Meter>,
    idle: AtomicUsize,
    running: AtomicUsize,
    cancelling: AtomicUsize,
    stopped: AtomicUsize,
    /// Stopped workers that aren't forgotten yet, in the order in which they stopped.
    stop_order: Mutex<VecDeque<WorkerId>>,
}

impl Ledger {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            bytes: Meter::new(limits.total_bytes),
            runs: Meter::new(limits.concurrent_runs),
            pollers: Meter::new(limits.pollers),
            idle: AtomicUsize::new(0),
            running: AtomicUsize::new(0),
            cancelling: AtomicUsize::new(0),
            stopped: AtomicUsize::new(0),
            stop_order: Mutex::default(),
        }
    }

    pub(super) fn counts(&self) -> WorkerCounts {
        let read = |state| self.count(state).load(Ordering::Relaxed);
        WorkerCounts {
            idle: read(WorkerState::Idle),
            running: read(WorkerState::Running),
            cancelling: read(WorkerState::Cancelling),
            stopped: read(WorkerState::Stopped),
        }
    }

    /// A worker in this state is there.
    pub(super) fn enter(&self, state: WorkerState) {
        self.count(state).fetch_add(1, Ordering::Relaxed);
    }

    /// A worker in this state is no longer there, or no longer in this state.
    pub(super) fn leave(&self, state: WorkerState) {
        self.count(state).fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn note_stopped(&self, id: WorkerId) {
        self.stop_order.with(|order| order.push_back(id));
    }

    /// Takes out the worker that has been stopped for longest.
    pub(super) fn take_oldest_stopped(&self) -> Option<WorkerId> {
        self.stop_order.with(VecDeque::pop_front)
    }

    fn count(&self, state: WorkerState) -> &AtomicUsize {
        match state {
            WorkerState::Idle => &self.idle,
            WorkerState::Running => &self.running,
            WorkerState::Cancelling => &self.cancelling,
            WorkerState::Stopped => &self.stopped,
        }
    }
}
