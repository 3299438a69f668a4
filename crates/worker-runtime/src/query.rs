//! What a caller can ask, and the pages it gets.
//!
//! A `limit` is a wish: none means [`Limits::page_default`](crate::Limits), and more
//! than [`Limits::page_max`](crate::Limits) gives that many. Every page says where to
//! read on.

use std::sync::Arc;
use std::time::Duration;

use crate::cursor::Cursor;
use crate::event::{Entry, Event};
use crate::id::{RunId, WorkerId};
use crate::snapshot::{TranscriptBounds, WorkerSnapshot, WorkerState};

/// Which workers to list, newest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ListQuery {
    /// Go on after (older than) this worker; it needn't exist any more.
    pub after: Option<WorkerId>,
    /// Only workers in this state.
    pub state: Option<WorkerState>,
    /// How many.
    pub limit: Option<usize>,
}

/// Some workers, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerPage<W = WorkerSnapshot> {
    /// The workers, each as it was when the page was built.
    pub workers: Vec<W>,
    /// Where to go on; none at the end of the list. With a filter there can be more
    /// even when the page isn't full: one page looks at no more than
    /// [`Limits::list_scan`](crate::Limits) workers.
    pub next: Option<WorkerId>,
}

/// Which part of a transcript to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TranscriptQuery {
    /// Where.
    pub position: TranscriptPosition,
    /// How many entries. The page also ends at
    /// [`Limits::transcript_page_bytes`](crate::Limits), but has one entry at least.
    pub limit: Option<usize>,
}

/// A place in a transcript.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TranscriptPosition {
    /// The newest entries.
    #[default]
    Newest,
    /// The newest of the entries with lower numbers.
    Before(u64),
    /// The oldest of the entries with higher numbers.
    After(u64),
}

/// A part of a transcript, and the instant in the event log at which it was read: the
/// page and the events after `cursor` are together the full history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TranscriptPage {
    /// The entries in ascending order.
    pub entries: Vec<Entry>,
    /// What is held beyond this page.
    pub bounds: TranscriptBounds,
    /// Whether entries older than this page are held.
    pub has_earlier: bool,
    /// Whether entries newer than this page are held.
    pub has_later: bool,
    /// The reply that is being written.
    pub in_flight: Option<InFlight>,
    /// The position of the same instant in the event log.
    pub cursor: Cursor,
}

/// The reply so far of a run in progress.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InFlight {
    /// The run.
    pub run_id: RunId,
    /// Its text up to the page's cursor; may be empty.
    pub text: Arc<str>,
}

/// Which events to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EventsQuery {
    /// Those after this position; none starts at the oldest event held.
    pub after: Option<Cursor>,
    /// How many.
    pub limit: Option<usize>,
    /// How long to wait when there is none yet; at most [`Limits::wait`](crate::Limits).
    pub wait: Duration,
}

/// Some events in the order in which they happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventBatch {
    /// The events.
    pub events: Vec<Event>,
    /// Where to read on.
    pub next_cursor: Cursor,
    /// Whether there were no more when they were read.
    pub caught_up: bool,
}
