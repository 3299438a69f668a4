//! Entries of a transcript, and the pages in which they are read.

use std::sync::Arc;

use jiff::Timestamp;

use crate::cursor::Cursor;
use crate::id::RunId;
use crate::limits::ENTRY_OVERHEAD_BYTES;
use crate::run::RunDiagnostics;

/// One committed entry of a transcript. A clone is cheap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The entry's number: 1 for the worker's first, then without gaps.
    pub sequence: u64,
    /// When it was committed, to the millisecond.
    pub at: Timestamp,
    /// Who wrote it.
    pub role: Role,
    /// The run that it started or that produced it.
    pub run_id: RunId,
    /// The text. Never empty.
    pub content: Arc<str>,
    /// Whether the run ended before the reply was whole.
    pub partial: bool,
    /// Whether the run of this input ended without a word of reply. Engines don't see such an
    /// input again.
    pub unanswered: bool,
    /// The reasoning before the reply, as far as [`Limits::reasoning_bytes`](crate::Limits) allow, and
    /// as [`Limits::transcript_bytes`](crate::Limits) allow beside the input and the reply.
    pub reasoning: Option<Arc<str>>,
    /// What readers of a reply should know.
    pub diagnostics: RunDiagnostics,
}

impl Entry {
    /// What it counts against limits of bytes: its texts, and
    /// [`ENTRY_OVERHEAD_BYTES`].
    #[must_use]
    pub fn counted_bytes(&self) -> usize {
        let reasoning = self.reasoning.as_ref().map_or(0, |text| text.len());
        self.content.len() + reasoning + ENTRY_OVERHEAD_BYTES
    }
}

/// Who wrote an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// The person, or program, that sent the input.
    User,
    /// The engine.
    Assistant,
}

impl Role {
    /// Every role.
    pub const ALL: &'static [Self] = &[Self::User, Self::Assistant];

    /// The role's stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Assistant => "assistant",
        }
    }
}

/// Which part of a transcript to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TranscriptQuery {
    /// Where the page is.
    pub position: TranscriptPosition,
    /// How many entries: [`Limits::page_default`](crate::Limits) without a number, and at most
    /// [`Limits::page_max`](crate::Limits). The page also ends at
    /// [`Limits::transcript_page_bytes`](crate::Limits), but has one entry at least.
    pub limit: Option<usize>,
}

/// A position in a transcript.
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

impl TranscriptBounds {
    /// The bounds of the entries from `first` to `last`; there is none when `last` is smaller.
    pub(crate) fn new(first: u64, last: u64) -> Self {
        let held = first <= last;
        Self {
            first_sequence: held.then_some(first),
            last_sequence: held.then_some(last),
            pruned_before: (first > 1).then_some(first),
        }
    }
}

/// A part of a transcript, with the event cursor of the same instant: the page and the events
/// after `cursor` are together the full history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TranscriptPage {
    /// The entries in ascending order.
    pub entries: Vec<Entry>,
    /// Which entries are held in all.
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
    /// What its engine is doing.
    pub phase: RunPhase,
    /// Its text up to the page's cursor; may be empty.
    pub text: Arc<str>,
    /// Its reasoning up to the page's cursor; may be empty.
    pub reasoning: Arc<str>,
}

/// What the engine of a run is doing, by what it did last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RunPhase {
    /// The run waits until there is a place among the runs in progress. Its time has not begun.
    Queued,
    /// The request was sent, and nothing came yet.
    Waiting,
    /// An attempt failed, and the request is sent again.
    Retrying,
    /// Reasoning comes.
    Reasoning,
    /// Text of the reply comes.
    Answering,
}

impl RunPhase {
    /// The phase's stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Waiting => "waiting",
            Self::Retrying => "retrying",
            Self::Reasoning => "reasoning",
            Self::Answering => "answering",
        }
    }
}
