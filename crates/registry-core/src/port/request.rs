//! What goes into the ports.

use std::fmt;
use std::time::Duration;

use crate::cursor::Cursor;
use crate::id::{IdempotencyKey, ProfileId, RunId};
use crate::page::{PageLimit, Position};
use crate::text::DisplayName;
use crate::worker_state::WorkerState;

/// The longest an events query may wait. Shorter than the idle timeouts of usual proxies.
pub const EVENT_WAIT_MAX: Duration = EventWait::MAX.get();

/// The longest an events query may gather: a reply that grows once a second no longer looks alive.
pub const EVENT_BATCH_MAX: Duration = EventBatchTime::MAX.get();

/// Which workers to list.
#[derive(Debug, Clone, Default)]
pub struct CatalogQuery {
    /// Where to begin; `None` is the newest worker.
    pub after: Option<Position>,
    /// Only workers in this state.
    pub state: Option<WorkerState>,
    /// How many at most.
    pub limit: PageLimit,
}

/// A worker to create.
#[derive(Debug, Clone, Default)]
pub struct CreateWorker {
    /// Its name for people; without one the runtime makes one up.
    pub display_name: Option<DisplayName>,
    /// Its profile; without one the runtime's default. An unknown one is refused.
    pub profile: Option<ProfileId>,
    /// The name of its model; without one its profile's, or the runtime's default. An unknown one
    /// is refused.
    pub model: Option<DisplayName>,
    /// Makes a repetition of the same request harmless.
    pub idempotency_key: Option<IdempotencyKey>,
}

/// An input for a worker.
#[derive(Clone)]
pub struct Input {
    /// What the person says.
    pub content: String,
    /// Makes a repetition of the same request harmless.
    pub idempotency_key: Option<IdempotencyKey>,
}

/// Shows the size alone: content belongs in no log.
impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Input")
            .field("content_bytes", &self.content.len())
            .finish_non_exhaustive()
    }
}

/// Which run a cancel means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CancelTarget {
    /// Whichever run is active.
    ActiveRun,
    /// This run, and no other that may have become active meanwhile.
    Run(RunId),
}

impl CancelTarget {
    /// The run, where the target names one.
    pub fn named(&self) -> Option<&RunId> {
        match self {
            Self::ActiveRun => None,
            Self::Run(run_id) => Some(run_id),
        }
    }
}

/// Which part of a transcript to read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TranscriptRange {
    /// The newest entries.
    #[default]
    Newest,
    /// The entries right before this sequence.
    Before(u64),
    /// The entries right after this sequence.
    After(u64),
}

/// A part of a transcript, and how much of it.
#[derive(Debug, Clone, Copy, Default)]
pub struct TranscriptQuery {
    /// Which part.
    pub range: TranscriptRange,
    /// How many entries at most.
    pub limit: PageLimit,
}

/// How long an events query waits when there is nothing newer: 0–30 s.
pub type EventWait = TimeUpTo<30_000>;

/// How long an events query gathers more once there is an event: 0–1 s.
pub type EventBatchTime = TimeUpTo<1_000>;

/// A time of at most so many milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TimeUpTo<const MAX_MS: u64>(Duration);

/// A time beyond its bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("over {max_ms} ms")]
pub struct TimeTooLong {
    max_ms: u64,
}

impl<const MAX_MS: u64> TimeUpTo<MAX_MS> {
    /// The longest time.
    pub const MAX: Self = Self(Duration::from_millis(MAX_MS));

    /// This time.
    ///
    /// # Errors
    /// [`TimeTooLong`] beyond the bound: the time is refused, never clamped.
    pub fn new(time: Duration) -> Result<Self, TimeTooLong> {
        if time <= Self::MAX.0 {
            Ok(Self(time))
        } else {
            Err(TimeTooLong { max_ms: MAX_MS })
        }
    }

    /// The time.
    pub const fn get(self) -> Duration {
        self.0
    }
}

/// Which events to read, how long to wait for the first one, and then for more.
#[derive(Debug, Clone, Copy, Default)]
pub struct EventsQuery {
    /// The position to read on from; `None` is the oldest retained event.
    pub after: Option<Cursor>,
    /// How many events at most.
    pub limit: PageLimit,
    /// How long to wait when there is nothing newer.
    pub wait: EventWait,
    /// How long to gather more once there is something, within `wait`.
    pub batch: EventBatchTime,
}
