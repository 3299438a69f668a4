//! What a worker and the runtime are doing.

use std::fmt;

use crate::cursor::Epoch;
use crate::store::StoreErrorKind;

/// What a worker is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WorkerState {
    /// It waits for an input.
    Idle,
    /// It has one, and waits until there is a place for another run.
    Queued,
    /// It works on one.
    Running,
    /// Its run is being brought to an early end: by a cancel, a stop, a shutdown, or
    /// because its output is full or there are no bytes left for it.
    Cancelling,
    /// It can be read, and nothing more happens to it.
    Stopped,
}

impl WorkerState {
    /// The state's stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Cancelling => "cancelling",
            Self::Stopped => "stopped",
        }
    }
}

impl fmt::Display for WorkerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The runtime at about one instant: each number is exact, but they are read one
/// after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RuntimeStatus {
    /// Whether it takes new work.
    pub phase: Phase,
    /// The epoch of its cursors.
    pub epoch: Epoch,
    /// The workers, by state.
    pub workers: WorkerCounts,
    /// Runs in progress.
    pub active_runs: usize,
    /// Runs that wait until there is a place for them. None waits while there are places.
    pub queued_runs: usize,
    /// Readers that are waiting for events.
    pub waiting_pollers: usize,
    /// Bytes that all workers in memory hold, with those that are reserved for active runs.
    pub held_bytes: usize,
    /// Workers in memory.
    pub resident_workers: usize,
    /// The store, if there is one.
    pub store: Option<StoreStatus>,
}

/// How the store of a runtime is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreStatus {
    /// Why it doesn't accept changes, if the latest one failed. It is tried again without requests.
    pub failure: Option<StoreErrorKind>,
    /// Its workers that couldn't be read when the runtime was opened.
    pub unreadable_workers: usize,
}

/// Whether a runtime takes new work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// It takes new work.
    Accepting,
    /// It is shutting down, or has shut down; reading still works.
    Stopping,
}

/// How many workers are in each state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WorkerCounts {
    /// See [`WorkerState::Idle`].
    pub idle: usize,
    /// See [`WorkerState::Queued`].
    pub queued: usize,
    /// See [`WorkerState::Running`].
    pub running: usize,
    /// See [`WorkerState::Cancelling`].
    pub cancelling: usize,
    /// See [`WorkerState::Stopped`].
    pub stopped: usize,
}

impl WorkerCounts {
    /// The sum over all states.
    #[must_use]
    pub const fn total(&self) -> usize {
        self.idle + self.queued + self.running + self.cancelling + self.stopped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_have_their_stable_names() {
        let states = [
            (WorkerState::Idle, "idle"),
            (WorkerState::Queued, "queued"),
            (WorkerState::Running, "running"),
            (WorkerState::Cancelling, "cancelling"),
            (WorkerState::Stopped, "stopped"),
        ];
        for (state, name) in states {
            assert_eq!((state.as_str(), state.to_string().as_str()), (name, name));
        }
    }

    #[test]
    fn a_total_is_the_sum_over_all_states() {
        let counts = WorkerCounts {
            idle: 1,
            queued: 20,
            running: 300,
            cancelling: 4_000,
            stopped: 50_000,
        };
        assert_eq!(counts.total(), 54_321);
    }
}
