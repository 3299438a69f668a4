//! Copies of the state of a worker and of the runtime, each of one instant.

use std::fmt;

use jiff::Timestamp;

use crate::cursor::{Cursor, Epoch};
use crate::display_name::DisplayName;
use crate::engine::{RunRemarks, Usage};
use crate::event::{RunErrorCode, RunOutcome};
use crate::id::{RunId, WorkerId};
use crate::profile::ProfileId;

/// A worker at one instant, without the text it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerSnapshot {
    /// Its name for programs.
    pub id: WorkerId,
    /// Its name for people.
    pub display_name: DisplayName,
    /// The profile that it was created with.
    pub profile: ProfileId,
    /// What it is doing.
    pub state: WorkerState,
    /// The run in progress; present when `running` or `cancelling`.
    pub active_run: Option<RunId>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When its latest event happened.
    pub last_activity_at: Timestamp,
    /// Which part of its transcript is held.
    pub transcript: TranscriptBounds,
    /// The position after its latest event.
    pub cursor: Cursor,
    /// What its completed runs used, together.
    pub usage: Usage,
    /// How its latest run ended.
    pub last_run: Option<LastRun>,
    /// What was said of its latest run besides the reply.
    pub remarks: RunRemarks,
}

impl WorkerSnapshot {
    /// What a list shows of it.
    #[must_use]
    pub fn listed(&self) -> ListedWorker<'_> {
        ListedWorker {
            id: self.id,
            display_name: &self.display_name,
            profile: &self.profile,
            state: self.state,
            active_run: self.active_run,
            created_at: self.created_at,
            last_activity_at: self.last_activity_at,
            remarks: self.remarks,
        }
    }
}

/// A worker in a list at one instant: a [`WorkerSnapshot`] without its conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListedWorker<'a> {
    /// Its name for programs.
    pub id: WorkerId,
    /// Its name for people.
    pub display_name: &'a DisplayName,
    /// The profile that it was created with.
    pub profile: &'a ProfileId,
    /// What it is doing.
    pub state: WorkerState,
    /// The run in progress; present when `running` or `cancelling`.
    pub active_run: Option<RunId>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When its latest event happened.
    pub last_activity_at: Timestamp,
    /// What was said of its latest run besides the reply.
    pub remarks: RunRemarks,
}

/// What a worker is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WorkerState {
    /// It waits for an input.
    Idle,
    /// It works on one.
    Running,
    /// Its run is being brought to an early end: by a cancel, a stop, a shutdown, or
    /// because its output is full.
    Cancelling,
    /// It is at its end: it can be read, and nothing more happens to it.
    Stopped,
}

impl WorkerState {
    /// The state's stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
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

/// Which entries of a transcript are held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TranscriptBounds {
    /// The oldest entry held; none when there is no entry.
    pub first_sequence: Option<u64>,
    /// The newest entry held.
    pub last_sequence: Option<u64>,
    /// All entries before this one were pruned; none when nothing was.
    pub pruned_before: Option<u64>,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastRun {
    /// The run.
    pub run_id: RunId,
    /// How it ended.
    pub outcome: RunOutcome,
    /// Why it failed, if it did.
    pub error_code: Option<RunErrorCode>,
    /// When it ended.
    pub finished_at: Timestamp,
}

/// The runtime at about one instant: each number is exact, but they are read one
/// after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RuntimeStatus {
    /// Whether it takes new work.
    pub phase: Phase,
    /// This life of the runtime.
    pub epoch: Epoch,
    /// The workers, by state.
    pub workers: WorkerCounts,
    /// Runs in progress.
    pub active_runs: usize,
    /// Readers that are waiting for events.
    pub waiting_pollers: usize,
    /// Bytes that all workers hold, with what active runs may still produce.
    pub held_bytes: usize,
}

/// Whether a runtime takes new work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// It does.
    Accepting,
    /// It is shutting down, or has shut down; reading still works.
    Stopping,
}

/// How many workers are in each state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WorkerCounts {
    /// See [`WorkerState::Idle`].
    pub idle: usize,
    /// See [`WorkerState::Running`].
    pub running: usize,
    /// See [`WorkerState::Cancelling`].
    pub cancelling: usize,
    /// See [`WorkerState::Stopped`].
    pub stopped: usize,
}

impl WorkerCounts {
    /// All of them.
    #[must_use]
    pub const fn total(&self) -> usize {
        self.idle + self.running + self.cancelling + self.stopped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_named_as_the_design_names_them() {
        let states = [
            (WorkerState::Idle, "idle"),
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
            running: 20,
            cancelling: 300,
            stopped: 4_000,
        };
        assert_eq!(counts.total(), 4_321);
    }
}
