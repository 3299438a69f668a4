//! What a worker is doing, and how many workers do what.

use serde::{Deserialize, Serialize};

/// What a worker is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum WorkerState {
    /// It waits for an input.
    Idle,
    /// It has a run that waits until there is a place among those in progress.
    Queued,
    /// It works on a run.
    Running,
    /// Its run is being ended.
    Cancelling,
    /// It accepts nothing any more. Final.
    Stopped,
    /// It is known only from a record, which proves nothing about a live process.
    Recorded,
}

impl WorkerState {
    /// The name that clients see.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Cancelling => "cancelling",
            Self::Stopped => "stopped",
            Self::Recorded => "recorded",
        }
    }
}

/// How many workers are in each state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct WorkersByState {
    /// Workers that wait for an input.
    pub idle: u64,
    /// Workers whose run is queued.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(required = true))]
    pub queued: u64,
    /// Workers with a run in progress.
    pub running: u64,
    /// Workers whose run is being ended.
    pub cancelling: u64,
    /// Workers that accept nothing any more.
    pub stopped: u64,
    /// Workers known only from a record.
    pub recorded: u64,
}

impl WorkersByState {
    /// Each state with its number.
    pub fn iter(&self) -> impl Iterator<Item = (WorkerState, u64)> {
        [
            (WorkerState::Idle, self.idle),
            (WorkerState::Queued, self.queued),
            (WorkerState::Running, self.running),
            (WorkerState::Cancelling, self.cancelling),
            (WorkerState::Stopped, self.stopped),
            (WorkerState::Recorded, self.recorded),
        ]
        .into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_state_is_counted_under_the_name_it_serialises_as() {
        let counts = WorkersByState {
            idle: 1,
            queued: 2,
            running: 3,
            cancelling: 4,
            stopped: 5,
            recorded: 6,
        };
        let serialised = serde_json::to_value(counts).unwrap();
        assert_eq!(counts.iter().count(), serialised.as_object().unwrap().len());
        for (state, number) in counts.iter() {
            assert_eq!(serialised[state.as_str()], number);
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
        }
    }
}
