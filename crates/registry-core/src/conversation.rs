//! The transcript of a worker, and the state of its conversation.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::cursor::Cursor;
use crate::diagnostic::Diagnostic;
use crate::id::RunId;
use crate::run::{LastRun, UsageTotals};

/// Who wrote an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum EntryRole {
    /// An accepted input.
    User,
    /// The reply of a run.
    Assistant,
}

/// One committed entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct TranscriptEntry {
    /// Its number, from 1, without gaps.
    pub sequence: u64,
    /// Who wrote it.
    pub role: EntryRole,
    /// Its text.
    pub content: Arc<str>,
    /// The run it belongs to.
    pub run_id: RunId,
    /// When it was committed.
    pub created_at: Timestamp,
    /// Whether it is a reply whose run did not complete.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
    /// Whether it is an input whose run ended without a word of reply. The model does not get such
    /// an input again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unanswered: bool,
    /// The model's reasoning before this reply, or its beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(nullable = false))]
    pub reasoning: Option<Arc<str>>,
    /// What readers of this reply should know: that it was cut short, or what the model did not get.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schema(max_items = 8))]
    pub diagnostics: Vec<Diagnostic>,
}

/// What a run that has not ended is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum RunPhase {
    /// It waits until there is a place among the runs in progress; its time has not begun. Its start
    /// is no event.
    Queued,
    /// It waits for the first word.
    Waiting,
    /// An attempt failed, and the request is sent again.
    Retrying,
    /// The model reasons.
    Reasoning,
    /// Text of the reply comes.
    Answering,
}

/// The text so far of a run that has not ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct InFlightText {
    /// The run.
    pub run_id: RunId,
    /// What it is doing.
    pub phase: RunPhase,
    /// What it has produced.
    pub text: Arc<str>,
    /// The model's reasoning so far, or its beginning; absent when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(nullable = false))]
    pub reasoning: Option<Arc<str>>,
}

/// A page of a transcript and the event position of the same instant: reading events after
/// `cursor` gives exactly what the page lacks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct TranscriptPage {
    /// Entries in ascending order.
    pub entries: Vec<TranscriptEntry>,
    /// The oldest retained entry; absent when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(nullable = false))]
    pub first_sequence: Option<u64>,
    /// The newest entry; absent when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(nullable = false))]
    pub last_sequence: Option<u64>,
    /// Whether retained entries stand before the page.
    pub has_earlier: bool,
    /// Whether entries stand after the page.
    pub has_later: bool,
    /// Entries before this one were pruned; absent when none was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(nullable = false))]
    pub pruned_before: Option<u64>,
    /// The text so far of the active run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(nullable = false))]
    pub in_flight: Option<InFlightText>,
    /// The event position of the same instant.
    pub cursor: Cursor,
}

/// The retained part of a transcript.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct TranscriptBounds {
    /// Entries retained.
    pub entries: u64,
    /// The oldest retained entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(nullable = false))]
    pub first_sequence: Option<u64>,
    /// The newest entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(nullable = false))]
    pub last_sequence: Option<u64>,
}

/// The state of a worker's conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ConversationSummary {
    /// The retained part of the transcript.
    pub transcript: TranscriptBounds,
    /// The position after the newest event.
    pub latest_cursor: Cursor,
    /// Tokens over all runs.
    pub usage: UsageTotals,
    /// How the newest ended run went.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(nullable = false))]
    pub last_run: Option<LastRun>,
}
