//! What goes into the ports and comes out of them.

use std::pin::Pin;
use std::time::Duration;

use futures_core::Stream;
use jiff::Timestamp;

use crate::cursor::Cursor;
use crate::error::SourceError;
use crate::id::{IdempotencyKey, ProfileId, RunId, RuntimeId, WorkerId};
use crate::page::{PageLimit, Position};
use crate::projection::{
    AcceptedInput, ConversationSummary, Diagnostic, Facilities, ImplementationKind, Limit,
    ModelSummary, ProfileSummary, RuntimeCounts, RuntimeStatus, WorkerEvent, WorkerState,
};
use crate::text::{DisplayName, FixedText};

/// The longest an events query may wait. Shorter than the idle timeouts of usual proxies.
pub const EVENT_WAIT_MAX: Duration = Duration::from_secs(30);

/// What never changes about a runtime while it is registered.
#[derive(Debug, Clone)]
pub struct RuntimeDescriptor {
    /// Its name in every path.
    pub runtime_id: RuntimeId,
    /// Its name for people.
    pub display_name: FixedText,
    /// How it is implemented.
    pub implementation_kind: ImplementationKind,
    /// What its workers can reach.
    pub facilities: Facilities,
    /// What answers its workers, where it runs any.
    pub model: Option<ModelSummary>,
    /// The profiles that workers can be created with.
    pub profiles: Vec<ProfileSummary>,
    /// Its named bounds.
    pub limits: Vec<Limit>,
}

/// How a runtime is at one instant.
#[derive(Debug, Clone)]
pub struct SourceStatus {
    /// How well it can answer.
    pub status: RuntimeStatus,
    /// What it holds.
    pub counts: RuntimeCounts,
    /// Remarks about it.
    pub diagnostics: Vec<Diagnostic>,
}

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

/// Workers of one source, newest first.
#[derive(Debug, Clone, Default)]
pub struct CatalogPage {
    /// The workers.
    pub workers: Vec<WorkerRecord>,
    /// Where the next page begins; `None` when this is the last one.
    pub next: Option<Position>,
    /// What the page lacks, and why.
    pub diagnostics: Vec<Diagnostic>,
}

/// What a source knows of one worker. The registry adds what it knows itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerRecord {
    /// Its id within the runtime.
    pub worker_id: WorkerId,
    /// Its name for people.
    pub display_name: DisplayName,
    /// The profile it was created with, where known.
    pub profile: Option<ProfileId>,
    /// What it is doing.
    pub state: WorkerState,
    /// The run it works on.
    pub active_run: Option<RunId>,
    /// When it was created, where known.
    pub created_at: Option<Timestamp>,
    /// When something last happened to it, where known.
    pub last_activity_at: Option<Timestamp>,
    /// Remarks about it.
    pub diagnostics: Vec<Diagnostic>,
}

/// One worker, whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerDetailRecord {
    /// What a list shows of it.
    pub worker: WorkerRecord,
    /// Where its conversation stands; `None` where the source keeps none.
    pub conversation: Option<ConversationSummary>,
}

/// Whether an answer is the first one or a repetition of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Replay {
    /// The operation was carried out now.
    First,
    /// The same key and content came before; nothing was done now.
    Replayed,
}

/// A worker to create.
#[derive(Debug, Clone, Default)]
pub struct CreateWorker {
    /// Its name for people; without one the runtime makes one up.
    pub display_name: Option<DisplayName>,
    /// Its profile; without one the runtime's default. An unknown one is refused.
    pub profile: Option<ProfileId>,
    /// Makes a repetition of the same request harmless.
    pub idempotency_key: Option<IdempotencyKey>,
}

/// A created worker.
#[derive(Debug, Clone)]
pub struct CreatedWorkerRecord {
    /// The worker.
    pub worker: WorkerDetailRecord,
    /// Whether it was created now.
    pub replay: Replay,
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
impl std::fmt::Debug for Input {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Input")
            .field("content_bytes", &self.content.len())
            .finish_non_exhaustive()
    }
}

/// An accepted input.
#[derive(Debug, Clone)]
pub struct InputReceipt {
    /// What was started for it.
    pub accepted: AcceptedInput,
    /// Whether it was accepted now.
    pub replay: Replay,
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
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EventWait(Duration);

/// A wait over 30 s.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("over {} ms", EVENT_WAIT_MAX.as_millis())]
pub struct InvalidEventWait;

impl EventWait {
    /// A wait of `wait`.
    ///
    /// # Errors
    /// [`InvalidEventWait`] over 30 s: the wait is refused, never clamped.
    pub fn new(wait: Duration) -> Result<Self, InvalidEventWait> {
        if wait <= EVENT_WAIT_MAX {
            Ok(Self(wait))
        } else {
            Err(InvalidEventWait)
        }
    }

    /// The wait.
    pub fn get(self) -> Duration {
        self.0
    }
}

/// Which events to read, and how long to wait for the first one.
#[derive(Debug, Clone, Copy, Default)]
pub struct EventsQuery {
    /// The position to read on from; `None` is the oldest retained event.
    pub after: Option<Cursor>,
    /// How many events at most.
    pub limit: PageLimit,
    /// How long to wait when there is nothing newer.
    pub wait: EventWait,
}

/// A subscription: events in order, then at most one error, then the end.
pub type EventStream = Pin<Box<dyn Stream<Item = Result<WorkerEvent, SourceError>> + Send>>;
